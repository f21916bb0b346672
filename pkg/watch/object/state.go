package object

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// stateVersion is the version of the format. It must be raised if the state of an older process would be misread;
// TestStoredForm fails when a field changes.
const stateVersion = 4

// StateHeader precedes the objects and identifies their source.
type StateHeader struct {
	Version    int       `json:"version"`
	Cluster    string    `json:"cluster,omitempty"`
	Domain     string    `json:"domain"`
	Namespaces []string  `json:"namespaces,omitempty"`
	Saved      time.Time `json:"saved"`
}

// NewStateHeader returns the header for the state of a cluster with these namespaces; none means all.
func NewStateHeader(cluster, domain string, namespaces []string) StateHeader {
	return StateHeader{Version: stateVersion, Cluster: cluster, Domain: domain, Namespaces: slices.Sorted(slices.Values(namespaces))}
}

// storedObject is the stored form of an object: its Key, its Problems, and its value in the field of its kind.
type storedObject struct {
	Key

	Problems []mesh.Problem `json:"problems,omitempty"`
	Silenced []mesh.Code    `json:"silenced,omitempty"`
	// Generation is the generation of an authored object.
	Generation int64 `json:"generation,omitempty"`

	Service         *mesh.Service          `json:"service,omitempty"`
	Slice           *storedSlice           `json:"slice,omitempty"`
	Pod             *storedPod             `json:"pod,omitempty"`
	Node            *storedNode            `json:"node,omitempty"`
	OfNamespace     *storedNamespace       `json:"labeledNamespace,omitempty"`
	Policy          *storedPolicy          `json:"injectionPolicy,omitempty"`
	VirtualService  *storedVirtualService  `json:"virtualService,omitempty"`
	DestinationRule *storedDestinationRule `json:"destinationRule,omitempty"`
	ServiceEntry    *ServiceEntry          `json:"serviceEntry,omitempty"`
	Workload        *Workload              `json:"workload,omitempty"`
	Sidecar         *storedSidecar         `json:"sidecar,omitempty"`
	GRPCRoute       *storedRoute           `json:"grpcRoute,omitempty"`
	HTTPRoute       *storedRoute           `json:"httpRoute,omitempty"`
	BackendTLS      *storedRoute           `json:"backendTLSPolicy,omitempty"`
	// Verdict is what was decided about a change.
	Verdict *Verdict `json:"verdict,omitempty"`
	// Addresses are those of a name that the control plane resolved.
	Addresses []netip.Addr `json:"addresses,omitempty"`

	Authorization         *storedAuthorizationPolicy   `json:"authorizationPolicy,omitempty"`
	Peer                  *storedPeerAuthentication    `json:"peerAuthentication,omitempty"`
	RequestAuthentication *storedRequestAuthentication `json:"requestAuthentication,omitempty"`
}

// WriteState writes the header and the objects, each as a line of JSON.
func WriteState(w io.Writer, header StateHeader, objects []Object) error {
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
			return fmt.Errorf("encode %s: %w", objects[i].Key.Ref(), err)
		}
	}
	return out.Flush()
}

// ReadState reads what WriteState wrote, and returns when it was saved. It fails if the header does not fit the
// wanted one.
func ReadState(r io.Reader, want StateHeader) (map[Key]*Object, time.Time, error) {
	lines := json.NewDecoder(r)
	var header StateHeader
	if err := lines.Decode(&header); err != nil {
		return nil, time.Time{}, fmt.Errorf("read the header: %w", err)
	}
	if err := want.fits(header); err != nil {
		return nil, time.Time{}, err
	}
	objects := map[Key]*Object{}
	for {
		var stored storedObject
		if err := lines.Decode(&stored); errors.Is(err, io.EOF) {
			return objects, header.Saved, nil
		} else if err != nil {
			return nil, time.Time{}, fmt.Errorf("read an object: %w", err)
		}
		o, err := stored.object()
		if err != nil {
			return nil, time.Time{}, fmt.Errorf("read %s: %w", o.Key.Ref(), err)
		}
		if known := objects[o.Key]; known != nil {
			// A line of Problems follows the line of the value.
			known.Problems, known.Silenced, known.Generation = o.Problems, o.Silenced, o.Generation
			continue
		}
		objects[o.Key] = &o
	}
}

// fits returns an error if the header that was found does not fit.
func (h StateHeader) fits(found StateHeader) error {
	switch {
	case found.Version != h.Version:
		return fmt.Errorf("the state has format %d, and this version reads format %d", found.Version, h.Version)
	case found.Cluster != h.Cluster || found.Domain != h.Domain:
		return fmt.Errorf("the state belongs to cluster %s with domain %s, not to %s with %s", found.Cluster, found.Domain, h.Cluster, h.Domain)
	case !slices.Equal(found.Namespaces, h.Namespaces):
		return fmt.Errorf("the state is of the namespaces %q, not %q", found.Namespaces, h.Namespaces)
	}
	return nil
}

// store returns the stored form of an object.
func store(o *Object) (storedObject, error) {
	out := storedObject{Key: o.Key, Problems: o.Problems, Silenced: o.Silenced, Generation: o.Generation}
	if n, ok := o.Value.(*Name); ok {
		out.Addresses = n.Addresses
	}
	out.Verdict, _ = o.Value.(*Verdict)
	row := o.Key.Kind.Row()
	if o.Value == nil || row == nil {
		return out, nil
	}
	err := row.encode(o.Value, &out)
	return out, err
}

// object is the reverse of store.
func (s *storedObject) object() (o Object, err error) {
	s.Namespace = Intern(s.Namespace)
	o = Object{Key: s.Key, Problems: s.Problems, Silenced: s.Silenced, Generation: s.Generation}
	if row := s.Kind.Row(); row != nil {
		o.Value, err = row.decode(s)
	} else if s.Kind == KindName {
		o.Value = &Name{Addresses: s.Addresses}
	} else if s.Verdict != nil {
		o.Value = s.Verdict
	}
	return o, err
}

// codec stores the values of a kind, and loads them.
type codec struct {
	encode func(value any, to *storedObject) error
	// decode returns nil if no value was stored.
	decode func(from *storedObject) (any, error)
}

// codecOf makes a codec of the field of the stored form S, and of the functions from and to that form.
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
