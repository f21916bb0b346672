package watch

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// storedVersion is that of the form in which objects are stored. It is raised whenever what an older process stored would be taken
// for something else; TestStoredForm asks for it when a field changes.
const storedVersion = 1

// storedHeader stands before the objects and says for whom they are good.
type storedHeader struct {
	Version    int       `json:"version"`
	Cluster    string    `json:"cluster,omitempty"`
	Domain     string    `json:"domain"`
	Namespaces []string  `json:"namespaces,omitempty"`
	Saved      time.Time `json:"saved"`
}

func newStoredHeader(o Options) storedHeader {
	return storedHeader{Version: storedVersion, Cluster: o.Cluster, Domain: o.Domain, Namespaces: slices.Sorted(slices.Values(o.Namespaces))}
}

// storedObject is an object, or what is known of it, as it is stored: its name, what was found wrong with it, and its value under the kind of that.
type storedObject struct {
	Kind      Kind           `json:"kind"`
	Namespace string         `json:"namespace,omitempty"`
	Name      string         `json:"name"`
	Problems  []mesh.Problem `json:"problems,omitempty"`
	// Generation is that of a rule.
	Generation int64 `json:"generation,omitempty"`

	Service         *mesh.Service          `json:"service,omitempty"`
	Slice           *storedSlice           `json:"slice,omitempty"`
	Pod             *storedPod             `json:"pod,omitempty"`
	Node            *mesh.Locality         `json:"node,omitempty"`
	VirtualService  *storedVirtualService  `json:"virtualService,omitempty"`
	DestinationRule *storedDestinationRule `json:"destinationRule,omitempty"`
}

// writeStored writes the header and the objects, each as a line.
func writeStored(w io.Writer, header storedHeader, objects []object) error {
	out := bufio.NewWriter(w)
	lines := json.NewEncoder(out)
	if err := lines.Encode(header); err != nil {
		return fmt.Errorf("encode the header: %w", err)
	}
	for i := range objects {
		stored, err := store(&objects[i])
		if err == nil {
			err = lines.Encode(stored)
		}
		if err != nil {
			return fmt.Errorf("encode %s: %w", objects[i].key.ref(), err)
		}
	}
	return out.Flush()
}

// readStored reads what writeStored wrote, if it is good for the one who wants it, and returns when it was saved.
func readStored(r io.Reader, want storedHeader) (map[objectKey]*object, time.Time, error) {
	lines := json.NewDecoder(r)
	var header storedHeader
	if err := lines.Decode(&header); err != nil {
		return nil, time.Time{}, fmt.Errorf("read the header: %w", err)
	}
	if err := want.fits(header); err != nil {
		return nil, time.Time{}, err
	}
	objects := map[objectKey]*object{}
	for {
		var stored storedObject
		if err := lines.Decode(&stored); errors.Is(err, io.EOF) {
			return objects, header.Saved, nil
		} else if err != nil {
			return nil, time.Time{}, fmt.Errorf("read an object: %w", err)
		}
		o, err := stored.object()
		if err != nil {
			return nil, time.Time{}, fmt.Errorf("read %s: %w", o.key.ref(), err)
		}
		if known := objects[o.key]; known != nil {
			// A line of Problems stands behind that of the value.
			known.problems, known.generation = o.problems, o.generation
			continue
		}
		objects[o.key] = &o
	}
}

// fits says why what a header stands for is not what is wanted.
func (h storedHeader) fits(found storedHeader) error {
	switch {
	case found.Version != h.Version:
		return fmt.Errorf("it is in form %d, and this version reads form %d", found.Version, h.Version)
	case found.Cluster != h.Cluster || found.Domain != h.Domain:
		return fmt.Errorf("it is of the cluster %s with the domain %s, not %s with %s", found.Cluster, found.Domain, h.Cluster, h.Domain)
	case !slices.Equal(found.Namespaces, h.Namespaces):
		return fmt.Errorf("it is of the namespaces %q, not %q", found.Namespaces, h.Namespaces)
	}
	return nil
}

// store makes of an object what is stored of it.
func store(o *object) (storedObject, error) {
	out := storedObject{Kind: o.key.kind, Namespace: o.key.namespace, Name: o.key.name, Problems: o.problems, Generation: o.generation}
	row := o.key.kind.Row()
	if o.value == nil || row == nil {
		return out, nil
	}
	err := row.encode(o.value, &out)
	return out, err
}

// object is the reverse of store.
func (s *storedObject) object() (o object, err error) {
	o = object{key: objectKey{kind: s.Kind, namespace: intern(s.Namespace), name: s.Name}, problems: s.Problems, generation: s.Generation}
	if row := s.Kind.Row(); row != nil {
		o.value, err = row.decode(s)
	}
	return o, err
}

// codec writes the values of a kind into the stored state, and reads them.
type codec struct {
	encode func(value any, to *storedObject) error
	// decode returns nil if no value was stored.
	decode func(from *storedObject) (any, error)
}

// codecOf makes a codec of the field that has the value in the stored form S, and of the functions from and to that form.
func codecOf[V, S any](field func(*storedObject) **S, store func(*V) (*S, error), load func(*S) (*V, error)) codec {
	return codec{
		encode: func(value any, to *storedObject) (err error) {
			v, ok := value.(*V)
			if !ok {
				return fmt.Errorf("a %s has a value of type %T", to.Kind, value)
			}
			*field(to), err = store(v)
			return err
		},
		decode: func(from *storedObject) (any, error) {
			stored := *field(from)
			if stored == nil {
				return nil, nil //nolint:nilnil // no value is what was stored
			}
			return load(stored)
		},
	}
}
