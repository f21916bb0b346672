package assemble

import (
	"maps"
	"math/rand/v2"

	security "istio.io/api/security/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/internal/watchtest"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// randomLabels are the labels of a pod: some have certificates, and some serve by xDS.
func randomLabels(r *rand.Rand) mesh.Labels {
	labels := map[string]string{"v": watchtest.Pick(r, "1", "2")}
	maps.Copy(labels, watchtest.Pick(r, nil, nil, map[string]string{mesh.LabelServer: "xds"}, map[string]string{mesh.LabelServer: "xds", mesh.LabelIdentity: "spiffe"}))
	return mesh.MakeLabels(labels)
}

// randomSecurity makes an object that configures servers.
func randomSecurity(r *rand.Rand) object.Object {
	kind := watchtest.Pick(r, object.KindAuthorizationPolicy, object.KindPeerAuthentication, object.KindPeerAuthentication, object.KindRequestAuthentication)
	key := object.Key{Kind: kind, Namespace: watchtest.Pick(r, "ns1", "ns2", podOptions.RootNamespace), Name: watchtest.Pick(r, "a", "b", "c")}
	o := object.Object{Key: key}
	scope := watchtest.Pick(r,
		object.PodScope{Labels: map[string]string{}}, object.PodScope{Labels: map[string]string{"v": watchtest.Pick(r, "1", "2", "3")}},
		object.PodScope{Services: []object.ServiceTarget{{Name: watchtest.Pick(r, "a", "b"), Field: "spec.targetRefs[0]"}}, OwnNamespace: true},
	)
	switch kind {
	case object.KindAuthorizationPolicy:
		o.Value = &object.AuthorizationPolicy{Scope: scope, DryRun: r.IntN(4) == 0, Unknown: watchtest.Pick(r, nil, []string{"spec.rules[0].form"}), Spec: &security.AuthorizationPolicy{
			Action: watchtest.Pick(r, security.AuthorizationPolicy_ALLOW, security.AuthorizationPolicy_DENY),
			Rules:  watchtest.Pick(r, nil, []*security.Rule{{From: []*security.Rule_From{{Source: &security.Source{Namespaces: []string{"ns1"}}}}}}, []*security.Rule{{To: []*security.Rule_To{{Operation: &security.Operation{Ports: []string{"1", "3"}}}}}}),
		}}
	case object.KindRequestAuthentication:
		o.Value = &object.RequestAuthentication{Scope: scope, Spec: &security.RequestAuthentication{JwtRules: watchtest.Pick(r, nil, []*security.JWTRule{{Issuer: "x"}})}}
	default:
		o.Value = randomPeers(r)
	}
	if r.IntN(12) == 0 {
		o.Value = nil
	}
	return o
}

func randomPeers(r *rand.Rand) *object.PeerAuthentication {
	mode := func() *security.PeerAuthentication_MutualTLS {
		return &security.PeerAuthentication_MutualTLS{Mode: security.PeerAuthentication_MutualTLS_Mode(r.IntN(4))}
	}
	p := &object.PeerAuthentication{
		Spec: &security.PeerAuthentication{Mtls: mode()}, Created: randomDay(r), Closed: r.IntN(6) == 0,
		Selector: watchtest.Pick(r, nil, map[string]string{"v": watchtest.Pick(r, "1", "2")}),
	}
	if r.IntN(3) == 0 {
		p.Spec.PortLevelMtls = map[uint32]*security.PeerAuthentication_MutualTLS{watchtest.Pick[uint32](r, 1, 2): mode()}
	}
	return p
}
