//go:build e2e

package install_test

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// shown runs `ui` against the cluster until the test ends, and returns the address that it prints, and a function that
// interrupts it and returns what it says.
func (l *installation) shown(t *testing.T, args ...string) (address string, stop func() string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), l.c.Binary(planeImage), append([]string{"ui", "--no-browser", "--kubeconfig", l.c.Kubeconfig}, args...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var says strings.Builder
	cmd.Stderr = &says
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatalf("ui ended without an address (%v):\n%s", cmd.Wait(), says.String())
	}
	return lines.Text(), func() string {
		t.Helper()
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Error(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("ui, interrupted: %v:\n%s", err, says.String())
		}
		return says.String()
	}
}

// read reads an address.
func read(t *testing.T, address string) string {
	t.Helper()
	response, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: got %d %q (%v)", address, response.StatusCode, body, err)
	}
	return string(body)
}

// replicas returns the pods of the control plane.
func (l *installation) replicas(t *testing.T) []string {
	t.Helper()
	return strings.Fields(l.c.Kubectl(t, "--namespace", system, "get", "pods", "--selector", "app.kubernetes.io/name=mizzen", "--output", "jsonpath={.items[*].metadata.name}"))
}

// page opens the page of a replica through the API server, and reads what it shows.
func (l *installation) page(t *testing.T) {
	t.Helper()
	seen := ""
	pods := l.replicas(t)
	for _, pod := range pods {
		address, stop := l.shown(t, "--replica", pod)
		if page := read(t, address); !strings.Contains(page, "Mizzen") {
			t.Errorf("%s: got %q, want the page", address, page)
		}
		api := strings.TrimSuffix(address, "ui/") + "api/"
		if about := read(t, api+"about"); !strings.Contains(about, `"replica":"`+pod+`"`) {
			t.Errorf("got %s, want that the replica is %s", about, pod)
		}
		if host := read(t, api+"hosts/echo."+l.ns+".svc.cluster.local"); !strings.Contains(host, `"node":"node-`) || !strings.Contains(host, `"used":true`) {
			t.Errorf("got %s, want endpoints on nodes", host)
		}
		seen += read(t, api+"streams?limit=1000")
		if says := stop(); !strings.Contains(says, "forwarding a port of pod "+pod) {
			t.Errorf("ui says %q", says)
		}
	}
	for _, k := range l.calls {
		if !strings.Contains(seen, "pod/"+l.ns+"/"+k.Pod) {
			t.Errorf("the pages of %q do not show %s", pods, k.Pod)
		}
	}
}
