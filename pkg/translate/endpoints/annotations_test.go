package endpoints

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
	"github.com/mizzen-mesh/mizzen/pkg/translate/translatetest"
)

// TestRefsOfAnnotations checks which objects are named if a client rejects the endpoints.
func TestRefsOfAnnotations(t *testing.T) {
	rule := translatetest.Merged(t, "{}")
	rule.Annotations.SubsetSize = mesh.AnnotationValue[uint32]{Value: 1, Ref: rule.Refs[0]}
	tests := map[string]struct {
		in   Input
		want []mesh.Ref
	}{
		"nobody's wish":  {Input{service: translatetest.Echo(80), destinationRule: translatetest.Merged(t, "{}")}, []mesh.Ref{translatetest.Echo(80).Ref}},
		"the Service's":  {Input{service: translatetest.Annotated("", 1)}, []mesh.Ref{translatetest.Echo(80).Ref}},
		"a rule's":       {Input{service: translatetest.Echo(80), destinationRule: rule}, []mesh.Ref{rule.Refs[0], translatetest.Echo(80).Ref}},
		"that of a rule": {Input{service: translatetest.Annotated("", 1), destinationRule: rule}, []mesh.Ref{rule.Refs[0], translatetest.Echo(80).Ref}},
	}
	for name, test := range tests {
		if diff := cmp.Diff(Translate(test.in)[0].Refs, test.want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", name, diff)
		}
	}
}

// TestEndpointOriginsOfAnnotations checks the Origins of localities with a subset size.
func TestEndpointOriginsOfAnnotations(t *testing.T) {
	s := translatetest.Annotated(mesh.PickFirst, 2)
	set := &mesh.EndpointSet{Host: s.Host, Endpoints: numbered(1)}
	want := []report.Origin{{Path: "endpoints[0]", Ref: translatetest.Echo().Ref, Field: "metadata.annotations[mizzen.dev/subset-size]"}}
	if diff := cmp.Diff(Translate(Input{service: s, endpoints: set})[0].Origins, want); diff != "" {
		t.Errorf("origins (-got +want):\n%s", diff)
	}
}
