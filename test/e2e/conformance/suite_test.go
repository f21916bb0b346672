//go:build e2e

package conformance_test

import (
	"bytes"
	"debug/buildinfo"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/mizzen-mesh/mizzen/test/e2e/node"
)

var update = flag.Bool("update", false, "write the report to docs/conformance")

const (
	repository = "../../.."
	built      = repository + "/hack/conformance/bin"
	system     = "mizzen-system"
	// echoImage is the name of the image in the suite's manifests. Nodes that have an image of this name pull nothing.
	echoImage = "registry.k8s.io/gateway-api/echo-advanced:v1.5.1"
)

// report is what the test reads of the suite's report.
type report struct {
	GatewayAPIVersion string `json:"gatewayAPIVersion"`
	GatewayAPIChannel string `json:"gatewayAPIChannel"`
	Mode              string `json:"mode"`
	Implementation    struct {
		Version string `json:"version"`
	} `json:"implementation"`
	Profiles []struct {
		Name string `json:"name"`
		Core struct {
			Result     string `json:"result"`
			Statistics struct{ Failed, Passed, Skipped int }
		} `json:"core"`
	} `json:"profiles"`
}

// file returns the path of the report in the form of the Gateway API project: a folder for each of its versions and each implementation.
func (r report) file() string {
	minor := r.GatewayAPIVersion[:strings.LastIndex(r.GatewayAPIVersion, ".")]
	return filepath.Join(minor, "mizzen", fmt.Sprintf("%s-%s-%s-report.yaml", r.GatewayAPIChannel, r.Implementation.Version, r.Mode))
}

// TestSuite runs the profile MESH-GRPC.
func TestSuite(t *testing.T) {
	c := node.Up(t)
	install(t, c)
	text := run(t, c)
	var r report
	if err := yaml.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(repository, "bin/conformance", r.file()), text)
	if want := strings.TrimSpace(read(t, "version")); r.GatewayAPIVersion != want {
		t.Errorf("version of the Gateway API: got %s, want %s", r.GatewayAPIVersion, want)
	}
	if len(r.Profiles) != 1 || r.Profiles[0].Name != "MESH-GRPC" {
		t.Fatalf("got %s\nwant the profile MESH-GRPC", text)
	}
	core := r.Profiles[0].Core
	if n := core.Statistics; core.Result != "success" || n.Failed != 0 || n.Skipped != 0 || n.Passed == 0 {
		t.Errorf("got %s\nwant the result success, with all tests passed", text)
	}
	if *update && !t.Failed() {
		write(t, filepath.Join(repository, "docs/conformance", r.file()), text)
	}
}

// install installs the definitions of the Gateway API and Mizzen, and loads the image that the suite's pods run.
func install(t *testing.T, c *node.Cluster) {
	t.Helper()
	c.Load(t, echoImage, "./echo", c.Binary(echoImage)+":/bin/client")
	c.Kubectl(t, "apply", "--server-side", "--kustomize", absolute(t, built+"/crd"))
	c.Kubectl(t, "apply", "--kustomize", absolute(t, repository+"/manifests/overlays/dev"))
	c.AwaitRollout(t, system, "deployment/mizzen")
}

// run runs the suite in the network of node 0, and returns its report.
func run(t *testing.T, c *node.Cluster) []byte {
	t.Helper()
	output := filepath.Join(t.TempDir(), "report.yaml")
	cmd := exec.CommandContext(t.Context(), absolute(t, built+"/suite"), "-test.v", "-test.run=^TestConformance$", "-test.timeout=10m",
		"--conformance-profiles=MESH-GRPC", "--supported-features=Mesh,GRPCRoute", "--namespace-labels=mizzen.dev/inject=enabled",
		"--report-output="+output, "--organization=mizzen-mesh", "--project=mizzen", "--url=https://github.com/mizzen-mesh/mizzen",
		"--version="+version(t, c), "--contact=https://github.com/mizzen-mesh/mizzen/issues/new")
	cmd.Env = append(os.Environ(), "KUBECONFIG="+c.Kubeconfig)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	err := cmd.Run()
	write(t, filepath.Join(repository, "bin/conformance/suite.log"), said.Bytes())
	if err != nil {
		t.Errorf("the suite: %v; its output is in bin/conformance/suite.log, and ends with:\n%s", err, last(said.String(), 40))
	}
	text, err := os.ReadFile(output)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// version returns the version of the control plane that was installed, as Go stamped it.
func version(t *testing.T, c *node.Cluster) string {
	t.Helper()
	info, err := buildinfo.ReadFile(c.Binary(planeImage))
	if err != nil {
		t.Fatal(err)
	}
	if v := info.Main.Version; *update && (v == "(devel)" || strings.Contains(v, "+dirty")) {
		t.Fatalf("the version is %s: a report is for a commit; commit the changes, and run make conformance UPDATE=-update in a clone", v)
	}
	return info.Main.Version
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%v: run hack/conformance/build.sh", err)
	}
	return path
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(absolute(t, filepath.Join(built, name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func write(t *testing.T, name string, text []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func last(text string, lines int) string {
	all := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
