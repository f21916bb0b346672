package admin

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// requireHost denies requests that a web page may have caused. A page of another site cannot read the answers unless
// its own name resolves to this server (DNS rebinding): so only loopback names and the given hosts are answered. A page
// that sends a request to a loopback name is recognized by what browsers say about the request.
//
// If anyAddress is true, every IP address is a good host: rebinding needs a name.
func requireHost(hosts []string, anyAddress bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := hostname(r.Host)
		if !isLoopback(host) && !slices.Contains(hosts, host) && (!anyAddress || net.ParseIP(host) == nil) {
			writeText(w, http.StatusForbidden, fmt.Sprintf("the host %q is not answered, because a web page could have caused the request: "+
				"ask for localhost, or start the control plane with --admin-hosts", host))
			return
		}
		if crossSite(r) {
			writeText(w, http.StatusForbidden, "a web page of another site caused the request: it is not answered")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// hostname returns the host of HOST, HOST:PORT or [ADDRESS]:PORT in the form in which hosts are compared.
func hostname(text string) string {
	if host, _, err := net.SplitHostPort(text); err == nil {
		text = host
	}
	text = strings.TrimSuffix(strings.TrimPrefix(text, "["), "]")
	return strings.ToLower(strings.TrimSuffix(text, "."))
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// crossSite reports whether a browser marked the request as caused by a page of another origin, except by a link to the page for
// people. Other clients do not mark requests.
func crossSite(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "none", "same-origin":
	default:
		if !opensPage(r) {
			return true
		}
	}
	for _, text := range r.Header.Values("Origin") {
		origin, err := url.Parse(text)
		if err != nil || !strings.EqualFold(origin.Host, r.Host) {
			return true
		}
	}
	return false
}

// opensPage reports whether a browser follows a link to the page for people, such as one in a ticket, in a tab and not in a frame.
// The files of the page contain no data, and its own requests for data are of the same origin.
func opensPage(r *http.Request) bool {
	return r.Method == http.MethodGet && (strings.HasPrefix(r.URL.Path, pagePath) || r.URL.Path == strings.TrimSuffix(pagePath, "/")) &&
		r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
}
