package object

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	networking "istio.io/api/networking/v1"
	istiotype "istio.io/api/type/v1beta1"
	istiov1 "istio.io/client-go/pkg/apis/networking/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// TestExport checks lists of the namespace demo, separated by commas, in rules and in the annotation of a Service.
func TestExport(t *testing.T) {
	public := mesh.Export{Public: true}
	tests := map[string]struct {
		want mesh.Export
		// rule and service are the severities and entries of the Problems.
		rule, service string
	}{
		"":          {public, "", ""},
		"*":         {public, "", ""},
		".":         {mesh.Export{Private: true}, "", ""},
		"demo":      {mesh.Export{Private: true}, "", ""},
		"shop":      {mesh.Export{Namespaces: []string{"shop"}}, "", ""},
		".,shop":    {mesh.Export{Private: true, Namespaces: []string{"shop"}}, "", ""},
		"team-1,b":  {mesh.Export{Namespaces: []string{"b", "team-1"}}, "", ""},
		"~":         {mesh.Export{}, "error [0]", ""},
		"~,shop":    {mesh.Export{}, "error [0]", "warning"},
		"*,shop":    {mesh.Export{Public: true, Namespaces: []string{"shop"}}, "warning", "warning"},
		"*,~":       {public, "error [1], warning", "warning"},
		"shop,shop": {mesh.Export{Namespaces: []string{"shop"}}, "info [1]", ""},
		".,demo":    {mesh.Export{Private: true}, "info [1]", ""},
		"..":        {mesh.Export{}, "error [0]", "warning"},
		".*":        {mesh.Export{}, "error [0]", "warning"},
		"shop-*":    {mesh.Export{}, "error [0]", "warning"},
		"shop/*":    {mesh.Export{}, "error [0]", "warning"},
		"Shop":      {mesh.Export{}, "error [0]", "warning"},
		"x.y,shop":  {mesh.Export{Namespaces: []string{"shop"}}, "error [0]", "warning"},
	}
	for text, test := range tests {
		t.Run(text, func(t *testing.T) {
			var list []string
			if text != "" {
				list = strings.Split(text, ",")
			}
			meta := metav1.ObjectMeta{Name: "a", Namespace: "demo"}
			v := convertVirtualService(&istiov1.VirtualService{ObjectMeta: meta, Spec: networking.VirtualService{Hosts: []string{"a"}, ExportTo: list}}, "cluster.local")
			d := convertDestinationRule(&istiov1.DestinationRule{ObjectMeta: meta, Spec: networking.DestinationRule{Host: "a", ExportTo: list}}, "cluster.local")
			for _, o := range []Object{v, d} {
				if got := severities(o.Problems, "spec.exportTo"); got != test.rule {
					t.Errorf("%s: got %q, want %q", o.Key.Kind, got, test.rule)
				}
			}
			if diff := cmp.Diff(v.Value.(*VirtualService).Export, test.want); diff != "" {
				t.Errorf("VirtualService (-got +want):\n%s", diff)
			}
			if diff := cmp.Diff(d.Value.(*DestinationRule).Export, test.want); diff != "" {
				t.Errorf("DestinationRule (-got +want):\n%s", diff)
			}
			meta.Annotations = map[string]string{"networking.istio.io/exportTo": text}
			s := convertService(&corev1.Service{ObjectMeta: meta}, "cluster.local")
			if got := severities(s.Problems, AnnotationField("networking.istio.io/exportTo")); got != test.service {
				t.Errorf("Service: got %q, want %q", got, test.service)
			}
			if export := s.Value.(*mesh.Service).Export; test.want.Public != (export == nil) || export != nil && !cmp.Equal(*export, test.want) {
				t.Errorf("Service: got %+v, want %+v", export, test.want)
			}
		})
	}
}

func severities(problems []mesh.Problem, field string) string {
	var all []string
	for _, p := range problems {
		if rest, ok := strings.CutPrefix(p.Field, field); ok {
			all = append(all, strings.TrimSpace(fmt.Sprintf("%s %s", p.Severity, rest)))
		}
	}
	return strings.Join(all, ", ")
}

// TestExportOfSelector: a DestinationRule that selects clients applies to those of its own namespace.
func TestExportOfSelector(t *testing.T) {
	for text, want := range map[string]string{"": "", ".": "", "demo": "", "*": "warning", "shop": "warning", ".,shop": "warning"} {
		var list []string
		if text != "" {
			list = strings.Split(text, ",")
		}
		d := convertDestinationRule(&istiov1.DestinationRule{
			ObjectMeta: metav1.ObjectMeta{Name: "a", Namespace: "demo"},
			Spec:       networking.DestinationRule{Host: "a", ExportTo: list, WorkloadSelector: &istiotype.WorkloadSelector{}},
		}, "cluster.local")
		if got := severities(d.Problems, "spec.exportTo"); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
