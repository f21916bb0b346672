package kube

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// TestInformerCloses: what a cluster has of a later version, or without its definition's schema, closes.
func TestInformerCloses(t *testing.T) {
	type fields = map[string]any
	readable := fields{"action": "DENY", "rules": []any{fields{"to": []any{fields{"operation": fields{"paths": []any{"/a"}}}}}}}
	parents := []any{fields{"group": "", "kind": "Service", "name": "echo"}}
	tests := map[string]struct {
		kind object.Kind
		spec any
		want string
		// problems are the codes and fields of the Problems.
		problems []string
	}{
		"readable":                    {object.KindAuthorizationPolicy, readable, "DENY 1", nil},
		"an unknown field of a rule":  {object.KindAuthorizationPolicy, fields{"rules": []any{fields{"unless": []any{fields{}}}}}, "ALLOW 1 spec.rules[0].unless", []string{"UnknownField spec.rules[0].unless"}},
		"an empty list":               {object.KindAuthorizationPolicy, fields{"rules": []any{fields{"from": []any{}}}}, "ALLOW 1 spec.rules[0].from", nil},
		"an unknown field":            {object.KindAuthorizationPolicy, fields{"action": "DENY", "mode": "x"}, "DENY 1", []string{"Closed spec", "UnknownField spec.mode"}},
		"an unknown action":           {object.KindAuthorizationPolicy, fields{"action": "REJECT"}, "DENY 1", []string{"Closed spec", "InvalidValue "}},
		"rules of another type":       {object.KindAuthorizationPolicy, fields{"action": "ALLOW", "rules": "all"}, "ALLOW 0", []string{"Closed spec", "InvalidValue "}},
		"a spec of another type":      {object.KindAuthorizationPolicy, "all", "DENY 1", []string{"Closed spec", "InvalidValue "}},
		"a readable mode":             {object.KindPeerAuthentication, fields{"mtls": fields{"mode": "PERMISSIVE"}}, "PERMISSIVE", nil},
		"an unknown mode":             {object.KindPeerAuthentication, fields{"mtls": fields{"mode": "LAX"}}, "STRICT", []string{"Closed spec.mtls", "InvalidValue "}},
		"a field beside the mode":     {object.KindPeerAuthentication, fields{"mtls": fields{"mode": "PERMISSIVE", "from": "x"}}, "STRICT", []string{"Closed spec.mtls", "UnknownField spec.mtls.from"}},
		"a mode of another type":      {object.KindPeerAuthentication, fields{"mtls": "PERMISSIVE"}, "STRICT", []string{"Closed spec.mtls", "InvalidValue "}},
		"a readable Route":            {object.KindGRPCRoute, fields{"parentRefs": parents, "rules": []any{fields{}}}, "1 parents 1 rules", []string{"NoWeight spec.rules[0].backendRefs"}},
		"a Route of another type":     {object.KindHTTPRoute, fields{"parentRefs": parents, "rules": []any{fields{"name": int64(3)}}}, "1 parents 0 rules", []string{"Closed spec", "InvalidValue "}},
		"parents of another type":     {object.KindGRPCRoute, fields{"parentRefs": "echo"}, "", []string{"InvalidValue ", "InvalidValue spec.parentRefs"}},
		"a port that is not a number": {object.KindPeerAuthentication, fields{"selector": fields{"matchLabels": fields{"a": "b"}}, "portLevelMtls": fields{"http": fields{"mode": "DISABLE"}}}, "STRICT", []string{"Closed spec", "InvalidValue "}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			i := newTestInformer(t, tt.kind)
			rule := &unstructured.Unstructured{Object: fields{
				"apiVersion": "security.istio.io/v1", "kind": string(tt.kind),
				"metadata": fields{"namespace": "a", "name": "b", "generation": int64(7)}, "spec": tt.spec,
			}}
			if err := i.Add(rule); err != nil {
				t.Fatal(err)
			}
			changes, _ := i.inbox.Take()
			o := changes.Objects[object.Key{Kind: tt.kind, Namespace: "a", Name: "b"}]
			if o == nil {
				t.Fatal("got no object")
			}
			if o.Generation != 7 {
				t.Errorf("got generation %d, want 7: without it the object gets no status", o.Generation)
			}
			got := ""
			switch v := o.Value.(type) {
			case *object.AuthorizationPolicy:
				got = strings.TrimSpace(fmt.Sprintf("%s %d %s", v.Spec.GetAction(), len(v.Spec.GetRules()), strings.Join(v.Unknown, " ")))
			case *object.Route:
				got = fmt.Sprintf("%d parents %d rules", len(v.Parents), len(v.Rules))
			case *object.PeerAuthentication:
				got = v.Spec.GetMtls().GetMode().String()
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			var problems []string
			for _, p := range o.Problems {
				if p.Severity == mesh.Error {
					problems = append(problems, fmt.Sprintf("%s %s", p.Code, p.Field))
				}
			}
			slices.Sort(problems)
			if d := cmp.Diff(tt.problems, problems); d != "" {
				t.Errorf("problems (-want +got):\n%s\n%v", d, o.Problems)
			}
		})
	}
	i := newTestInformer(t, object.KindAuthorizationPolicy)
	if err := i.Add((*unstructured.Unstructured)(nil)); err != nil {
		t.Fatal(err)
	}
}
