package history

import (
	"cmp"
	"fmt"

	"sigs.k8s.io/yaml"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
)

// Comparison is what differs between two generations.
type Comparison struct {
	From    string   `json:"from"`
	To      string   `json:"to"`
	Changes []Change `json:"changes"`
	// LeftOut is how many resources differ beyond those in Changes.
	LeftOut int `json:"left_out,omitempty"`
}

// Change is an object or a resource that differs, as YAML. Before or After is empty if it is not in that generation.
type Change struct {
	Object   *mesh.Ref           `json:"object,omitempty"`
	Resource *serving.ResourceID `json:"resource,omitempty"`
	// File is the file that has the object, or had it; empty for a cluster.
	File   string `json:"file,omitempty"`
	Verb   string `json:"verb"`
	Before string `json:"before"`
	After  string `json:"after"`
}

// Name names the object or the resource.
func (c *Change) Name() string {
	switch {
	case c.Object != nil:
		return c.Object.String()
	case c.Resource != nil:
		return c.Resource.Type + " " + c.Resource.Name
	}
	return ""
}

// Compare compares the objects of two generations that concern a host; of all hosts if it is empty.
func (s *Store) Compare(from, to, host string) (*Comparison, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, before, err := s.named(from)
	if err != nil {
		return nil, err
	}
	b, after, err := s.named(to)
	if err != nil {
		return nil, err
	}
	out := &Comparison{From: a, To: b, Changes: []Change{}}
	for _, c := range changesBetween(before, after) {
		if c.names(host, s.domain) {
			out.Changes = append(out.Changes, c.shown())
		}
	}
	return out, nil
}

// Details is a Generation with the objects that differ from the generation before.
type Details struct {
	Generation

	Changes []Change `json:"changes"`
}

// Details returns the generation that a text names.
func (s *Store) Details(text string) (*Details, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, err := s.find(text)
	if err != nil {
		return nil, err
	}
	out := &Details{Generation: s.view(i), Changes: []Change{}}
	for _, c := range s.generations[i].changes {
		out.Changes = append(out.Changes, c.shown())
	}
	return out, nil
}

// shown returns the change as YAML.
func (c change) shown() Change {
	out := Change{Object: &c.ref, Verb: c.verb(), Before: text(c.before), After: text(c.after)}
	if last := cmp.Or(c.after, c.before); last != nil {
		out.File = last.File
	}
	return out
}

// text returns an object as YAML. Without an object it is empty.
func text(m *mesh.Manifest) string {
	if m == nil {
		return ""
	}
	out, err := yaml.JSONToYAML([]byte(m.Text))
	if err != nil {
		return fmt.Sprintf("# %v\n", err) // The text was made as JSON.
	}
	return string(out)
}
