package history

import (
	"slices"
	"strings"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
)

// Generation is one state of the configuration, as it is listed.
type Generation struct {
	// Number counts the generations of one replica. ID is made of the contents, and is the same in all.
	Number int       `json:"generation"`
	ID     string    `json:"id"`
	At     time.Time `json:"at"`
	// Previous is the ID of the generation before; empty for the oldest that is kept.
	Previous string `json:"previous,omitempty"`
	Current  bool   `json:"current,omitempty"`
	// First means that nothing was kept before: the causes are what was there.
	First  bool    `json:"first,omitempty"`
	Causes []Cause `json:"causes"`
	// Hosts are those whose rules may differ. Resources are subscribed ones that changed.
	Hosts     []string             `json:"hosts"`
	Resources []serving.ResourceID `json:"resources"`
	// Clients counts the streams that the change concerned and that acknowledged it, Pending those that did not answer yet, and
	// Refused those that rejected some of it.
	Clients int `json:"clients"`
	Pending int `json:"pending"`
	Refused int `json:"refused"`
	// Objects is how many objects of configuration there are.
	Objects int `json:"objects"`
	// LeftOut is how much the lists above leave out; nil if they are complete.
	LeftOut *LeftOut `json:"left_out,omitempty"`
}

// Cause is an object that differs from the generation before, and who changed it.
type Cause struct {
	Object mesh.Ref `json:"object"`
	// Manager is the tool that wrote the object, or the file that has it; empty if that is not known, as for a deletion in a cluster.
	Manager   string     `json:"manager"`
	Operation string     `json:"operation,omitempty"`
	Time      *time.Time `json:"time,omitempty"`
	// Verb is create, update or delete.
	Verb string `json:"verb"`
}

// LeftOut is how much of the lists of a Generation is left out.
type LeftOut struct {
	Causes    int `json:"causes"`
	Hosts     int `json:"hosts"`
	Resources int `json:"resources"`
}

// maxListed bounds each list of a Generation.
const maxListed = 100

// The verbs of a Cause.
const (
	verbCreate = "create"
	verbUpdate = "update"
	verbDelete = "delete"
)

// change is an object in two generations: before or after is nil if it is not in one of them.
type change struct {
	ref           mesh.Ref
	before, after *mesh.Manifest
}

func (c change) verb() string {
	switch {
	case c.before == nil:
		return verbCreate
	case c.after == nil:
		return verbDelete
	}
	return verbUpdate
}

// cause says who made the change.
func (c change) cause() Cause {
	out := Cause{Object: c.ref, Verb: c.verb()}
	if c.after == nil {
		out.Manager = c.before.File // Who deleted an object is not known, but the file that had it is.
		return out
	}
	out.Manager, out.Operation = c.after.Manager, c.after.Operation
	if !c.after.Written.IsZero() {
		out.Time = new(c.after.Written.UTC())
	}
	return out
}

// The sizes in memory of what a generation consists of, beside texts.
const (
	sizeOfGeneration = 640
	sizeOfChange     = 96
	sizeOfManifest   = 208
	sizeOfCause      = 144
	sizeOfText       = 16
)

// bytes is about how many bytes are kept because of the generation: what objects were before, and what is listed. What objects
// were after it is what they were before another one, or are now.
func (g *generation) bytes() int {
	size := sizeOfGeneration + bytesOfChanges(g.changes) + len(g.Causes)*sizeOfCause
	for i := range g.Causes {
		c := &g.Causes[i]
		size += bytesOf(c.Object.Kind, c.Object.Namespace, c.Object.Name, c.Manager, c.Operation)
	}
	for _, r := range g.Resources {
		size += 2*sizeOfText + bytesOf(r.Type, r.Name)
	}
	return size + len(g.Hosts)*sizeOfText + bytesOf(g.Hosts...)
}

// bytesOfChanges is about how many bytes changes take, with what objects were before.
func bytesOfChanges(changes []change) int {
	size := len(changes) * sizeOfChange
	for _, c := range changes {
		if m := c.before; m != nil {
			size += sizeOfManifest + bytesOf(m.Ref.Kind, m.Ref.Namespace, m.Ref.Name, m.Text, m.Manager, m.Operation, m.File)
		}
	}
	return size
}

// bytesOf is about how many bytes texts take: the runtime rounds their sizes up.
func bytesOf(texts ...string) int {
	size := 0
	for _, text := range texts {
		if text != "" {
			size += sizeOfText + len(text) + len(text)/8
		}
	}
	return size
}

// changesBetween lists the objects that differ between two sets, by kind, namespace and name.
func changesBetween(before, after mesh.Map[*mesh.Manifest]) []change {
	var out []change
	for key := range after.Differing(before) {
		a, _ := before.Get(key)
		b, _ := after.Get(key)
		switch {
		case sameText(a, b):
		case b != nil:
			out = append(out, change{b.Ref, a, b})
		default:
			out = append(out, change{a.Ref, a, nil})
		}
	}
	mesh.SortFunc(out, func(a, b change) int { return a.ref.Compare(b.ref) })
	return out
}

// sameText reports whether an object is the same in two generations, or in none of them.
func sameText(a, b *mesh.Manifest) bool {
	return a == b || a != nil && b != nil && a.Hash == b.Hash
}

// cut returns the first items of a list, and how many it leaves out.
func cut[T any](all []T) (kept []T, leftOut int) {
	if len(all) <= maxListed {
		return append([]T{}, all...), 0
	}
	return append([]T{}, all[:maxListed]...), len(all) - maxListed
}

// describe fills in the lists of a Generation.
func (g *Generation) describe(changes []change, hosts []string, resources []serving.ResourceID) {
	causes := make([]Cause, 0, len(changes))
	for _, c := range changes {
		causes = append(causes, c.cause())
	}
	g.LeftOut = nil
	var left LeftOut
	g.Causes, left.Causes = cut(causes)
	g.Hosts, left.Hosts = cut(hosts)
	g.Resources, left.Resources = cut(resources)
	if left != (LeftOut{}) {
		g.LeftOut = &left
	}
}

// concerns reports whether the Generation concerns a host, of which the first labels may be given.
func (g *Generation) concerns(host string) bool {
	return host == "" || slices.ContainsFunc(g.Hosts, func(h string) bool { return isHost(h, host) })
}

// isHost reports whether a text names a host: all of it, or its first labels.
func isHost(host, text string) bool {
	text, _, _ = strings.Cut(strings.ToLower(text), ":")
	return host == text || strings.HasPrefix(host, text+".")
}
