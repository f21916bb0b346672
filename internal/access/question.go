package access

import (
	"fmt"
	"net/netip"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/mizzen-mesh/mizzen/pkg/authz"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// Account is a service account.
type Account = mesh.Account

// ParseAccount parses NAMESPACE/ACCOUNT.
func ParseAccount(text string) (Account, error) {
	namespace, name, ok := strings.Cut(text, "/")
	if !ok || len(validation.IsDNS1123Label(namespace)) > 0 || len(validation.IsDNS1123Subdomain(name)) > 0 {
		return Account{}, fmt.Errorf("%q is not a service account: it has the form NAMESPACE/ACCOUNT, such as shop/web", text)
	}
	return Account{Namespace: namespace, Name: name}, nil
}

// Question is one call.
type Question struct {
	From Account
	// To is what the client dials: HOST:PORT.
	To string
	// Method is /package.Service/Method.
	Method string
	// Headers have names in lower case.
	Headers map[string]string
	// SourceIP is the client's address. The zero Addr is not known.
	SourceIP netip.Addr
	// ToLabels narrow the pods of the Service. If no known pod has them, they describe one.
	ToLabels map[string]string
}

// Validate returns an error if a part of the question makes no sense.
func (q Question) Validate() error {
	host, port, ok := cutPort(q.To)
	if !ok || host == "" || port == "" || strings.ContainsAny(q.To, "/ \t") {
		return fmt.Errorf("%q is not HOST:PORT, such as cart.shop:50051", q.To)
	}
	if parts := strings.Split(q.Method, "/"); len(parts) != 3 || parts[0] != "" || parts[1] == "" || parts[2] == "" || strings.ContainsAny(q.Method, " \t*") {
		return fmt.Errorf("%q is not the full name of a method, such as /package.Service/Method", q.Method)
	}
	for name, value := range q.Headers {
		if err := checkHeader(name, value); err != nil {
			return err
		}
	}
	return nil
}

// AddHeader adds a header. Several values of one header are joined by commas, as servers see them.
func (q Question) AddHeader(name, value string) {
	name = strings.ToLower(name)
	if before, ok := q.Headers[name]; ok {
		value = before + "," + value
	}
	q.Headers[name] = value
}

// cutPort cuts the port off a dialed name.
func cutPort(to string) (host, port string, ok bool) {
	i := strings.LastIndexByte(to, ':')
	if i < 0 {
		return "", "", false
	}
	return to[:i], to[i+1:], true
}

// authorityHeader is the one header of HTTP/2 itself that a caller chooses.
const authorityHeader = ":authority"

// checkHeader rejects what gRPC cannot send.
func checkHeader(name, value string) error {
	const characters = "abcdefghijklmnopqrstuvwxyz0123456789-_."
	switch {
	case name == authorityHeader:
	case name == "" || strings.Trim(name, characters) != "":
		return fmt.Errorf("%q is not the name of a header: write lower-case letters, digits, hyphens, underscores and dots", name)
	case strings.HasPrefix(name, "grpc-"):
		return fmt.Errorf("the header %q is gRPC's own, so no application sends it", name)
	}
	for _, r := range value {
		if r < ' ' || r > '~' {
			return fmt.Errorf("the value of the header %q has the character %q, which gRPC does not send", name, r)
		}
	}
	return nil
}

// Find returns the Service and its port that a client in the namespace dials.
func Find(w *mesh.World, to, namespace string) (*mesh.Service, mesh.Port, error) {
	target := resource.ParseDialTarget(to, namespace, w.Domain)
	service, ok := w.Services.Get(target.Host)
	if alias, isAlias := w.Aliases.Get(target.Host); isAlias && alias.IsService() {
		service, ok = alias.Service, true
	}
	if !ok {
		service, ok = w.Addresses.Get(target.Host)
	}
	if !ok {
		return nil, mesh.Port{}, fmt.Errorf("no Service has the host %s", target.Host)
	}
	port, ok := target.Find(service, mesh.FamilyGRPC)
	if !ok {
		return nil, port, fmt.Errorf("the Service %s/%s has no port %s for gRPC clients", service.Ref.Namespace, service.Ref.Name, target.Port)
	}
	return service, port, nil
}

// call returns what a server sees of the call. A server that accepts plaintext knows no caller.
func (q Question) call(w *mesh.World, secure bool) authz.Call {
	c := authz.Call{Method: q.Method, Authority: q.To, Headers: q.Headers, Peer: q.SourceIP}
	if text, ok := q.Headers[authorityHeader]; ok {
		c.Authority = text
	}
	if secure {
		c.Authenticated, c.Principals = true, []string{q.From.ID(w.Defaults.TrustDomain)}
	}
	return c
}
