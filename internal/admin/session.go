package admin

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// SessionPath is where the page signs in and out, and learns whether it must.
const SessionPath = "/ui/session"

const (
	// sessionLifetime is how long a browser stays signed in.
	sessionLifetime = 12 * time.Hour
	// maxSessions bounds the sessions. The one that ends first makes room for the next.
	maxSessions = 1000
	// maxSignInBytes bounds the body of a request that signs in.
	maxSignInBytes = 4096
	// guessBurst is how many tokens in a row one address may send, and guessInterval the time after which it may send one
	// more.
	guessBurst    = 20
	guessInterval = 10 * time.Second
	// maxGuessers bounds the addresses whose guesses are counted apart. All others share one count.
	maxGuessers = 1024
)

// sessions are the browsers that are signed in. A page cannot add the token to all of its requests, and must not keep it:
// it sends the token once, and gets a cookie that scripts cannot read. The cookie is good for reading only.
type sessions struct {
	tokenFile string
	logger    *slog.Logger
	// cookie is the name of the cookie. It differs between processes: browsers send the cookies of one port to all ports of
	// a host, and an operator may look at several replicas through several ports of localhost.
	cookie string

	mu       sync.Mutex
	open     map[digest]session
	guessers map[string]*rate.Limiter
	others   *rate.Limiter
}

type digest [sha256.Size]byte

// session is a browser that is signed in. Sessions are kept by the hash of their cookie.
type session struct {
	expires time.Time
	// token is the hash of the token that signed in. With another token the session has ended.
	token digest
}

func newSessions(tokenFile string, logger *slog.Logger) *sessions {
	return &sessions{
		tokenFile: tokenFile, logger: logger, cookie: "mizzen-" + randomText(4), open: map[digest]session{},
		guessers: map[string]*rate.Limiter{}, others: newGuessLimiter(),
	}
}

// randomText returns n random bytes in hexadecimal.
func randomText(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

func newGuessLimiter() *rate.Limiter { return rate.NewLimiter(rate.Every(guessInterval), guessBurst) }

// of returns the session of a request; ok is false if it has none. token is the present one.
func (s *sessions) of(r *http.Request, token string) (found session, ok bool) {
	cookie, err := r.Cookie(s.cookie)
	if err != nil {
		return session{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key := digest(sha256.Sum256([]byte(cookie.Value)))
	if found, ok = s.open[key]; !ok {
		return session{}, false
	}
	want := sha256.Sum256([]byte(token))
	if time.Now().After(found.expires) || subtle.ConstantTimeCompare(want[:], found.token[:]) == 0 {
		delete(s.open, key)
		return session{}, false
	}
	return found, true
}

// sessionState is what the page learns about itself.
type sessionState struct {
	// Required is set if a token is required.
	Required bool `json:"required"`
	SignedIn bool `json:"signedIn"`
	// Expires is when the browser must sign in again.
	Expires *time.Time `json:"expires,omitempty"`
}

// show answers whether a token is required, and whether the browser is signed in.
func (s *sessions) show(w http.ResponseWriter, r *http.Request) {
	state := sessionState{Required: s.tokenFile != ""}
	if state.Required {
		if token, err := ReadToken(s.tokenFile); err == nil {
			if found, ok := s.of(r, token); ok {
				at := found.expires.UTC()
				state.SignedIn, state.Expires = true, &at
			}
		}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(state) // the client may have closed the connection
}

// signIn opens a session for the token in the body.
func (s *sessions) signIn(w http.ResponseWriter, r *http.Request) {
	if s.tokenFile == "" {
		w.WriteHeader(http.StatusNoContent) // nothing to prove
		return
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		writeText(w, http.StatusUnsupportedMediaType, `the body is JSON: {"token": "…"}, with Content-Type: application/json`)
		return
	}
	if !s.guesser(r).Allow() {
		w.Header().Set("Retry-After", "10")
		writeText(w, http.StatusTooManyRequests, "too many tokens came from this address: try again in 10 seconds")
		return
	}
	var body struct {
		Token string `json:"token"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxSignInBytes)).Decode(&body); err != nil {
		writeText(w, http.StatusBadRequest, fmt.Sprintf(`the body is not {"token": "…"} of at most %d bytes`, maxSignInBytes))
		return
	}
	token, refused := checkToken(s.tokenFile, body.Token, s.logger)
	if refused != "" {
		writeText(w, http.StatusUnauthorized, refused)
		return
	}
	http.SetCookie(w, s.newCookie(r, s.add(token), int(sessionLifetime.Seconds())))
	w.WriteHeader(http.StatusNoContent)
}

// guesser counts the tokens from the address of a request.
func (s *sessions) guesser(r *http.Request) *rate.Limiter {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return s.others
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.guessers[host]; known != nil {
		return known
	}
	if len(s.guessers) >= maxGuessers {
		for address, limiter := range s.guessers {
			if limiter.Tokens() >= guessBurst {
				delete(s.guessers, address)
			}
		}
	}
	if len(s.guessers) >= maxGuessers {
		return s.others
	}
	s.guessers[host] = newGuessLimiter()
	return s.guessers[host]
}

// add opens a session and returns the value of its cookie.
func (s *sessions) add(token string) string {
	value := randomText(sha256.Size)
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for len(s.open) >= maxSessions {
		var first digest
		until := now.Add(2 * sessionLifetime)
		for key, one := range s.open {
			if one.expires.Before(until) {
				first, until = key, one.expires
			}
		}
		delete(s.open, first)
	}
	s.open[sha256.Sum256([]byte(value))] = session{now.Add(sessionLifetime), sha256.Sum256([]byte(token))}
	return value
}

// signOut ends the session of the request.
func (s *sessions) signOut(w http.ResponseWriter, r *http.Request) {
	if cookie, err := r.Cookie(s.cookie); err == nil {
		s.mu.Lock()
		delete(s.open, sha256.Sum256([]byte(cookie.Value)))
		s.mu.Unlock()
	}
	http.SetCookie(w, s.newCookie(r, "", -1))
	w.WriteHeader(http.StatusNoContent)
}

func (s *sessions) newCookie(r *http.Request, value string, seconds int) *http.Cookie {
	return &http.Cookie{ //nolint:gosec // Secure would keep browsers from sending it without TLS
		Name: s.cookie, Value: value, Path: "/", MaxAge: seconds, HttpOnly: true, SameSite: http.SameSiteStrictMode,
		// The admin address itself has no TLS. A proxy in front of it may.
		Secure: r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https",
	}
}
