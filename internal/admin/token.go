package admin

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
)

// minTokenBytes is the shortest accepted token: long enough that it cannot be guessed.
const minTokenBytes = 16

// ReadToken reads a token from a file and removes white space around it. It fails if the token is shorter than
// minTokenBytes.
func ReadToken(file string) (string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("read the token: %w", err)
	}
	token := strings.TrimSpace(string(text))
	if len(token) < minTokenBytes {
		return "", fmt.Errorf("the token in %s is shorter than %d characters", file, minTokenBytes)
	}
	return token, nil
}

// bearer returns the request's bearer token, if it has one.
func bearer(r *http.Request) (string, bool) {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "bearer") {
		return "", false
	}
	return strings.TrimSpace(token), true
}

// requireToken denies requests without the token in the file. The file is read for each request, so that it may be
// replaced. While it cannot be read, all requests are denied. A browser that is signed in may read without the token.
func requireToken(file string, browsers *sessions, logger *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got, ok := bearer(r)
		if !ok && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
			if token, err := ReadToken(file); err == nil {
				if _, signedIn := browsers.of(r, token); signedIn {
					next.ServeHTTP(w, r)
					return
				}
			}
		}
		if !ok {
			unauthorized(w, "a token is needed: the one of --admin-token, as Authorization: Bearer TOKEN")
			return
		}
		if _, refused := checkToken(file, got, logger); refused != "" {
			unauthorized(w, refused)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// checkToken compares a token with the one in the file, which it returns. refused says why it is not the right one.
func checkToken(file, got string, logger *slog.Logger) (want, refused string) {
	want, err := ReadToken(file)
	if err != nil {
		logger.Warn("cannot read the token of the admin address; all requests are denied", "error", err)
		return "", "the control plane cannot read its own token: see its log"
	}
	// The hashes have the same length, so that the time of the comparison does not show the length of the token.
	a, b := sha256.Sum256([]byte(got)), sha256.Sum256([]byte(want))
	if subtle.ConstantTimeCompare(a[:], b[:]) == 0 {
		return "", "the token differs from the token of --admin-token"
	}
	return want, ""
}

func unauthorized(w http.ResponseWriter, why string) {
	w.Header().Set("WWW-Authenticate", "Bearer")
	writeText(w, http.StatusUnauthorized, why)
}
