package snapshot

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// BucketOf sorts clients by their identity, the same in every process: a client that comes back, here or elsewhere, calls the
// endpoints that it called before. A client without an identity belongs to no bucket, or all such clients would be in one.
func BucketOf(id string) uint16 {
	if id == "" {
		return 0
	}
	sum := sha256.Sum256([]byte(id))
	return uint16(binary.BigEndian.Uint64(sum[:8])%mesh.Buckets) + 1
}
