package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// Types are all the types, in the order in which a client asks for them and in which they are shown.
var Types = []snapshot.Type{snapshot.ListenerType, snapshot.RouteType, snapshot.ClusterType, snapshot.EndpointType}

// Options choose what is shown.
type Options struct {
	// Client is whose view is shown.
	Client mesh.Client
	// Types to show; all when empty.
	Types []snapshot.Type
	// Names to show, each as a client would ask for it: a Listener may be named in any way that a client may dial. When
	// empty, every resource is shown under its canonical name.
	//
	// With Names and without Types, the form of a name says which types it concerns.
	Names []string
	// Explain shows where each resource and its parts come from.
	Explain bool
}

// Output is what there is to show.
type Output struct {
	Problems  []mesh.Problem `json:"problems"`
	Resources []Resource     `json:"resources"`
}

// Resource is one xDS resource in its JSON form, with the field names of the protocol's definition.
type Resource struct {
	Type     string          `json:"type"`
	Name     string          `json:"name"`
	Version  string          `json:"version"`
	Resource json.RawMessage `json:"resource"`
	// Origins say where the resource and its parts come from, if that is asked for.
	Origins []Origin `json:"origins,omitempty"`
}

// Snapshot collects what the Options choose of s, and all its Problems.
func Snapshot(s *snapshot.Snapshot, o Options) (*Output, error) {
	out := &Output{Problems: slices.Clone(s.Problems()), Resources: []Resource{}}
	if out.Problems == nil {
		out.Problems = []mesh.Problem{} // an empty array, where nil would be null
	}
	for _, t := range Types {
		if len(o.Types) > 0 && !slices.Contains(o.Types, t) {
			continue
		}
		for _, name := range names(s, t, o) {
			versioned := s.Resource(t, name, o.Client)
			if versioned == nil {
				continue
			}
			resource, err := newResource(t, versioned)
			if err != nil {
				return nil, err
			}
			if o.Explain {
				resource.Origins = origins(s.World(), versioned)
			}
			out.Resources = append(out.Resources, resource)
		}
	}
	return out, nil
}

// names returns those of the type to show.
func names(s *snapshot.Snapshot, t snapshot.Type, o Options) []string {
	if len(o.Names) == 0 {
		return s.Names(t, o.Client)
	}
	if len(o.Types) > 0 {
		return o.Names
	}
	return slices.DeleteFunc(slices.Clone(o.Names), func(name string) bool { return !concerns(name, t) })
}

// concerns says whether a resource of the type may bear that name: clusters, their endpoints and routes have names of one
// form, of which those with a subset name no route; anything else is what a client dials.
func concerns(name string, t snapshot.Type) bool {
	_, subset, _, ok := resource.ParseName(name)
	switch t {
	case snapshot.ListenerType:
		return !ok
	case snapshot.RouteType:
		return ok && subset == ""
	case snapshot.ClusterType, snapshot.EndpointType:
		return ok
	}
	return false
}

func newResource(t snapshot.Type, v *snapshot.Versioned) (Resource, error) {
	message, err := v.Any().UnmarshalNew()
	if err != nil {
		return Resource{}, fmt.Errorf("decode %s %q: %w", t.Name(), v.Name, err)
	}
	text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(message)
	if err != nil {
		return Resource{}, fmt.Errorf("encode %s %q: %w", t.Name(), v.Name, err)
	}
	// protojson varies its white space from build to build on purpose.
	var compact bytes.Buffer
	if err := json.Compact(&compact, text); err != nil {
		return Resource{}, fmt.Errorf("encode %s %q: %w", t.Name(), v.Name, err)
	}
	return Resource{Type: t.Name(), Name: v.Name, Version: v.Version, Resource: compact.Bytes()}, nil
}
