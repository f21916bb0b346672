package authority

import (
	"cmp"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

// rootsKey is the key of the state's Secret that has the roots. The authority in use has the same keys as the desired one.
const rootsKey = "roots.json"

// Root is what is recorded about a root.
type Root struct {
	Certificate *x509.Certificate
	// PublishedAt is since when the root is in the trust bundle; zero if it is not.
	PublishedAt time.Time
	// LeavesUntil is when the last leaf below the root has expired. It is recorded before such a leaf is signed. Zero if
	// no leaf was signed.
	LeavesUntil time.Time
	// First is true if there was no bundle before: then no pod has another, and leaves may be signed as soon as it is
	// published.
	First bool
}

// State is what has to outlive the process: which authority is in use, and what is known about roots.
type State struct {
	// InUse are the files of the authority that signs; nil before the first one.
	InUse Files
	// Roots are sorted by their fingerprints.
	Roots []Root
}

// Empty reports whether nothing is recorded.
func (s State) Empty() bool { return s.InUse == nil && len(s.Roots) == 0 }

// storedRoot is a Root as JSON.
type storedRoot struct {
	Certificate string    `json:"certificate"`
	PublishedAt time.Time `json:"publishedAt,omitzero"`
	LeavesUntil time.Time `json:"leavesUntil,omitzero"`
	First       bool      `json:"first,omitempty"`
}

// Encode returns the data of a Secret.
func (s State) Encode() (map[string][]byte, error) {
	stored := make([]storedRoot, 0, len(s.Roots))
	for _, r := range s.Roots {
		stored = append(stored, storedRoot{string(encode(r.Certificate)), r.PublishedAt.UTC(), r.LeavesUntil.UTC(), r.First})
	}
	text, err := json.MarshalIndent(stored, "", "  ")
	if err != nil {
		return nil, err
	}
	data := map[string][]byte{rootsKey: text}
	maps.Copy(data, s.InUse)
	return data, nil
}

// DecodeState reads the data of a Secret.
func DecodeState(data map[string][]byte) (s State, err error) {
	if len(data[CertificateKey]) > 0 {
		s.InUse = Files(data).only()
	}
	var stored []storedRoot
	if text := data[rootsKey]; len(text) > 0 {
		if err := json.Unmarshal(text, &stored); err != nil {
			return State{}, fmt.Errorf("%s: %w", rootsKey, err)
		}
	}
	for _, r := range stored {
		certificates, err := decode([]byte(r.Certificate), rootsKey)
		if err != nil {
			return State{}, err
		}
		s.Roots = append(s.Roots, Root{certificates[0], r.PublishedAt, r.LeavesUntil, r.First})
	}
	sortRoots(s.Roots)
	return s, nil
}

// Allows reports whether leaves of an authority may live until then: all its roots stay for as long.
func (s State) Allows(a *Authority, until time.Time) bool {
	return !slices.ContainsFunc(a.Roots, func(c *x509.Certificate) bool {
		return !slices.ContainsFunc(s.Roots, func(r Root) bool { return r.Certificate.Equal(c) && !r.LeavesUntil.Before(until) })
	})
}

// Allow returns the State in which leaves of an authority may live until then, if its roots are recorded.
func (s State) Allow(a *Authority, until time.Time) State {
	s.Roots = slices.Clone(s.Roots)
	for i, r := range s.Roots {
		if has(a, r) {
			s.Roots[i].LeavesUntil = later(r.LeavesUntil, until)
		}
	}
	return s
}

func sortRoots(roots []Root) {
	slices.SortFunc(roots, func(a, b Root) int { return cmp.Compare(Fingerprint(a.Certificate), Fingerprint(b.Certificate)) })
}
