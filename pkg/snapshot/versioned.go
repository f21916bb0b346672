package snapshot

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// Versioned is a resource ready to be sent: marshaled once, shared by all streams, never changed.
type Versioned struct {
	Name string
	// Version is a hash of the resource's deterministic bytes.
	Version string
	// wire is the resource encoded as a field of a DiscoveryResponse. The bytes of the resource itself are at the
	// end, from body on.
	wire []byte
	body int
	t    Type
	// Refs name the objects that made the resource.
	Refs []mesh.Ref
	// Origins state which fields of which objects the parts of the resource come from.
	Origins []report.Origin
	// SkippedMatches are the matches of its rules that are not in the resource.
	SkippedMatches []resource.SkippedMatch
	// Hash is a hash of Name and Version.
	Hash uint64
	// NotFound marks the answer to a name that does not exist. StandIn marks such an answer in place of a withheld
	// resource.
	NotFound, StandIn bool
	// Empty marks a ClusterLoadAssignment without endpoints that can be called.
	Empty bool
	// Since is when the answer to a name that does not exist was made; zero for other resources.
	Since time.Time
	// LeadsTo are the names of the resources to which a client subscribes because of this one, sorted: the Clusters of
	// a RouteConfiguration, the ClusterLoadAssignment of a Cluster, the RouteConfiguration of a scope.
	LeadsTo []string
	// ReportedMetrics are the names of the metrics of servers that clients report about a Cluster.
	ReportedMetrics []string
	// withheld is set if clients of some kinds would reject the resource.
	withheld *withheld
	// introductions are kept by the version that they extend. Only RouteConfigurations have them.
	introductions *memo[string, *Versioned]
}

// Removes reports whether calls to what the resource describes fail: it does not exist, or has no endpoints.
func (v *Versioned) Removes() bool { return v.NotFound || v.Empty }

// Claimed returns a resource about which only a client's claim is known: that the client has that version.
func Claimed(name, version string) *Versioned {
	return &Versioned{Name: name, Version: version, Hash: sumOf(name, version)}
}

// OnlyClaimed reports whether only the version of the resource is known.
func (v *Versioned) OnlyClaimed() bool { return v.wire == nil }

// versionBytes is how much of a SHA-256 a version keeps. 64 bits are enough for the few versions that one name ever
// has.
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
	}
	if v.LeadsTo = t.info().leadsTo(r.Message); t == RouteType {
		v.introductions = &memo[string, *Versioned]{}
	}
	switch m := r.Message.(type) {
	case *endpointv3.ClusterLoadAssignment:
		v.Empty = resource.IsEmpty(m)
	case *clusterv3.Cluster:
		v.ReportedMetrics = m.GetLrsReportEndpointMetrics()
	}
	v.wire, v.body = frame(t, b)
	return v, nil
}

// The field numbers of the encoding: resources in a DiscoveryResponse, and type_url and value in the
// google.protobuf.Any that each of them is.
const (
	resourcesField = 2
	typeURLField   = 1
	valueField     = 2
)

// frame encodes the bytes of a resource as a field of a DiscoveryResponse. body is the index at which b starts.
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

// Wire returns the resource as an element of the field resources of a DiscoveryResponse, including tag and length. It
// must not be changed.
func (v *Versioned) Wire() []byte { return v.wire }

// Any returns the resource as it is embedded in messages. Its bytes must not be changed.
func (v *Versioned) Any() *anypb.Any { return &anypb.Any{TypeUrl: string(v.t), Value: v.wire[v.body:]} }

// sumOf is what a resource adds to the version of a response.
func sumOf(name, version string) uint64 {
	sum := sha256.Sum256([]byte(name + "\x00" + version))
	return binary.BigEndian.Uint64(sum[:8])
}

// Objects returns the objects that made the resource; the resource itself, by type and name, if no object did.
func (v *Versioned) Objects(t Type) []mesh.Ref {
	if len(v.Refs) > 0 {
		return v.Refs
	}
	return []mesh.Ref{{Kind: t.Name(), Name: v.Name}}
}
