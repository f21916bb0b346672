package clusters

import (
	"strings"

	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
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
		}
		return written, true
	}
	if verifiesAccounts(tls) {
		return identities(at, p)
	}
	names = ownNames(tls, p.service)
	at.Child("subjectAltNames").Approximatef("No subjectAltNames are set. The server's certificate must be for %s. If it is for another name, list that name.", ownText(tls))
	return names, true
}

// identities returns the SPIFFE IDs of the endpoints' service accounts, as in Istio's certificates.
func identities(at report.Field, p tlsPeer) (names []string, known bool) {
	for _, account := range p.trust.accounts.All() {
		names = append(names, "spiffe://"+p.domain+"/ns/"+p.service.Namespace()+"/sa/"+account)
	}
	if p.trust.accounts.Unknown {
		at.Child("mode").Errorf(mesh.CodeNoCertificate,
			"%s has endpoints that are not Pods with a service account, so their identity is unknown. Calls to them fail. List their subjectAltNames.", p.service.Ref)
	}
	// No names are known if there are no endpoints. Then there is nothing to call either.
	return names, len(names) > 0
}

// ownNames returns the names of the server in a certificate that is not the mesh's.
func ownNames(tls *networking.ClientTLSSettings, service *mesh.Service) []string {
	switch {
	case tls.GetSni() != "":
		return []string{tls.GetSni()}
	case service.ExternalName != "":
		return []string{service.ExternalName}
	}
	names := []string{service.Host}
	// Certificates of a Service may leave out the cluster's domain.
	if prefix := service.Ref.Name + "." + service.Namespace() + ".svc"; strings.HasPrefix(service.Host, prefix+".") {
		names = append(names, prefix)
	}
	return names
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
