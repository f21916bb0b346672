//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	xdsbootstrap "google.golang.org/grpc/xds/bootstrap"
	istio "istio.io/client-go/pkg/clientset/versioned"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"

	"github.com/mizzen-mesh/mizzen/test/controlplane"
	"github.com/mizzen-mesh/mizzen/test/e2e/cluster"
)

// suite is shared by all tests.
var suite struct {
	cluster    *cluster.Cluster
	kubelet    *cluster.Kubelet
	kubeconfig string
	binary     string

	core    kubernetes.Interface
	istio   istio.Interface
	dynamic dynamic.Interface
}

func TestMain(m *testing.M) {
	// gRPC reads it when the process starts, and this process executes itself again.
	if err := os.Setenv("GRPC_EXPERIMENTAL_XDS_BOOTSTRAP_CALL_CREDS", "true"); err != nil {
		panic(err)
	}
	xdsbootstrap.RegisterChannelCredentials(podCredentials{})
	cluster.Main(func() int {
		code, err := run(m)
		if err != nil {
			fmt.Fprintln(os.Stderr, "e2e:", err)
			return 1
		}
		return code
	})
}

// run starts the cluster, runs the tests and stops it.
func run(m *testing.M) (int, error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	bin, err := binaries()
	if err != nil {
		return 0, err
	}
	dir, err := os.MkdirTemp("", "mizzen-e2e-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	if suite.binary, err = controlplane.Build(ctx, dir); err != nil {
		return 0, err
	}
	if suite.cluster, err = cluster.Start(ctx, bin, dir); err != nil {
		return 0, err
	}
	defer suite.cluster.Stop()
	if err := connect(); err != nil {
		return 0, err
	}
	suite.kubelet = &cluster.Kubelet{Client: suite.core, Zones: nodes, Run: runPod}
	served := make(chan error, 1)
	go func() { served <- suite.kubelet.Serve(ctx) }()
	code := m.Run()
	cancel()
	return code, <-served
}

// binaries finds the directory with kube-apiserver and the others.
func binaries() (string, error) {
	dir := os.Getenv("TESTCLUSTER_BIN")
	if dir == "" {
		dir = filepath.Join("..", "..", "hack", "testcluster", "bin")
	}
	for _, name := range []string{"etcd", "kube-apiserver", "kube-controller-manager"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return "", fmt.Errorf("there is no %s in %s: run `make e2e`, which builds it, or set TESTCLUSTER_BIN", name, dir)
		}
	}
	return filepath.Abs(dir)
}

func connect() (err error) {
	config, err := suite.cluster.Config("e2e", "system:masters")
	if err != nil {
		return err
	}
	if suite.kubeconfig, err = suite.cluster.Kubeconfig("mizzen", "system:masters"); err != nil {
		return err
	}
	if suite.core, err = kubernetes.NewForConfig(config); err != nil {
		return err
	}
	if suite.istio, err = istio.NewForConfig(config); err != nil {
		return err
	}
	suite.dynamic, err = dynamic.NewForConfig(config)
	return err
}
