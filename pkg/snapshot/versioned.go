package snapshot

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// Versioned is a resource ready to be sent: marshaled once, shared by every stream, never changed.
type Versioned struct {
	Name string
	// Version is a hash of the resource's deterministic bytes.
	Version string
	// wire is the resource as it stands in a DiscoveryResponse, which ends with the bytes of the resource itself: they begin at body.
	wire []byte
	body int
	t    Type
	// Refs name the objects that made the resource.
	Refs []mesh.Ref
	// Origins say where parts of it come from.
	Origins []report.Origin
	// SkippedMatches are what was written for it and is not in it.
	SkippedMatches []resource.SkippedMatch
	// Hash is a hash of Name and Version.
	Hash uint64
	// NotFound marks the answer to a name that stands for nothing; StandIn one that stands in for what is held back.
	NotFound, StandIn bool
	// LeadsTo are the names of the resources that a client subscribes to because of this one, sorted: the Clusters of a RouteConfiguration
	// and the ClusterLoadAssignment of a Cluster.
	LeadsTo []string
	// withheld is set if clients of some kinds would refuse it.
	withheld *withheld
	// introductions are kept by the version that they extend; nil if the resource leads to nothing.
	introductions *memo[string, *Versioned]
}

// Claimed is a resource of which only a client's word is known: that it has that version.
func Claimed(name, version string) *Versioned {
	return &Versioned{Name: name, Version: version, Hash: sumOf(name, version)}
}

// versionBytes is how much of a SHA-256 a version keeps: 2^64 apart is far enough for the few versions one name ever has.
const versionBytes = 8

func newVersioned(t Type, r resource.Resource) (*Versioned, error) {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(r.Message)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(b)
	version := hex.EncodeToString(sum[:versionBytes])
	v := &Versioned{
		Name:           r.Name,
		Version:        version,
		Hash:           sumOf(r.Name, version),
		t:              t,
		Refs:           r.Refs,
		Origins:        r.Origins,
		SkippedMatches: r.SkippedMatches,
		LeadsTo:        t.info().leadsTo(r.Message),
	}
	if t == RouteType {
		v.introductions = &memo[string, *Versioned]{}
	}
	v.wire, v.body = frame(t, b)
	return v, nil
}

// The numbers of the fields in which a resource travels: resources of a DiscoveryResponse, and of the google.protobuf.Any that each is.
const (
	resourcesField = 2
	typeURLField   = 1
	valueField     = 2
)

// frame puts the bytes of a resource into the field of a response.
func frame(t Type, b []byte) (wire []byte, body int) {
	size := protowire.SizeTag(typeURLField) + protowire.SizeBytes(len(t)) + protowire.SizeTag(valueField) + protowire.SizeBytes(len(b))
	wire = make([]byte, 0, protowire.SizeTag(resourcesField)+protowire.SizeBytes(size))
	wire = protowire.AppendTag(wire, resourcesField, protowire.BytesType)
	wire = protowire.AppendVarint(wire, uint64(size))
	wire = protowire.AppendTag(wire, typeURLField, protowire.BytesType)
	wire = protowire.AppendString(wire, string(t))
	wire = protowire.AppendTag(wire, valueField, protowire.BytesType)
	wire = protowire.AppendVarint(wire, uint64(len(b)))
	return append(wire, b...), len(wire)
}

// Wire is the resource as an element of the field resources of a DiscoveryResponse, tag and length included. It must not be changed.
func (v *Versioned) Wire() []byte { return v.wire }

// Any is the resource as it is embedded in messages. Its bytes must not be changed.
func (v *Versioned) Any() *anypb.Any { return &anypb.Any{TypeUrl: string(v.t), Value: v.wire[v.body:]} }

// sumOf is what a resource adds to the version of a response.
func sumOf(name, version string) uint64 {
	sum := sha256.Sum256([]byte(name + "\x00" + version))
	return binary.BigEndian.Uint64(sum[:8])
}

// Objects are the objects that made what is held, or the name itself when no object did.
func (v *Versioned) Objects(t Type) []mesh.Ref {
	if len(v.Refs) > 0 {
		return v.Refs
	}
	return []mesh.Ref{{Kind: t.Name(), Name: v.Name}}
}
