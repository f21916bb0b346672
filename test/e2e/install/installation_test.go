//go:build e2e

package install_test

import (
	"strings"
	"testing"

	"github.com/mizzen-mesh/mizzen/test/e2e/node"
)

// installation is an installation with an application, and clients that call it from beginning to end.
type installation struct {
	c     *node.Cluster
	ns    string
	calls []*node.Calls
	// step runs one step, and checks that no call has failed after it. After a failed step no further step runs.
	step func(name string, f func(t *testing.T))
}

func begin(t *testing.T, overlay string) *installation {
	t.Helper()
	c := node.Up(t)
	install(t, c, overlay)
	t.Cleanup(func() { c.Kubectl(t, "delete", "namespace", system, "--timeout="+node.Patience.String()) })
	return start(t, c)
}

// start runs the application and its clients.
func start(t *testing.T, c *node.Cluster) *installation {
	t.Helper()
	ns := injected(t, c)
	c.Apply(t, ns, application())
	c.AwaitRollout(t, ns, "deployment/echo-v1")
	c.AwaitRollout(t, ns, "deployment/echo-v2")
	l := newInstallation(t, c, ns)
	l.calls = []*node.Calls{
		node.StartCalls(t, c, ns, "caller-go", caller("caller-go", "node-0", "xds:///echo:80"), versions...),
		node.StartCalls(t, c, ns, "caller-python", python("caller-python", "node-1", "xds:///echo:80"), versions...),
	}
	return l
}

// newInstallation returns an installation without clients.
func newInstallation(t *testing.T, c *node.Cluster, ns string) *installation {
	t.Helper()
	l := &installation{c: c, ns: ns}
	l.step = func(name string, f func(t *testing.T)) {
		if t.Failed() {
			return
		}
		t.Run(name, func(t *testing.T) {
			f(t)
			for _, k := range l.calls {
				k.Continue(t, name, 100)
			}
		})
	}
	return l
}

// route sets the shares of the versions, and waits until the clients apply them.
func (l *installation) route(t *testing.T, v1, v2 int) {
	t.Helper()
	l.c.Apply(t, l.ns, split(v1, v2))
	var versions []string
	if v1 > 0 {
		versions = append(versions, "v1")
	}
	if v2 > 0 {
		versions = append(versions, "v2")
	}
	for _, k := range l.calls {
		k.Only(t, versions...)
	}
}

// usualSteps are the steps of every installation.
func (l *installation) usualSteps(t *testing.T) {
	t.Helper()
	c := l.c
	l.step("a VirtualService splits the calls", func(t *testing.T) {
		l.route(t, 100, 0)
		l.route(t, 50, 50)
		l.route(t, 0, 100)
		l.route(t, 50, 50)
	})
	l.step("inspect asks every replica", func(t *testing.T) {
		inspect := func(args ...string) string {
			return c.Run(t, append([]string{c.Binary(planeImage), "inspect", "--kubeconfig", c.Kubeconfig}, args...)...)
		}
		inspect("wait", "--for", "acknowledged", "--timeout", "30s", "VirtualService", l.ns+"/echo")
		clients := inspect("clients", "--output", "json")
		for _, k := range l.calls {
			if want := "pod/" + l.ns + "/" + k.Pod; !strings.Contains(clients, want) {
				t.Errorf("inspect clients does not show %s:\n%s", want, clients)
			}
		}
	})
	l.step("ui shows the page of each replica", l.page)
	l.step("the application is rolled out", func(t *testing.T) {
		c.Kubectl(t, "--namespace", l.ns, "rollout", "restart", "deployment/echo-v1", "deployment/echo-v2")
		c.AwaitRollout(t, l.ns, "deployment/echo-v1")
		c.AwaitRollout(t, l.ns, "deployment/echo-v2")
	})
	l.step("Mizzen is rolled out", func(t *testing.T) {
		c.Kubectl(t, "--namespace", system, "rollout", "restart", "deployment/mizzen")
		c.AwaitRollout(t, system, "deployment/mizzen")
		l.route(t, 100, 0)
	})
}
