package clusters

import (
	"strings"

	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
)

// acceptedNames are those of which a server's certificate must bear one. There is always one: to a client without a
// list, whoever has a certificate of the authority is as good as the server. known is false if calls must fail.
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
	if knownByAccount(tls) {
		return identities(at, p)
	}
	names = ownNames(tls, p.service)
	at.Child("subjectAltNames").Approximatef("No subjectAltNames are set. The server's certificate must be for %s. If it is for another name, list that name.", ownText(tls))
	return names, true
}

// identities are those of the accounts that the endpoints run as, in the form that Istio's certificates bear.
func identities(at report.Field, p tlsPeer) (names []string, known bool) {
	for _, account := range p.trust.accounts.All() {
		names = append(names, "spiffe://"+p.domain+"/ns/"+p.service.Namespace()+"/sa/"+account)
	}
	if p.trust.accounts.Unknown {
		at.Child("mode").Errorf(mesh.CodeNoCertificate,
			"%s has endpoints that are not Pods with a service account, so their identity is unknown. Calls to them fail. List their subjectAltNames.", p.service.Ref)
	}
	// Without endpoints there is nobody to call either.
	return names, len(names) > 0
}

// ownNames are the server's own, as it is called from elsewhere.
func ownNames(tls *networking.ClientTLSSettings, service *mesh.Service) []string {
	switch {
	case tls.GetSni() != "":
		return []string{tls.GetSni()}
	case service.ExternalName != "":
		return []string{service.ExternalName}
	}
	names := []string{service.Host}
	// The name of a Service is as good without the cluster's domain.
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
