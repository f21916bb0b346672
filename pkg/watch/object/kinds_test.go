package object

import (
	"slices"
	"strings"
	"testing"
)

// TestKindsAreComplete checks what each row needs and no other test would notice.
func TestKindsAreComplete(t *testing.T) {
	for i, row := range Kinds {
		t.Run(string(row.Kind), func(t *testing.T) {
			if row.Kind.Row() != row {
				t.Error("its kind has another row")
			}
			if resource := row.Resource; resource.Version == "" || !strings.HasPrefix(resource.Resource, strings.TrimSuffix(strings.ToLower(string(row.Kind)), "y")) {
				t.Errorf("got the resource %v, want a resource named like the kind", resource)
			}
			if row.New == nil || row.Convert == nil || row.encode == nil || row.decode == nil {
				t.Error("it has no converter or no codec")
			}
			if row.Optional != (row.NewList == nil) {
				t.Error("want NewList for each built-in kind, and for no other")
			}
			if row.After != "" && !slices.ContainsFunc(Kinds[:i], func(other *KindRow) bool { return other.Kind == row.After }) {
				t.Errorf("want the row of %s before it", row.After)
			}
		})
	}
}

// TestVersionsInFiles finds the row of an object in a file.
func TestVersionsInFiles(t *testing.T) {
	tests := map[string]bool{
		"v1 Service": true, "v2 Service": false, "discovery.k8s.io/v1 EndpointSlice": true, "v1 EndpointSlice": false, "discovery.k8s.io/v1beta1 EndpointSlice": false,
		"networking.istio.io/v1 VirtualService": true, "networking.istio.io/v1beta1 VirtualService": true, "networking.istio.io/v1alpha3 DestinationRule": true,
		"networking.istio.io/v2 VirtualService": false, "networking.istio.io VirtualService": false, "example.com/v1beta1 VirtualService": false, "v1beta1 VirtualService": false,
		"/v1 Service": false, "v1 Secret": false,
	}
	for text, want := range tests {
		version, kind, _ := strings.Cut(text, " ")
		if got := RowOf(version, kind) != nil; got != want {
			t.Errorf("%s is watched: %t, want %t", text, got, want)
		}
	}
}
