package snapshot

import (
	"slices"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/proto"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
	"github.com/mizzen-mesh/mizzen/pkg/translate/routes"
)

// Introduce returns base with one more route, which no call takes and which names the Clusters that v names and base does
// not. Both are versions of one RouteConfiguration, made for the family. The result is v if base names all its Clusters, and also if v differs
// from base by exactly that route: then v introduces its own Clusters. If no route can be added to base, the result is v, too. It is made
// once for all clients.
func (v *Versioned) Introduce(base *Versioned, family mesh.Family) *Versioned {
	missing := v.Beyond(base)
	if len(missing) == 0 || base.OnlyClaimed() {
		return v
	}
	return v.introductions.get(base.Version, func(string) *Versioned {
		config := &routev3.RouteConfiguration{}
		if err := proto.Unmarshal(base.wire[base.body:], config); err != nil {
			return v // Not possible: these are bytes that newVersioned marshaled.
		}
		routes.Introduce(config, missing, family)
		introduction, err := newVersioned(v.t, resource.Resource{Name: v.Name, Message: config, Refs: v.Refs})
		if err != nil || introduction.Version == v.Version || len(v.Beyond(introduction)) > 0 {
			return v // Nothing could be added: base has no virtual hosts.
		}
		return introduction
	})
}

// Beyond lists the names to which v leads and base does not.
func (v *Versioned) Beyond(base *Versioned) []string {
	var beyond []string
	for _, name := range v.LeadsTo {
		if _, ok := slices.BinarySearch(base.LeadsTo, name); !ok {
			beyond = append(beyond, name)
		}
	}
	return beyond
}
