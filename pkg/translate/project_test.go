package translate

import (
	"testing"

	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

func TestProjectClient(t *testing.T) {
	labels := func(set map[string]string) mesh.Labels { return mesh.MakeLabels(set) }
	rule := func(namespace string, selector map[string]string) mesh.DestinationRuleCandidate {
		return mesh.DestinationRuleCandidate{Namespace: namespace, Export: mesh.Export{Public: true}, Rule: &mesh.MergedDestinationRule{Selector: selector}}
	}
	client := mesh.Client{Namespace: "shop", Labels: labels(map[string]string{"app": "front", "version": "v1", "pod": "front-17"})}
	asking := func(blocks ...*networking.HTTPMatchRequest) *mesh.VirtualService {
		return &mesh.VirtualService{Spec: &networking.VirtualService{Http: []*networking.HTTPRoute{{}, {Match: blocks}}}}
	}
	connecting := func(block *networking.L4MatchAttributes) *mesh.VirtualService {
		return &mesh.VirtualService{Spec: &networking.VirtualService{Tcp: []*networking.TCPRoute{{Match: []*networking.L4MatchAttributes{block}}}}}
	}
	calling := func(candidates ...mesh.DestinationRuleCandidate) *mesh.VirtualService {
		return &mesh.VirtualService{Destinations: map[string]mesh.Destination{
			"plain": {}, "echo": {DestinationRules: &mesh.DestinationRuleSet{ServiceNamespace: "demo", RootNamespace: "root", Candidates: candidates}},
		}}
	}
	front := labels(map[string]string{"app": "front"})
	tests := map[string]struct {
		routes    *mesh.VirtualService
		namespace string
		labels    mesh.Labels
	}{
		"no routes":            {nil, "", ""},
		"by a connection":      {connecting(&networking.L4MatchAttributes{SourceNamespace: "shop", SourceLabels: map[string]string{"app": "front"}}), "shop", front},
		"nothing asked":        {asking(&networking.HTTPMatchRequest{}), "", ""},
		"its namespace":        {asking(&networking.HTTPMatchRequest{SourceNamespace: "shop"}), "shop", ""},
		"another namespace":    {asking(&networking.HTTPMatchRequest{SourceNamespace: "demo"}), "", ""},
		"its label":            {asking(&networking.HTTPMatchRequest{SourceLabels: map[string]string{"app": "front"}}), "", front},
		"another value":        {asking(&networking.HTTPMatchRequest{SourceLabels: map[string]string{"app": "back"}}), "", ""},
		"one label of two":     {asking(&networking.HTTPMatchRequest{SourceLabels: map[string]string{"app": "front", "tier": "1"}}), "", front},
		"a policy for all":     {calling(rule("demo", nil)), "", ""},
		"a policy of its own":  {calling(rule("demo", nil), rule("shop", nil)), "shop", ""},
		"a policy by labels":   {calling(rule("shop", map[string]string{"app": "front"}), rule("shop", nil)), "shop", front},
		"a policy for others":  {calling(rule("shop", map[string]string{"app": "back"}), rule("demo", nil)), "", ""},
		"labels of others":     {calling(rule("demo", map[string]string{"app": "front"})), "", ""},
		"a policy for its own": {calling(rule("shop", map[string]string{})), "shop", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var all mesh.VirtualServices
			if test.routes != nil {
				all = mesh.MakeVirtualServices(test.routes)
			}
			namespace, labels, bucket := projectClient(all, client)
			if namespace != test.namespace || labels != test.labels {
				t.Errorf("got %q %q, want %q %q", namespace, labels, test.namespace, test.labels)
			}
			if test.routes == nil {
				return
			}
			for text, destination := range test.routes.Destinations {
				if destination.DestinationRules.For(namespace, labels, bucket) != destination.DestinationRules.ForClient(client) {
					t.Errorf("%s: another DestinationRule applies to the projected client", text)
				}
			}
		})
	}
}
