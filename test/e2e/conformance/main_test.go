//go:build e2e

package conformance_test

import (
	"testing"

	"github.com/mizzen-mesh/mizzen/test/e2e/node"
)

const planeImage = "ghcr.io/mizzen-mesh/controlplane:dev"

func TestMain(m *testing.M) {
	node.Main(m, node.Setup{Images: map[string]string{planeImage: "../../../cmd/controlplane"}})
}
