package view

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"sigs.k8s.io/yaml"

	"github.com/mizzen-mesh/mizzen/internal/load"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// The bounds of what is said about one client.
const (
	maxResources   = 1000
	maxTexts       = 20
	maxTextBytes   = 64 << 10
	maxClientEdges = 200
)

// ClientView is all about one connected client.
type ClientView struct {
	ClientRow

	// Account is the client's service account, as NAMESPACE/NAME; empty if it is not known.
	Account string `json:"account,omitempty"`
	// Certificate is set if the client declares a certificate of the mesh.
	Certificate bool `json:"certificate"`
	// Held are the resources that the client subscribes to: first those that it refused, then those in which it is behind.
	// LeftOut is how many there are beyond them.
	Held    []HeldResource `json:"held"`
	LeftOut int            `json:"leftOut"`
	// Unknown are the names that the client dials and that do not exist.
	Unknown []string `json:"unknown"`
	// Problems are those of the objects that the client's resources are made from.
	Problems        []mesh.Problem `json:"problems"`
	ProblemsLeftOut int            `json:"problemsLeftOut"`
	// Source is the workload under which the client's load reports are counted; nil if it is not known. Edges are the edges
	// of that workload.
	Source       *load.Source `json:"source,omitempty"`
	Edges        []load.Edge  `json:"edges"`
	EdgesLeftOut int          `json:"edgesLeftOut"`
	At           time.Time    `json:"at"`
}

// HeldResource is a resource that a client subscribes to.
type HeldResource struct {
	Type  string `json:"type"`
	Name  string `json:"name"`
	State State  `json:"state"`
	// Current is the version that the client should have, and Held the one that it last accepted; empty if it has none.
	Current string `json:"current"`
	Held    string `json:"held,omitempty"`
	// Sent is set if the client was sent the current version.
	Sent bool `json:"sent"`
	// Reason is the client's message, if it refused the resource.
	Reason  string     `json:"reason,omitempty"`
	Origins []mesh.Ref `json:"origins"`
	// CurrentText and HeldText are the resource as YAML, if the two differ, or if the resource was asked for.
	CurrentText string `json:"currentText,omitempty"`
	HeldText    string `json:"heldText,omitempty"`
}

// serveStream answers everything about one client. With type and name in the query it has one resource, with its text.
func (v *Views) serveStream(w http.ResponseWriter, r *http.Request) {
	current, ok := v.current(w)
	if !ok {
		return
	}
	id := r.PathValue("id")
	for c := range v.o.Store.ClientSyncs() {
		if idOf(&c) == id {
			answer(w, v.stream(r.Context(), current, &c, r.URL.Query().Get("type"), r.URL.Query().Get("name")))
			return
		}
	}
	fail(w, http.StatusNotFound, fmt.Sprintf("no client with the ID %q is connected to this replica: it may have connected again, with another ID", id), nil)
}

func (v *Views) stream(ctx context.Context, s *snapshot.Snapshot, c *serving.ClientSync, onlyType, onlyName string) *ClientView {
	info := c.ClientInfo
	view := &ClientView{ClientRow: rowOf(s.World(), c), Certificate: info.Client.HasCertificate(), Unknown: []string{}, At: time.Now().UTC()}
	if info.Account.Name != "" {
		view.Account = info.Account.String()
	}
	resources := make([]*serving.SyncStatus, len(c.Resources)) // pointers are sorted by code that the binary has already
	for i := range c.Resources {
		resources[i] = &c.Resources[i]
	}
	slices.SortFunc(resources, func(a, b *serving.SyncStatus) int {
		return cmp.Or(cmp.Compare(stateOf(*b).rank(), stateOf(*a).rank()), cmp.Compare(a.Type.Rank(), b.Type.Rank()), cmp.Compare(a.Name, b.Name))
	})
	objects := map[mesh.Ref]bool{}
	for _, r := range resources {
		if r.Type == snapshot.ListenerType && r.Current.NotFound && !r.Current.StandIn {
			view.Unknown = append(view.Unknown, r.Name)
		}
		for _, ref := range r.Current.Refs {
			objects[ref] = true
		}
	}
	held := heldOf(resources, onlyType, onlyName)
	view.Held, view.LeftOut = most(held, maxResources)
	view.Unknown, _ = most(view.Unknown, maxResources)
	var problems []mesh.Problem
	all := v.allProblems(ctx)
	for ref := range objects {
		for _, p := range all.byObject[ref] {
			if p.Concerns(info.Client) {
				problems = append(problems, p)
			}
		}
	}
	view.Problems, view.ProblemsLeftOut = most(mesh.SortProblems(problems), maxProblems)
	view.addEdges(s, info, v.o.Edges())
	return view
}

// heldOf returns the resources, those that differ with their texts. With a type and a name it returns one, with its text.
func heldOf(all []*serving.SyncStatus, onlyType, onlyName string) []HeldResource {
	held := []HeldResource{}
	texts := 0
	for _, r := range all {
		if onlyName != "" && (r.Name != onlyName || r.Type.Name() != onlyType) {
			continue
		}
		one := HeldResource{
			Type: r.Type.Name(), Name: r.Name, State: stateOf(*r), Current: r.Current.Version, Reason: r.Reason,
			Sent: r.Rejected || r.Sent != nil && r.Sent.Version == r.Current.Version, Origins: append([]mesh.Ref{}, r.Current.Refs...),
		}
		if r.Accepted != nil {
			one.Held = r.Accepted.Version
		}
		if onlyName != "" || one.State != Current && texts < maxTexts {
			texts++
			one.CurrentText = textOf(r.Current)
			if r.Accepted != nil && one.Held != one.Current {
				one.HeldText = textOf(r.Accepted)
			}
		}
		held = append(held, one)
	}
	return held
}

// textOf returns a resource as YAML; empty if only its version is known.
func textOf(v *snapshot.Versioned) string {
	if len(v.Wire()) == 0 {
		return ""
	}
	message, err := v.Any().UnmarshalNew()
	if err != nil {
		return fmt.Sprintf("# cannot be decoded: %v\n", err)
	}
	text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(message)
	if err == nil {
		text, err = yaml.JSONToYAML(text)
	}
	if err != nil {
		return fmt.Sprintf("# cannot be shown: %v\n", err)
	}
	if len(text) > maxTextBytes {
		cut := strings.LastIndexByte(string(text[:maxTextBytes]), '\n') + 1
		return string(text[:cut]) + fmt.Sprintf("# %d more bytes are not shown\n", len(text)-cut)
	}
	return string(text)
}

// addEdges adds the edges of the client's workload.
func (c *ClientView) addEdges(s *snapshot.Snapshot, info serving.ClientInfo, all []load.Edge) {
	source := load.SourceOfIdentity(s.World(), info.Identity, info.Client.Namespace, info.Account.Name)
	c.Source = &source
	c.Edges, c.EdgesLeftOut = most(slices.DeleteFunc(all, func(e load.Edge) bool { return e.Source != source }), maxClientEdges)
}
