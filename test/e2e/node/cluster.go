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
	// Patience is how long anything may take on a busy machine before a test gives up.
	Patience = 90 * time.Second

	pollInterval = 50 * time.Millisecond
)

// Cluster is a running Kubernetes. Its methods fail the test when they cannot do what they say.
type Cluster struct {
	// Config and Kubeconfig may do anything.
	Config     *rest.Config
	Kubeconfig string
	Core       kubernetes.Interface

	state string
}

// Up returns the cluster, or skips the test and says what the machine lacks.
func Up(t *testing.T) *Cluster {
	t.Helper()
	if shared.missing != "" {
		t.Skip("NOT RUN:\n" + shared.missing)
	}
	return shared.cluster
}

func attach(state string) (*Cluster, error) {
	c := &Cluster{state: state, Kubeconfig: filepath.Join(state, "admin.kubeconfig")}
	var err error
	if c.Config, err = clientcmd.BuildConfigFromFlags("", c.Kubeconfig); err != nil {
		return nil, err
	}
	c.Config.QPS = -1 // lifts client-go's own limit
	c.Core, err = kubernetes.NewForConfig(c.Config)
	return c, err
}

// Namespace makes a namespace that is named after the test and deleted with all in it when the test ends. If it failed, the
// test's log tells what became of the pods.
func (c *Cluster) Namespace(t *testing.T) string {
	t.Helper()
	name := strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(t.Name(), "Test"), "/", "-"))
	c.Kubectl(t, "create", "namespace", name)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(c.Kubectl(t, "--namespace", name, "get", "--ignore-not-found", "pods,endpointslices", "--output=wide"))
			t.Log(c.Kubectl(t, "--namespace", name, "events"))
		}
		c.Kubectl(t, "delete", "namespace", name, "--wait=false")
	})
	return name
}

// Apply makes the objects of a YAML text be as it says, in that namespace if they do not name another.
func (c *Cluster) Apply(t *testing.T, namespace, yaml string) {
	t.Helper()
	cmd := c.kubectl(t, "--namespace", namespace, "apply", "--filename=-")
	cmd.Stdin = strings.NewReader(yaml)
	output(t, cmd)
}

// AwaitRollout waits until all pods of, for example, deployment/echo are those of its newest version, and available.
func (c *Cluster) AwaitRollout(t *testing.T, namespace, workload string) {
	t.Helper()
	c.Kubectl(t, "--namespace", namespace, "rollout", "status", workload, "--timeout="+Patience.String())
}

// AwaitReady waits until pods that a selector finds, or that are named as pod/NAME, are ready.
func (c *Cluster) AwaitReady(t *testing.T, namespace, pods string) {
	t.Helper()
	args := []string{"--namespace", namespace, "wait", "--for=condition=Ready", "--timeout=" + Patience.String()}
	if !strings.HasPrefix(pods, "pod/") {
		args = append(args, "pods", "--selector")
	}
	c.Kubectl(t, append(args, pods)...)
}

// Await polls until the check finds nothing wrong.
func (c *Cluster) Await(t *testing.T, what string, check func() error) {
	t.Helper()
	c.AwaitFor(t, Patience, what, check)
}

// AwaitFor is Await with another patience.
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

// Exec runs a command in a container and returns what it printed. The image is all that there is to be run.
func (c *Cluster) Exec(t *testing.T, namespace, pod string, args ...string) string {
	t.Helper()
	return c.Kubectl(t, append([]string{"--namespace", namespace, "exec", pod, "--"}, args...)...)
}

// Logs are those of all containers of a pod.
func (c *Cluster) Logs(t *testing.T, namespace, pod string) string {
	t.Helper()
	return c.Kubectl(t, "--namespace", namespace, "logs", pod, "--all-containers")
}

// Lose ends a node at once, as if its power had failed. Join brings it back.
func (c *Cluster) Lose(t *testing.T, index int) {
	t.Helper()
	if err := script(t.Context(), c.state, "lose", strconv.Itoa(index)); err != nil {
		t.Fatal(err)
	}
}

// Join starts a node that was lost, with what it had.
func (c *Cluster) Join(t *testing.T, index int, zone string) {
	t.Helper()
	if err := script(context.Background(), c.state, "join", strconv.Itoa(index), zone); err != nil {
		t.Fatal(err)
	}
}

// Load builds a Go package and makes it known to all nodes as an image. Images that all tests need are in Setup.
func (c *Cluster) Load(t *testing.T, image, source string) {
	t.Helper()
	binary := binaryPath(c.state, image)
	err := build(t.Context(), binary, source)
	if err = errors.Join(err, script(t.Context(), c.state, "load", image, binary)); err != nil {
		t.Fatal(err)
	}
}

// Binary is the path of the program in an image of Setup or Load, to be run outside of pods.
func (c *Cluster) Binary(image string) string { return binaryPath(c.state, image) }

// Run runs a command on node 0 and returns what it printed. Unlike the test itself it resolves the names of Services.
func (c *Cluster) Run(t *testing.T, args ...string) string {
	t.Helper()
	return output(t, command(t.Context(), c.state, append([]string{"sh"}, args...)...))
}

// Kubectl runs kubectl as somebody who may do anything and returns what it printed.
func (c *Cluster) Kubectl(t *testing.T, args ...string) string {
	t.Helper()
	return output(t, c.kubectl(t, args...))
}

func (c *Cluster) kubectl(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	// Not the test's context, which has ended when the test cleans up.
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
