//go:build e2e

package clusters_test

import (
	"testing"

	"github.com/mizzen-mesh/mizzen/test/e2e/node"
)

const (
	planeImage = "ghcr.io/mizzen-mesh/controlplane:dev"
	appImage   = "mesh.test/app:dev"
	system     = "mizzen-system"
)

// versions are the clusters, whose pods answer with their names.
var versions = []string{"a", "b"}

func TestMain(m *testing.M) {
	images := map[string]string{planeImage: "../../../cmd/controlplane", appImage: "../node/app"}
	node.Main(m, node.Setup{Images: images}, node.Setup{Zone: "zone-b", Images: images})
}
