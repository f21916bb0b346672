package node

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	// Patience is the longest time that a test waits for anything, on a busy machine.
	Patience = 90 * time.Second

	pollInterval = 50 * time.Millisecond
)

// Cluster is a running Kubernetes cluster. Its methods fail the test if they fail.
type Cluster struct {
	// Config and Kubeconfig have all rights.
	Config     *rest.Config
	Kubeconfig string
	Core       kubernetes.Interface

	state string
}

// Up returns the cluster, the first one if there are several. If the machine lacks something, it skips the test and states what is missing.
func Up(t *testing.T) *Cluster {
	t.Helper()
	return UpAll(t)[0]
}

// UpAll returns all clusters, in the order of their Setups. The test itself runs in the first one.
func UpAll(t *testing.T) []*Cluster {
	t.Helper()
	if shared.missing != "" {
		t.Skip("NOT RUN:\n" + shared.missing)
	}
	return shared.clusters
}

func attachAll(states []string) ([]*Cluster, error) {
	clusters := make([]*Cluster, len(states))
	for i, state := range states {
		var err error
		if clusters[i], err = attach(state); err != nil {
			return nil, err
		}
	}
	return clusters, nil
}

func attach(state string) (*Cluster, error) {
	c := &Cluster{state: state, Kubeconfig: filepath.Join(state, "admin.kubeconfig")}
	var err error
	if c.Config, err = clientcmd.BuildConfigFromFlags("", c.Kubeconfig); err != nil {
		return nil, err
	}
	c.Config.QPS = -1 // removes client-go's own limit
	c.Core, err = kubernetes.NewForConfig(c.Config)
	return c, err
}

// Namespace creates a namespace with the name of the test, and deletes it when the test ends. If the test fails, its
// log gets the state of the pods.
func (c *Cluster) Namespace(t *testing.T) string {
	t.Helper()
	name := strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(t.Name(), "Test"), "/", "-"))
	c.CreateNamespace(t, name)
	return name
}

// CreateNamespace is Namespace with another name than that of the test.
func (c *Cluster) CreateNamespace(t *testing.T, name string) {
	t.Helper()
	c.Kubectl(t, "create", "namespace", name)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(c.Kubectl(t, "--namespace", name, "get", "--ignore-not-found", "pods,endpointslices", "--output=wide"))
			t.Log(c.Kubectl(t, "--namespace", name, "events"))
		}
		c.Kubectl(t, "delete", "namespace", name, "--wait=false")
	})
}

// Apply applies the objects of a YAML text, in that namespace if they do not name another.
func (c *Cluster) Apply(t *testing.T, namespace, yaml string) {
	t.Helper()
	cmd := c.kubectl(t, "--namespace", namespace, "apply", "--filename=-")
	cmd.Stdin = strings.NewReader(yaml)
	output(t, cmd)
}

// AwaitRollout waits until all pods of a workload, for example deployment/echo, have its newest version and are
// available.
func (c *Cluster) AwaitRollout(t *testing.T, namespace, workload string) {
	t.Helper()
	c.Kubectl(t, "--namespace", namespace, "rollout", "status", workload, "--timeout="+Patience.String())
}

// AwaitReady waits until pods are ready. pods is a selector, or pod/NAME.
func (c *Cluster) AwaitReady(t *testing.T, namespace, pods string) {
	t.Helper()
	args := []string{"--namespace", namespace, "wait", "--for=condition=Ready", "--timeout=" + Patience.String()}
	if !strings.HasPrefix(pods, "pod/") {
		args = append(args, "pods", "--selector")
	}
	c.Kubectl(t, append(args, pods)...)
}

// Await polls until check returns nil.
func (c *Cluster) Await(t *testing.T, what string, check func() error) {
	t.Helper()
	c.AwaitFor(t, Patience, what, check)
}

// AwaitFor is Await with another timeout.
func (c *Cluster) AwaitFor(t *testing.T, patience time.Duration, what string, check func() error) {
	t.Helper()
	ticker, deadline := time.NewTicker(pollInterval), time.After(patience)
	defer ticker.Stop()
	for {
		err := check()
		if err == nil {
			return
		}
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("%s: not after %v: %v", what, patience, err)
		}
	}
}

// Exec runs a command in a container and returns its output. Only the programs of the image can be run.
func (c *Cluster) Exec(t *testing.T, namespace, pod string, args ...string) string {
	t.Helper()
	return c.Kubectl(t, append([]string{"--namespace", namespace, "exec", pod, "--"}, args...)...)
}

// Logs returns the logs of all containers of a pod.
func (c *Cluster) Logs(t *testing.T, namespace, pod string) string {
	t.Helper()
	return c.Kubectl(t, "--namespace", namespace, "logs", pod, "--all-containers")
}

// Lose kills a node, as if its power had failed. Join starts it again.
func (c *Cluster) Lose(t *testing.T, index int) {
	t.Helper()
	if err := script(t.Context(), c.state, "lose", strconv.Itoa(index)); err != nil {
		t.Fatal(err)
	}
}

// Join starts a node that was lost, with its data.
func (c *Cluster) Join(t *testing.T, index int, zone string) {
	t.Helper()
	if err := script(context.Background(), c.state, "join", strconv.Itoa(index), zone); err != nil {
		t.Fatal(err)
	}
}

// Load builds a Go package and loads it as an image on all nodes, with other files that are named as SOURCE:DESTINATION. Images that all tests need
// are in Setup.
func (c *Cluster) Load(t *testing.T, image, source string, files ...string) {
	t.Helper()
	binary := binaryPath(c.state, image)
	err := build(t.Context(), binary, source)
	if err = errors.Join(err, script(t.Context(), c.state, append([]string{"load", image, binary}, files...)...)); err != nil {
		t.Fatal(err)
	}
}

// Binary returns the path of the program in an image of Setup or Load, to run it outside of pods.
func (c *Cluster) Binary(image string) string { return binaryPath(c.state, image) }

// Run runs a command on node 0 and returns its output. Unlike the test itself, it resolves the names of Services.
func (c *Cluster) Run(t *testing.T, args ...string) string {
	t.Helper()
	return output(t, command(t.Context(), c.state, append([]string{"sh"}, args...)...))
}

// Kubectl runs kubectl as an administrator and returns its output.
func (c *Cluster) Kubectl(t *testing.T, args ...string) string {
	t.Helper()
	return output(t, c.kubectl(t, args...))
}

func (c *Cluster) kubectl(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	// The test's context has already ended during its cleanup.
	return command(context.Background(), c.state, append([]string{"k"}, args...)...)
}

// output runs a command and returns its standard output.
func output(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	text, err := cmd.Output()
	if err != nil {
		said := ""
		if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
			said = string(exit.Stderr)
		}
		t.Fatal(fmt.Errorf("%s: %w\n%s%s", strings.Join(cmd.Args, " "), err, text, said))
	}
	return string(text)
}
