package snapshot

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate"
)

// Versioned is a resource ready to be sent: marshalled once, shared by every stream, never changed.
type Versioned struct {
	Name string
	// Version is a hash of the resource's deterministic bytes.
	Version string
	Any     *anypb.Any
	// Refs name the objects that made the resource.
	Refs []mesh.Ref
	// Parts say where parts of it come from.
	Parts []translate.Part
	// Omissions are what was written for it and is not in it.
	Omissions []translate.Omission
	// absent marks the answer to a name that stands for nothing; withheld one that stands in for what is held back.
	absent, withheld bool
	// held is set if clients of some kinds would refuse it.
	held *heldBack
}

// versionBytes is how much of a SHA-256 a version keeps: 2^64 apart is far enough for the few versions one name ever has.
const versionBytes = 8

func newVersioned(t Type, r translate.Resource) (*Versioned, error) {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(r.Message)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(b)
	return &Versioned{
		Name:      r.Name,
		Version:   hex.EncodeToString(sum[:versionBytes]),
		Any:       &anypb.Any{TypeUrl: string(t), Value: b},
		Refs:      r.Refs,
		Parts:     r.Parts,
		Omissions: r.Omissions,
	}, nil
}

// setVersion makes the version of a response: a hash over the names and versions it stands for, added in the order of names.
type setVersion struct{ h hash.Hash }

func newSetVersion() setVersion { return setVersion{sha256.New()} }

func (s setVersion) add(v *Versioned) {
	s.h.Write([]byte(v.Name))
	s.h.Write([]byte{0})
	s.h.Write([]byte(v.Version))
	s.h.Write([]byte{0})
}

func (s setVersion) String() string { return hex.EncodeToString(s.h.Sum(nil)[:versionBytes]) }
