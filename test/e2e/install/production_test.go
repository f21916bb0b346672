//go:build e2e

package install_test

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/mizzen-mesh/mizzen/test/e2e/cluster"
	"github.com/mizzen-mesh/mizzen/test/e2e/node"
)

// TestProduction follows docs/INSTALL.md for production without cert-manager: with TLS, and clients with tokens. The
// caller in Python, whose gRPC cannot use TLS to a control plane, is identified by its address.
func TestProduction(t *testing.T) {
	cluster.NotInShort(t)
	c := node.Up(t)
	dir := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "../../../hack/certificates.sh", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	c.Kubectl(t, "create", "namespace", system)
	c.Kubectl(t, "--namespace", system, "create", "secret", "tls", "mizzen-tls", "--cert="+dir+"/tls.crt", "--key="+dir+"/tls.key")
	trust := func() {
		authority := c.Kubectl(t, "--namespace", system, "create", "configmap", "mizzen-injection", "--from-file="+dir+"/ca.crt", "--dry-run=client", "--output=json")
		c.Kubectl(t, "--namespace", system, "patch", "configmap", "mizzen-injection", "--type=merge", "--patch="+authority)
	}
	definitions(t, c)
	apply(t, c, "production")
	trust()
	t.Cleanup(func() { c.Kubectl(t, "delete", "namespace", system, "--timeout="+node.Patience.String()) })

	l := start(t, c)
	l.step("the Go client is injected with TLS and a token", func(t *testing.T) {
		spec := c.Kubectl(t, "--namespace", l.ns, "get", "pod", "caller-go", "--output=json")
		for _, want := range []string{system + ".svc:15012", "jwt_token_file", "serviceAccountToken"} {
			if !strings.Contains(spec, want) {
				t.Errorf("the pod's spec does not have %q", want)
			}
		}
	})
	l.usualSteps(t)
	l.loseANode(t)
}

// halfOpen is the time after which gRPC for Go detects that its control plane does not respond, with a margin.
const halfOpen = 6 * time.Minute

// loseANode kills the node with the caller in Python and half of the application. Running calls to that node fail;
// how many and for how long is logged, and that it ends. If the control plane of the other caller was on that node,
// that caller may apply new rules late.
func (l *installation) loseANode(t *testing.T) {
	t.Helper()
	l.calls = l.calls[:1]
	l.step("a node is lost and comes back", func(t *testing.T) {
		k := l.calls[0]
		before := k.Tally(t)
		l.c.Lose(t, 1)
		began := time.Now()
		k.Await(t, "calls succeed again", func(now node.Tally) error {
			if now.OK < before.OK+300 || now.By["v1"] < 50 {
				return fmt.Errorf("%d since the node went", now.OK-before.OK)
			}
			return nil
		})
		lost := k.Tally(t)
		t.Logf("%d of %d calls failed in the %v after the node was lost: %s", lost.Failed, lost.Failed+lost.OK-before.OK, time.Since(began).Round(time.Second), lost.Error)
		k.Lost = lost.Failed
		l.c.Join(t, 1, "zone-b")
		l.c.AwaitRollout(t, l.ns, "deployment/echo-v1")
		l.c.AwaitRollout(t, system, "deployment/mizzen")
		k.Patience, began = halfOpen, time.Now()
		l.route(t, 0, 100)
		t.Logf("a change of routes is followed %v after the node came back", time.Since(began).Round(time.Second))
		k.Patience = node.Patience
		l.route(t, 100, 0)
	})
}
