package clusters

import (
	"slices"
	"strings"

	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/fields"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
)

// acceptedNames returns the names of which a server's certificate must have one. The list is never empty: with an
// empty list, clients would accept every certificate of the authority. known is false if calls must fail.
func acceptedNames(at report.Field, tls *networking.ClientTLSSettings, p tlsPeer) (names []string, known bool) {
	if written := tls.GetSubjectAltNames(); len(written) > 0 {
		for i, name := range written {
			if name == "" {
				at.Child("subjectAltNames").Index(i).Errorf(mesh.CodeInvalidValue, "The name is empty, and no certificate has an empty name. Calls fail. Remove the entry.")
				return nil, false
			}
			if !wildcard(at.Child("subjectAltNames").Index(i), name) {
				return nil, false
			}
		}
		return written, true
	}
	declared := p.service.SubjectAltNames
	if slices.Contains(declared, "") || slices.ContainsFunc(declared, func(name string) bool { return !wildcard(at, name) }) {
		return nil, false // The ServiceEntry has the Problem of an empty name.
	}
	switch {
	case verifiesAccounts(tls) && p.service.External:
		at.Child("mode").Errorf(mesh.CodeNoCertificate, "%s is outside of the mesh, and its servers have none of the mesh's certificates. Calls fail. "+
			"Set mode to SIMPLE or DISABLE in a DestinationRule for the host, or location to MESH_INTERNAL in the ServiceEntry.", p.service.Ref)
		return nil, false
	case verifiesAccounts(tls):
		names, known = identities(at, p, len(declared) > 0)
		return append(names, declared...), known
	case len(declared) > 0:
		return declared, true
	}
	names = ownNames(tls, p.service)
	at.Child("subjectAltNames").Approximatef("No subjectAltNames are set. The server's certificate must be for %s. If it is for another name, list that name.", ownText(tls))
	return names, true
}

// wildcard reports a * in a name, which gRPC for Java takes for any text, also in a URI. It returns false if calls must
// fail: only in place of the first label of a DNS name is it clear which certificates are meant.
func wildcard(at report.Field, name string) bool {
	rest, leading := strings.CutPrefix(name, "*.")
	switch {
	case !strings.Contains(name, "*"):
	case leading && rest != "" && !strings.ContainsAny(rest, "*/:"):
		at.Approximatef(fields.NoteTLSWildcard, name)
	default:
		at.Errorf(mesh.CodeInvalidValue, "Clients do not agree on the names that %q covers. Calls fail. List the names, or write * in place of the first label, such as *.example.com.", name)
		return false
	}
	return true
}

// identities returns the SPIFFE IDs of the endpoints' service accounts, as in Istio's certificates. others says that the
// servers have other names, too.
func identities(at report.Field, p tlsPeer, others bool) (names []string, known bool) {
	names = p.identitiesOf(p.trust.accounts.All())
	if p.trust.accounts.Unknown && !others {
		at.Child("mode").Errorf(mesh.CodeNoCertificate,
			"%s has endpoints that are not Pods with a service account, so their identity is unknown. Calls to them fail. List their subjectAltNames.", p.service.Ref)
	}
	// No names are known if there are no endpoints. Then there is nothing to call either.
	return names, len(names) > 0 || others
}

// ownNames returns the names of the server in a certificate that is not the mesh's.
func ownNames(tls *networking.ClientTLSSettings, service *mesh.Service) []string {
	switch {
	case tls.GetSni() != "":
		return []string{tls.GetSni()}
	case service.ServerName != "":
		return []string{service.ServerName}
	case service.IsExternalName():
		return []string{service.DNSName}
	}
	names := []string{service.Host}
	// Certificates of a Service may leave out the cluster's domain.
	if prefix := service.Ref.Name + "." + service.Namespace() + ".svc"; strings.HasPrefix(service.Host, prefix+".") {
		names = append(names, prefix)
	}
	return names
}

// serverName returns the name that clients send when they connect, so that a server with several certificates presents
// the right one. It is in all resources: clients without the feature ignore it, and then refuse another certificate by
// its names. auto_host_sni and auto_sni_san_validation are not set: the first would take the name of an endpoint, and the
// second would replace the names that are compared. The servers of a mesh have one certificate, whatever the name.
func serverName(tls *networking.ClientTLSSettings, service *mesh.Service) string {
	if tls.GetMode() == networking.ClientTLSSettings_ISTIO_MUTUAL {
		return tls.GetSni()
	}
	return ownNames(tls, service)[0]
}

func ownText(tls *networking.ClientTLSSettings) string {
	if tls.GetSni() != "" {
		return "the name under sni"
	}
	return "the Service's own host, or its externalName"
}

func exactly(text string) *matcherv3.StringMatcher {
	return &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Exact{Exact: text}}
}
