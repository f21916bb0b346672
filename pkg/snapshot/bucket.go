package snapshot

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// BucketOf returns the bucket of a client's identity: the same bucket in every process, so that a client that
// reconnects to any replica calls the endpoints that it called before. A client without an identity is in bucket 0,
// which means no bucket; otherwise all such clients would share one.
func BucketOf(id string) uint16 {
	if id == "" {
		return 0
	}
	sum := sha256.Sum256([]byte(id))
	return uint16(binary.BigEndian.Uint64(sum[:8])%mesh.Buckets) + 1
}
