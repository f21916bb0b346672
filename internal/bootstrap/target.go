package bootstrap

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
)

// portSchemes are gRPC's schemes whose targets are hosts with ports. The targets of the other schemes have none.
var (
	portSchemes  = []string{"dns", "passthrough", "ipv4", "ipv6"}
	otherSchemes = []string{"unix", "unix-abstract", "vsock", "xds", "google-c2p"}
)

// CheckTarget fails if a gRPC target has no port: clients take 443 then, where no control plane listens. It also fails on
// what is not a gRPC target, such as a URL.
func CheckTarget(target string) error {
	endpoint, scheme := target, ""
	if before, after, ok := strings.Cut(target, ":"); ok && (slices.Contains(portSchemes, before) || slices.Contains(otherSchemes, before) || strings.HasPrefix(after, "//")) {
		scheme, endpoint = before, after
	}
	switch {
	case slices.Contains(otherSchemes, scheme):
		return nil
	case scheme != "" && !slices.Contains(portSchemes, scheme):
		return fmt.Errorf("%q is not a gRPC target: write HOST:PORT, without %s://", target, scheme)
	}
	if after, ok := strings.CutPrefix(endpoint, "//"); ok {
		_, endpoint, _ = strings.Cut(after, "/") // without the authority, such as the DNS server
	}
	// The schemes ipv4 and ipv6 take several addresses.
	for one := range strings.SplitSeq(endpoint, ",") {
		host, text, err := net.SplitHostPort(one)
		if err == nil && host == "" {
			return fmt.Errorf("%q has no host: write HOST:PORT, such as %s", target, DefaultServerURI)
		}
		if port, invalid := strconv.ParseUint(text, 10, 16); err != nil || invalid != nil || port == 0 {
			return fmt.Errorf("%q has no port: write HOST:PORT, such as %s", target, DefaultServerURI)
		}
	}
	return nil
}
