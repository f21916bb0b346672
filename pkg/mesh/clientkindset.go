package mesh

import (
	"encoding/json"
	"fmt"
	"strings"
)

// ClientKinds is a set of ClientKinds. It is comparable; the zero ClientKinds is empty.
type ClientKinds uint16

// AllClientKinds has every ClientKind, including UnknownClient.
const AllClientKinds ClientKinds = 1<<clientKindCount - 1

// GRPCClientKinds returns all gRPC libraries.
func GRPCClientKinds() ClientKinds {
	var s ClientKinds
	for _, row := range clientKindTable {
		if row.kind.IsGRPC() {
			s |= MakeClientKinds(row.kind)
		}
	}
	return s
}

// MakeClientKinds makes a set.
func MakeClientKinds(kinds ...ClientKind) ClientKinds {
	var s ClientKinds
	for _, kind := range kinds {
		s |= 1 << kind
	}
	return s
}

// Has reports whether a client kind is in the set.
func (s ClientKinds) Has(kind ClientKind) bool { return s&(1<<kind) != 0 }

// All returns the client kinds of the set, in the order of their constants.
func (s ClientKinds) All() []ClientKind {
	var all []ClientKind
	for kind := range clientKindCount {
		if s.Has(kind) {
			all = append(all, kind)
		}
	}
	return all
}

// String lists the names of the client kinds, separated by commas.
func (s ClientKinds) String() string {
	var names []string
	for _, kind := range s.All() {
		names = append(names, kind.String())
	}
	return strings.Join(names, ", ")
}

// MarshalJSON writes the names of the client kinds as a list.
func (s ClientKinds) MarshalJSON() ([]byte, error) {
	names := []string{}
	for _, kind := range s.All() {
		names = append(names, kind.String())
	}
	return json.Marshal(names)
}

// UnmarshalJSON reads what MarshalJSON writes. It skips unknown names.
func (s *ClientKinds) UnmarshalJSON(data []byte) error {
	var names []string
	if err := json.Unmarshal(data, &names); err != nil {
		return fmt.Errorf("read client kinds: %w", err)
	}
	*s = 0
	for _, name := range names {
		if kind, ok := ClientKindNamed(name); ok {
			*s |= MakeClientKinds(kind)
		}
	}
	return nil
}
