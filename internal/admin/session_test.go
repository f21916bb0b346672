package admin

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// browser keeps cookies, as a browser does.
type browser struct {
	handler http.Handler
	cookies map[string]*http.Cookie
	address string
}

func newBrowser(t *testing.T, tokenFile string) *browser {
	t.Helper()
	return &browser{
		address: "127.0.0.1:1234", cookies: map[string]*http.Cookie{},
		handler: newHandler(Options{
			TokenFile: tokenFile, Logger: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(), Ready: make(chan struct{}),
			Lists: []List{NewList("clients", func() []int { return nil })},
			Page:  http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<title>Mizzen</title>") }),
			Calls: map[string]http.Handler{"/call/": http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})},
		}),
	}
}

func (b *browser) do(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	request := httptest.NewRequest(method, path, strings.NewReader(body))
	request.Host, request.RemoteAddr = "localhost:15014", b.address
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	for _, cookie := range b.cookies {
		request.AddCookie(cookie)
	}
	answer := httptest.NewRecorder()
	b.handler.ServeHTTP(answer, request)
	for _, cookie := range answer.Result().Cookies() {
		if cookie.MaxAge < 0 {
			delete(b.cookies, cookie.Name)
		} else {
			b.cookies[cookie.Name] = cookie
		}
	}
	return answer
}

func (b *browser) signIn(token string) *httptest.ResponseRecorder {
	return b.do(http.MethodPost, SessionPath, fmt.Sprintf(`{"token": %q}`, token), "Content-Type", "application/json")
}

func (b *browser) expect(t *testing.T, when string, want int) {
	t.Helper()
	if got := b.do(http.MethodGet, "/api/clients", ""); got.Code != want {
		t.Errorf("%s: got %d %q, want %d", when, got.Code, got.Body, want)
	}
}

// TestSignIn: the page loads without the token, sends it once, and reads by its cookie until that ends.
func TestSignIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "token")
		writeToken(t, file, secret+"\n")
		b := newBrowser(t, file)

		if got := b.do(http.MethodGet, "/ui/", ""); got.Code != http.StatusOK || !strings.Contains(got.Body.String(), "Mizzen") {
			t.Errorf("the page: got %d %q", got.Code, got.Body)
		}
		b.expect(t, "signed out", http.StatusUnauthorized)
		if got := b.do(http.MethodGet, SessionPath, "").Body.String(); got != `{"required":true,"signedIn":false}`+"\n" {
			t.Errorf("signed out: the state is %s", got)
		}
		if got := b.signIn("not the token at all"); got.Code != http.StatusUnauthorized || len(b.cookies) > 0 {
			t.Errorf("a wrong token: got %d and %d cookies", got.Code, len(b.cookies))
		}
		if got := b.signIn(secret); got.Code != http.StatusNoContent || len(b.cookies) != 1 {
			t.Fatalf("got %d %q and %d cookies", got.Code, got.Body, len(b.cookies))
		}
		b.expect(t, "signed in", http.StatusOK)
		want := fmt.Sprintf(`{"required":true,"signedIn":true,"expires":%q}`+"\n", time.Now().Add(12*time.Hour).UTC().Format(time.RFC3339Nano))
		if got := b.do(http.MethodGet, SessionPath, "").Body.String(); got != want {
			t.Errorf("signed in: the state is %s, want %s", got, want)
		}
		for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete} {
			if got := b.do(method, "/call/x", ""); got.Code != http.StatusUnauthorized {
				t.Errorf("%s with the cookie: got %d, want 401: it is good for reading only", method, got.Code)
			}
		}
		<-time.After(12*time.Hour + time.Second)
		b.expect(t, "after 12 hours", http.StatusUnauthorized)
		b.signIn(secret)
		b.expect(t, "signed in again", http.StatusOK)
		stolen := b.cookies
		if got := b.do(http.MethodDelete, SessionPath, ""); got.Code != http.StatusNoContent || len(b.cookies) > 0 {
			t.Errorf("signing out: got %d and %d cookies", got.Code, len(b.cookies))
		}
		b.cookies = stolen
		b.expect(t, "a cookie that signed out", http.StatusUnauthorized)

		b.signIn(secret)
		writeToken(t, file, "another token altogether")
		b.expect(t, "after the token was replaced", http.StatusUnauthorized)
		writeToken(t, file, secret)
		b.expect(t, "after the token came back", http.StatusUnauthorized)
	})
}

