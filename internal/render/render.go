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

// Types are all resource types, in the order in which a client requests them and in which they are printed.
var Types = []snapshot.Type{snapshot.ListenerType, snapshot.ScopeType, snapshot.RouteType, snapshot.ClusterType, snapshot.EndpointType}

// Options select what is printed.
type Options struct {
	// Client is the client that would be sent the resources.
	Client mesh.Client
	// Types to print; all if empty.
	Types []snapshot.Type
	// Names to print, each as a client would request it: a Listener may have any name that a client may dial. If
	// empty, every resource is printed under its canonical name, with the clusters and endpoints that routes lead to
	// although no Service or subset has them: their calls fail.
	//
	// If Names is set and Types is not, the form of a name determines its types.
	Names []string
	// Explain prints where each resource and its parts come from.
	Explain bool
}

// Output is what is printed.
type Output struct {
	Problems  []mesh.Problem `json:"problems"`
	Resources []Resource     `json:"resources"`
	// Unknown are the Listeners of Options.Names that do not exist. Their resources make calls fail, or HTTP clients ask
	// their registry.
	Unknown []string `json:"-"`
}

// Resource is one xDS resource as JSON, with the field names of its protobuf definition.
type Resource struct {
	Type     string          `json:"type"`
	Name     string          `json:"name"`
	Version  string          `json:"version"`
	Resource json.RawMessage `json:"resource"`
	// Origins are the objects and fields that the resource and its parts come from, if Options.Explain is set.
	Origins []Origin `json:"origins,omitempty"`
}

// Snapshot collects the resources of s that the Options select, and all Problems. It fails if a resource cannot be
// decoded.
func Snapshot(s *snapshot.Snapshot, o Options) (*Output, error) {
	out := &Output{Problems: slices.Clone(s.ProblemsOf(o.Client.Kind.Family())), Resources: []Resource{}}
	if out.Problems == nil {
		out.Problems = []mesh.Problem{} // not nil, which is encoded as null
	}
	// Each type leads to resources of the next one: routes to clusters, and these to endpoints.
	var led []string
	for _, t := range Types {
		printed, all := len(o.Types) == 0 || slices.Contains(o.Types, t), names(s, t, o, led)
		led = nil
		for _, name := range all {
			versioned := s.Resource(t, name, o.Client)
			if versioned == nil {
				continue
			}
			if led = append(led, versioned.LeadsTo...); !printed {
				continue
			}
			if versioned.NotFound && !versioned.StandIn && t == snapshot.ListenerType {
				out.Unknown = append(out.Unknown, name)
			}
			resource, err := Of(t, versioned)
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

// names returns the names of that type to print. led are the names that resources of the previous type lead to.
func names(s *snapshot.Snapshot, t snapshot.Type, o Options, led []string) []string {
	if len(o.Names) == 0 {
		all := append(s.Names(t, o.Client), led...)
		slices.Sort(all)
		return slices.Compact(all)
	}
	if len(o.Types) == 1 {
		return o.Names
	}
	return slices.DeleteFunc(slices.Clone(o.Names), func(name string) bool { return !concerns(name, t) })
}

// concerns reports whether a resource of the type may have that name. Clusters, their endpoints and routes have names
// of the same form, except that a route's name has no subset. A server's routes have names of another form. Any other name
// is a Listener's.
func concerns(name string, t snapshot.Type) bool {
	_, subset, _, ok := resource.ParseName(name)
	_, served := resource.ParseInboundRoute(name)
	switch t {
	case snapshot.ListenerType, snapshot.ScopeType:
		return !ok && !served
	case snapshot.RouteType:
		return served || ok && subset == "" && !resource.IsMTLS(name)
	case snapshot.ClusterType, snapshot.EndpointType:
		return ok
	}
	return false
}

// Of returns a resource as JSON.
func Of(t snapshot.Type, v *snapshot.Versioned) (Resource, error) {
	message, err := v.Any().UnmarshalNew()
	if err != nil {
		return Resource{}, fmt.Errorf("decode %s %q: %w", t.Name(), v.Name, err)
	}
	text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(message)
	if err != nil {
		return Resource{}, fmt.Errorf("encode %s %q: %w", t.Name(), v.Name, err)
	}
	// protojson deliberately varies its white space from build to build.
	var compact bytes.Buffer
	if err := json.Compact(&compact, text); err != nil {
		return Resource{}, fmt.Errorf("encode %s %q: %w", t.Name(), v.Name, err)
	}
	return Resource{Type: t.Name(), Name: v.Name, Version: v.Version, Resource: compact.Bytes()}, nil
}
