package httpscenes

import (
	"context"
	"io"
	"net/http"
	"strings"
)

// Handle is a Backend as a handler of net/http.
func Handle(b *Backend, w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	status, text, version := b.Answer(Request{r.Method, r.URL.RequestURI(), r.Host, string(body), r.Header.Get})
	w.Header().Set("Server-Version", version)
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}

// NewRequest is a request of net/http, with headers as NAME=VALUE.
func NewRequest(ctx context.Context, method, url, body string, headers ...string) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, "=")
		r.Header.Set(name, value)
	}
	return r, nil
}

// ResponseOf reads a response of net/http.
func ResponseOf(r *http.Response, err error) (Response, error) {
	if err != nil {
		return Response{}, err
	}
	defer func() { _ = r.Body.Close() }()
	body, err := io.ReadAll(r.Body)
	return Response{r.StatusCode, string(body), r.Header.Get}, err
}