func TestCookieAttributes(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	writeToken(t, file, secret)
	for name, test := range map[string]struct {
		forwarded string
		secure    bool
	}{"plaintext": {"", false}, "behind a proxy with TLS": {"https", true}} {
		b := newBrowser(t, file)
		b.do(http.MethodPost, SessionPath, fmt.Sprintf(`{"token": %q}`, secret), "Content-Type", "application/json", "X-Forwarded-Proto", test.forwarded)
		if len(b.cookies) != 1 {
			t.Fatalf("%s: got %d cookies", name, len(b.cookies))
		}
		for _, c := range b.cookies {
			if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.MaxAge != 12*3600 || c.Secure != test.secure || len(c.Value) != 64 || c.Domain != "" {
				t.Errorf("%s: got the cookie %+v", name, c)
			}
		}
	}
	overTLS := httptest.NewRequest(http.MethodPost, SessionPath, http.NoBody)
	overTLS.TLS = &tls.ConnectionState{}
	if !newSessions(file, slog.New(slog.DiscardHandler)).newCookie(overTLS, "x", 1).Secure {
		t.Error("over TLS: the cookie is not Secure")
	}
	a, b := newBrowser(t, file), newBrowser(t, file)
	a.signIn(secret)
	b.signIn(secret)
	for name := range a.cookies {
		if b.cookies[name] != nil {
			t.Errorf("two processes name their cookies %s: the one ends the session of the other", name)
		}
	}
}

// TestGuesses: wrong tokens are limited for each address, and bodies that are none are refused.
func TestGuesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "token")
		writeToken(t, file, secret)
		b := newBrowser(t, file)
		for range guessBurst {
			if got := b.signIn("not the token at all"); got.Code != http.StatusUnauthorized {
				t.Fatalf("got %d, want 401", got.Code)
			}
		}
		if got := b.signIn(secret); got.Code != http.StatusTooManyRequests || got.Header().Get("Retry-After") == "" {
			t.Errorf("after %d guesses: got %d, want 429", guessBurst, got.Code)
		}
		other := *b
		other.address = "10.1.2.3:1"
		if got := other.signIn(secret); got.Code != http.StatusNoContent {
			t.Errorf("from another address: got %d, want 204", got.Code)
		}
		<-time.After(guessInterval)
		if got := b.signIn(secret); got.Code != http.StatusNoContent {
			t.Errorf("later: got %d, want 204", got.Code)
		}
	})
	file := filepath.Join(t.TempDir(), "token")
	writeToken(t, file, secret)
	for name, test := range map[string]struct {
		body, contentType string
		want              int
	}{
		"a form":    {"token=" + secret, "application/x-www-form-urlencoded", http.StatusUnsupportedMediaType},
		"a text":    {fmt.Sprintf(`{"token": %q}`, secret), "text/plain", http.StatusUnsupportedMediaType},
		"no JSON":   {secret, "application/json", http.StatusBadRequest},
		"too large": {`{"token": "` + strings.Repeat("x", maxSignInBytes) + `"}`, "application/json", http.StatusBadRequest},
		"empty":     {`{}`, "application/json", http.StatusUnauthorized},
	} {
		b := newBrowser(t, file)
		if got := b.do(http.MethodPost, SessionPath, test.body, "Content-Type", test.contentType); got.Code != test.want {
			t.Errorf("%s: got %d %q, want %d", name, got.Code, got.Body, test.want)
		}
	}
}

