package snapshot

import (
	"slices"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/proto"

	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
	"github.com/mizzen-mesh/mizzen/pkg/translate/routes"
)

// Introduce returns base with the Clusters that v names and base does not, in a route that no call takes. Both are versions of one
// RouteConfiguration. A client that is sent it goes on as base says, and finds the Clusters; sent v afterwards, it uses them at once.
// The outcome is made once for all clients. It is v if base names all of them.
func (v *Versioned) Introduce(base *Versioned) *Versioned {
	missing := v.Beyond(base)
	if len(missing) == 0 {
		return v
	}
	return v.introductions.get(base.Version, func(string) *Versioned {
		config := &routev3.RouteConfiguration{}
		if err := proto.Unmarshal(base.wire[base.body:], config); err != nil {
			return v // Not possible: these are bytes that newVersioned marshaled.
		}
		routes.Introduce(config, missing)
		introduction, err := newVersioned(v.t, resource.Resource{Name: v.Name, Message: config, Refs: v.Refs})
		if err != nil {
			return v
		}
		return introduction
	})
}

// Beyond lists what v leads to and base does not.
func (v *Versioned) Beyond(base *Versioned) []string {
	var beyond []string
	for _, name := range v.LeadsTo {
		if _, ok := slices.BinarySearch(base.LeadsTo, name); !ok {
			beyond = append(beyond, name)
		}
	}
	return beyond
}
