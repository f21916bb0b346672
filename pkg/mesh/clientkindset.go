package mesh

import (
	"encoding/json"
	"fmt"
	"strings"
)

// ClientKinds is a set of ClientKinds. It is comparable; the zero ClientKinds is empty.
type ClientKinds uint8

// AllClientKinds is all kinds that are told apart.
const AllClientKinds ClientKinds = 1<<clientKindCount - 1

// GRPCClientKinds is all gRPC libraries that are told apart.
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
	for _, a := range kinds {
		s |= 1 << a
	}
	return s
}

// Has says whether a client kind is in the set.
func (s ClientKinds) Has(a ClientKind) bool { return s&(1<<a) != 0 }

// All returns the client kinds of the set, in the order of their constants.
func (s ClientKinds) All() []ClientKind {
	var all []ClientKind
	for a := range clientKindCount {
		if s.Has(a) {
			all = append(all, a)
		}
	}
	return all
}

// String lists the client kinds for people.
func (s ClientKinds) String() string {
	var names []string
	for _, a := range s.All() {
		names = append(names, a.String())
	}
	return strings.Join(names, ", ")
}

// MarshalJSON writes the names of the client kinds as a list.
func (s ClientKinds) MarshalJSON() ([]byte, error) {
	names := []string{}
	for _, a := range s.All() {
		names = append(names, a.String())
	}
	return json.Marshal(names)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (s *ClientKinds) UnmarshalJSON(data []byte) error {
	var names []string
	if err := json.Unmarshal(data, &names); err != nil {
		return fmt.Errorf("read agents: %w", err)
	}
	*s = 0
	for _, name := range names {
		if a, ok := ClientKindNamed(name); ok {
			*s |= MakeClientKinds(a)
		}
	}
	return nil
}
