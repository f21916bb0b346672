//go:build e2e

package node_test

import (
	"testing"

	"github.com/mizzen-mesh/mizzen/test/e2e/node"
)

const appImage = "mesh.test/app:dev"

func TestMain(m *testing.M) {
	node.Main(m, node.Setup{
		Workers: []string{"zone-b"},
		Images:  map[string]string{appImage: "./app"},
	})
}
