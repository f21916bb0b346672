package installation

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// TestIsolation: pod shop/web with the address 10.1.0.9 connects to the control plane at 10.1.0.1, port 15010 named grpc-xds.
// Each text is the spec of a NetworkPolicy of its namespace.
func TestIsolation(t *testing.T) {
	deny := []string{"{podSelector: {}, policyTypes: [Ingress, Egress]}"}
	cases := map[string]struct {
		egress, ingress []string
		blocked         bool
	}{
		"no policy":                            {},
		"deny all, on the way out":             {egress: deny, blocked: true},
		"deny all, on the way in":              {ingress: deny, blocked: true},
		"a policy for other pods":              {egress: []string{"{podSelector: {matchLabels: {app: db}}, policyTypes: [Egress]}"}},
		"ingress alone of the client":          {egress: []string{"{podSelector: {}, policyTypes: [Ingress]}"}},
		"egress alone of the control plane":    {ingress: []string{"{podSelector: {}, policyTypes: [Egress]}"}},
		"no types: ingress":                    {ingress: []string{"{podSelector: {}}"}, blocked: true},
		"no types and no egress":               {egress: []string{"{podSelector: {}}"}},
		"no types, but egress":                 {egress: []string{"{podSelector: {}, egress: [{ports: [{port: 53}]}]}"}, blocked: true},
		"all allowed":                          {egress: []string{"{podSelector: {}, policyTypes: [Egress], egress: [{}]}"}},
		"allowed by another policy":            {egress: append([]string{"{podSelector: {}, policyTypes: [Egress], egress: [{}]}"}, deny...)},
		"the port":                             {ingress: []string{"{podSelector: {}, ingress: [{ports: [{port: 15010}]}]}"}},
		"another port":                         {ingress: []string{"{podSelector: {}, ingress: [{ports: [{port: 15012}]}]}"}, blocked: true},
		"the port's name":                      {ingress: []string{"{podSelector: {}, ingress: [{ports: [{port: grpc-xds}]}]}"}},
		"the port's name, on the way out":      {egress: []string{"{podSelector: {}, policyTypes: [Egress], egress: [{ports: [{port: grpc-xds}]}]}"}},
		"another port's name":                  {ingress: []string{"{podSelector: {}, ingress: [{ports: [{port: metrics}]}]}"}, blocked: true},
		"a range of ports":                     {ingress: []string{"{podSelector: {}, ingress: [{ports: [{port: 15000, endPort: 15100}]}]}"}},
		"a range below":                        {ingress: []string{"{podSelector: {}, ingress: [{ports: [{port: 15000, endPort: 15009}]}]}"}, blocked: true},
		"UDP":                                  {ingress: []string{"{podSelector: {}, ingress: [{ports: [{protocol: UDP, port: 15010}]}]}"}, blocked: true},
		"TCP":                                  {ingress: []string{"{podSelector: {}, ingress: [{ports: [{protocol: TCP}]}]}"}},
		"all namespaces":                       {ingress: []string{"{podSelector: {}, ingress: [{from: [{namespaceSelector: {}}]}]}"}},
		"the namespace":                        {ingress: []string{"{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {name: shop}}}]}]}"}},
		"another namespace":                    {ingress: []string{"{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {name: till}}}]}]}"}, blocked: true},
		"the namespace and the pod":            {ingress: []string{"{podSelector: {}, ingress: [{from: [{namespaceSelector: {}, podSelector: {matchLabels: {app: web}}}]}]}"}},
		"the namespace and another pod":        {ingress: []string{"{podSelector: {}, ingress: [{from: [{namespaceSelector: {}, podSelector: {matchLabels: {app: db}}}]}]}"}, blocked: true},
		"pods of its own namespace":            {ingress: []string{"{podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}"}, blocked: true},
		"the second peer":                      {ingress: []string{"{podSelector: {}, ingress: [{from: [{podSelector: {}}, {namespaceSelector: {}}]}]}"}},
		"the second rule":                      {ingress: []string{"{podSelector: {}, ingress: [{from: [{podSelector: {}}]}, {from: [{namespaceSelector: {}}]}]}"}},
		"the right peer at the wrong port":     {ingress: []string{"{podSelector: {}, ingress: [{from: [{namespaceSelector: {}}], ports: [{port: 1}]}, {from: [{podSelector: {}}], ports: [{port: 15010}]}]}"}, blocked: true},
		"the address":                          {egress: []string{"{podSelector: {}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 10.1.0.0/16}}]}]}"}},
		"another address":                      {egress: []string{"{podSelector: {}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 10.2.0.0/16}}]}]}"}, blocked: true},
		"the address, excepted":                {egress: []string{"{podSelector: {}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 10.1.0.0/16, except: [10.1.0.0/24]}}]}]}"}, blocked: true},
		"allowed on both ways":                 {egress: []string{"{podSelector: {}, policyTypes: [Egress], egress: [{to: [{namespaceSelector: {matchLabels: {name: mizzen-system}}}]}]}"}, ingress: []string{"{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.1.0.9/32}}]}]}"}},
		"a selector with expressions":          {ingress: []string{"{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchExpressions: [{key: name, operator: In, values: [shop, till]}]}}]}]}"}},
		"a selector with expressions, without": {ingress: []string{"{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchExpressions: [{key: name, operator: DoesNotExist}]}}]}]}"}, blocked: true},
	}
	at := func(ns, pod, ip string, specs []string) place {
		p := place{
			namespace: namespace{metav1.ObjectMeta{Name: ns, Labels: map[string]string{"name": ns}}},
			pod: corev1.Pod{
				ObjectMeta: metav1.ObjectMeta{Name: pod, Labels: map[string]string{"app": pod}},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Ports: []corev1.ContainerPort{{Name: "grpc-xds", ContainerPort: 15010}, {Name: "metrics", ContainerPort: 15020}}}}},
				Status:     corev1.PodStatus{PodIPs: []corev1.PodIP{{IP: ip}}},
			},
		}
		for _, spec := range specs {
			var policy networkPolicy
			if err := yaml.UnmarshalStrict([]byte("{metadata: {name: p, namespace: "+ns+"}, spec: "+spec+"}"), &policy); err != nil {
				t.Fatal(err)
			}
			p.rules = append(p.rules, policy)
		}
		return p
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			by, allow := isolation(at("shop", "web", "10.1.0.9", test.egress), at("mizzen-system", "mizzen", "10.1.0.1", test.ingress), 15010)
			if (by != "") != test.blocked || by != "" && (!strings.Contains(by, "/p") || !strings.Contains(allow, "port 15010")) {
				t.Errorf("got %q and %q, want blocked: %t", by, allow, test.blocked)
			}
		})
	}
}