// TestSessionsAreBounded: neither many sessions nor guesses from many addresses use up memory.
func TestSessionsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSessions("x", slog.New(slog.DiscardHandler))
		first := s.add(secret)
		<-time.After(time.Second)
		second := s.add(secret)
		for range maxSessions - 1 {
			s.add(secret)
		}
		has := func(value string) bool {
			r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
			r.AddCookie(s.newCookie(r, value, 1))
			_, ok := s.of(r, secret)
			return ok
		}
		if len(s.open) != maxSessions || has(first) || !has(second) {
			t.Errorf("got %d sessions, the first %t, the second %t; want %d, without the first", len(s.open), has(first), has(second), maxSessions)
		}
		for i := range 3 * maxGuessers {
			r := httptest.NewRequest(http.MethodPost, "/", http.NoBody)
			r.RemoteAddr = fmt.Sprintf("10.0.%d.%d:1", i/250, i%250)
			s.guesser(r).Allow()
		}
		if len(s.guessers) > maxGuessers {
			t.Errorf("guesses of %d addresses are counted, want at most %d", len(s.guessers), maxGuessers)
		}
	})
}

// TestBrowsersAreGuarded: all answers that may contain data have the headers, whatever their status.
func TestBrowsersAreGuarded(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	writeToken(t, file, secret)
	b := newBrowser(t, file)
	want := map[string]string{
		"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
		"X-Content-Type-Options":  "nosniff",
		"Referrer-Policy":         "no-referrer",
	}
	for _, signedIn := range []bool{false, true} {
		for _, path := range []string{"/", "/ui", "/ui/", "/ui/nothing", SessionPath, "/favicon.ico", "/api/clients", "/api/nothing", "/debug/pprof/", "/nothing"} {
			got := b.do(http.MethodGet, path, "")
			for header, text := range want {
				if got.Header().Get(header) != text {
					t.Errorf("%s, signed in %t: %d with %s %q", path, signedIn, got.Code, header, got.Header().Get(header))
				}
			}
		}
		b.signIn(secret)
	}
}

// TestPageIsFound: a browser is led from / to the page, and others are not.
func TestPageIsFound(t *testing.T) {
	b := newBrowser(t, "")
	for _, path := range []string{"/", "/ui"} {
		if got := b.do(http.MethodGet, path, "", "Accept", "text/html,*/*"); got.Code != http.StatusFound || got.Header().Get("Location") != "ui/" {
			t.Errorf("%s: got %d to %q, want 302 to ui/", path, got.Code, got.Header().Get("Location"))
		}
	}
	if got := b.do(http.MethodGet, "/", "", "Accept", "*/*"); got.Code != http.StatusOK || !strings.Contains(got.Body.String(), "/ui/\n") {
		t.Errorf("not a browser: got %d %q, want the paths", got.Code, got.Body)
	}
	if got := b.do(http.MethodGet, SessionPath, "").Body.String(); got != `{"required":false,"signedIn":false}`+"\n" {
		t.Errorf("without a token the state is %s", got)
	}
}

// TestPageIsNotForOtherSites: the page and its sign-in are answered as everything else is.
func TestPageIsNotForOtherSites(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	writeToken(t, file, secret)
	for name, headers := range map[string][]string{
		"another site": {"Sec-Fetch-Site", "cross-site"}, "another origin": {"Origin", "https://evil.example"},
	} {
		b := newBrowser(t, file)
		for _, path := range []string{"/ui/", SessionPath} {
			if got := b.do(http.MethodGet, path, "", headers...); got.Code != http.StatusForbidden {
				t.Errorf("%s: GET %s: got %d, want 403", name, path, got.Code)
			}
		}
		if got := b.do(http.MethodPost, SessionPath, fmt.Sprintf(`{"token": %q}`, secret), append(headers, "Content-Type", "application/json")...); got.Code != http.StatusForbidden || len(b.cookies) > 0 {
			t.Errorf("%s: signing in: got %d, want 403", name, got.Code)
		}
	}
}

// TestPublicServerHasNoPage: the address of health and metrics never shows it.
func TestPublicServerHasNoPage(t *testing.T) {
	handler := newHandler(Options{
		Public: true, Logger: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(), Ready: make(chan struct{}),
		Page: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}),
	})
	for _, path := range []string{"/ui/", "/ui", SessionPath, "/api/events"} {
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, http.NoBody))
		if answer.Code != http.StatusNotFound {
			t.Errorf("%s: got %d, want 404", path, answer.Code)
		}
	}
}
