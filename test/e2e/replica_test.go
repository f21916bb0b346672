//go:build e2e

package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/mizzen-mesh/mizzen/test/e2e/cluster"
)

// replica is the binary at fixed addresses, so that it can be restarted.
type replica struct {
	*cluster.Process

	xds, admin string
}

// newReplica starts a replica and returns when it is ready. flags replace the same flags here.
func newReplica(t *testing.T, flags ...string) *replica {
	t.Helper()
	r := &replica{xds: freeAddress(t, cluster.HostIP), admin: freeAddress(t, "127.0.0.1")}
	args := append([]string{
		"serve", "--kubeconfig", suite.kubeconfig, "--xds-address", r.xds, "--admin-address", r.admin, "--shutdown-grace", "500ms",
	}, flags...)
	r.Process = cluster.NewProcess(t.TempDir(), suite.binary, args...)
	r.start(t)
	t.Cleanup(func() {
		r.Terminate()
		if t.Failed() {
			t.Logf("end of the log of the control plane at %s:\n%s", r.xds, r.Log())
		}
	})
	r.awaitReady(t)
	return r
}

func (r *replica) start(t *testing.T) {
	t.Helper()
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
}

func (r *replica) awaitReady(t *testing.T) {
	t.Helper()
	await(t, "control plane ready", func() error {
		select {
		case <-r.Done():
			t.Fatalf("the control plane has ended; the end of its log:\n%s", r.Log())
		default:
		}
		_, err := r.get("/readyz")
		return err
	})
}

// plane returns a controlPlane for dial, with another address for clients.
func (r *replica) plane(xds string) *controlPlane { return &controlPlane{xds: xds, admin: r.admin} }

func (r *replica) get(path string) (string, error) {
	response, err := http.Get("http://" + r.admin + path)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", path, response.Status, text)
	}
	return string(text), err
}

// metric returns the sum of a metric's values, or of its values with the label if one is given.
func (r *replica) metric(t *testing.T, name, label string) (sum float64) {
	t.Helper()
	text := must(r.get("/metrics"))(t)
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		series, value, _ := strings.Cut(lines.Text(), " ")
		if family, labels, _ := strings.Cut(series, "{"); family == name && strings.Contains(labels, label) {
			sum += must(strconv.ParseFloat(value, 64))(t)
		}
	}
	return sum
}

// awaitMetric waits until a metric has a value that satisfies a condition.
func (r *replica) awaitMetric(t *testing.T, name string, good func(float64) bool) {
	t.Helper()
	await(t, name, func() error {
		if got := r.metric(t, name, ""); !good(got) {
			return fmt.Errorf("it is %v", got)
		}
		return nil
	})
}

func exactly(want float64) func(float64) bool { return func(got float64) bool { return got == want } }

// restoredProblems counts the Problems that report that restored state is served.
func (r *replica) restoredProblems(t *testing.T) (n int) {
	t.Helper()
	var all []struct{ Code string }
	if err := json.Unmarshal([]byte(must(r.get("/api/problems"))(t)), &all); err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		if p.Code == "LastGood" {
			n++
		}
	}
	return n
}

func freeAddress(t *testing.T, host string) string {
	t.Helper()
	listener := must(net.Listen("tcp", host+":0"))(t)
	defer listener.Close()
	return listener.Addr().String()
}

// kubeconfigBy writes a kubeconfig for the API server through a proxy.
func kubeconfigBy(t *testing.T, p *proxy) string {
	t.Helper()
	config := must(clientcmd.LoadFromFile(suite.kubeconfig))(t)
	for _, c := range config.Clusters {
		c.Server = "https://" + p.address()
	}
	path := t.TempDir() + "/kubeconfig"
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		t.Fatal(err)
	}
	return path
}

const apiAddress = cluster.HostIP + ":6443"
