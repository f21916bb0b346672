package mesh

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Manifest is one object of configuration as its author wrote it: what a rollback writes again. It is immutable.
type Manifest struct {
	Ref Ref
	// Text is the object as JSON, with sorted keys: without its status, and of its metadata only what authors write.
	Text string
	// Hash is the Fingerprint of Text alone.
	Hash Fingerprint
	// Created decides which of two rules wins. Generation is metadata.generation. Neither is in Text.
	Created    time.Time
	Generation int64
	// Manager, Operation and Written say which tool wrote the object last, how and when, by metadata.managedFields. The Manager of
	// an object in a file is the file.
	Manager, Operation string
	Written            time.Time
	// File is the file that has the object; empty for an object of a cluster.
	File string
}

// NewManifest returns the Manifest of an object with that text.
func NewManifest(ref Ref, text string) *Manifest {
	sum := sha256.Sum256([]byte(text))
	return &Manifest{Ref: ref, Text: text, Hash: Fingerprint{binary.BigEndian.Uint64(sum[:8]), binary.BigEndian.Uint64(sum[8:16])}}
}

// Equal reports whether two Manifests make the same World. Who wrote them does not matter.
func (m *Manifest) Equal(other *Manifest) bool {
	return m == other || m != nil && other != nil && m.Hash == other.Hash && m.Created.Equal(other.Created)
}

// Fingerprint identifies a set of Manifests by their contents: the sum of their hashes, in any order. It is the same in every
// replica and after every restart. The zero Fingerprint is that of the empty set.
type Fingerprint struct{ high, low uint64 }

// Equal reports whether two sets have the same contents.
func (f Fingerprint) Equal(other Fingerprint) bool { return f == other }

// Plus returns the Fingerprint of the set with a Manifest added.
func (f Fingerprint) Plus(m *Manifest) Fingerprint {
	return Fingerprint{f.high + m.Hash.high, f.low + m.Hash.low}
}

// Minus returns the Fingerprint of the set with a Manifest removed.
func (f Fingerprint) Minus(m *Manifest) Fingerprint {
	return Fingerprint{f.high - m.Hash.high, f.low - m.Hash.low}
}

// MarshalText returns the whole Fingerprint.
func (f Fingerprint) MarshalText() ([]byte, error) {
	return fmt.Appendf(nil, "%016x%016x", f.high, f.low), nil
}

// UnmarshalText reads what MarshalText returns.
func (f *Fingerprint) UnmarshalText(text []byte) error {
	if len(text) != 32 {
		return fmt.Errorf("a fingerprint has 32 digits, not %d", len(text))
	}
	high, errHigh := strconv.ParseUint(string(text[:16]), 16, 64)
	low, errLow := strconv.ParseUint(string(text[16:]), 16, 64)
	*f = Fingerprint{high, low}
	return errors.Join(errHigh, errLow)
}

// String returns a short form, such as g-3f2a91c04d.
func (f Fingerprint) String() string { return fmt.Sprintf("g-%010x", f.high>>24) }
