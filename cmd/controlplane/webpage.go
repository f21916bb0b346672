package main

import (
	"fmt"
	"io"
	"mime"
	"net/http"

	"k8s.io/client-go/rest"
)

// isWebPage reports whether a response is a page for people. Neither a control plane nor an API server sends one.
func isWebPage(response *http.Response) bool {
	kind, _, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	return err == nil && kind == "text/html"
}

// webPage says what sends such a response.
func webPage(response *http.Response) string {
	text := "a web page (" + response.Status
	// The request of a response is the last one, after redirections.
	if first := response.Request; first.Response != nil {
		text += " from " + first.URL.Host
	}
	return text + "), as a proxy, an ingress or a login page does"
}

// withoutWebPages makes requests to an API server fail if a web page is the answer: its text would be the error.
func withoutWebPages(config *rest.Config) *rest.Config {
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return noWebPages{next} })
	return config
}

// noWebPages fails if the answer is a web page.
type noWebPages struct{ next http.RoundTripper }

func (t noWebPages) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := t.next.RoundTrip(request)
	if err != nil || !isWebPage(response) {
		return response, err
	}
	response.Request = request
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 1<<16)) // so that the connection can be used again
	_ = response.Body.Close()
	return nil, fmt.Errorf("the answer is %s, and not one of an API server: see the server in the kubeconfig", webPage(response))
}
