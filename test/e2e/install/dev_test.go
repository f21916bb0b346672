//go:build e2e

package install_test

import (
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/mizzen-mesh/mizzen/test/e2e/node"
)

// TestDev is docs/INSTALL.md for a cluster to try things on, and what happens in its life afterwards. Its steps follow each other.
func TestDev(t *testing.T) {
	c := node.Up(t)
	install(t, c, "dev")
	ns := injected(t, c)
	c.Apply(t, ns, application())
	c.AwaitRollout(t, ns, "deployment/echo-v1")
	c.AwaitRollout(t, ns, "deployment/echo-v2")
	goCalls := startCalls(t, c, ns, "caller-go", caller("caller-go", "node-0", "xds:///echo:80"))
	pyCalls := startCalls(t, c, ns, "caller-python", python("caller-python", "node-1", "xds:///echo:80"))
	all := []*calls{goCalls, pyCalls}
	step := func(name string, f func(t *testing.T)) {
		if t.Failed() {
			return
		}
		t.Run(name, func(t *testing.T) {
			f(t)
			for _, k := range all {
				k.goesOn(t, name)
			}
		})
	}

	step("a VirtualService splits the calls", func(t *testing.T) {
		for _, k := range all {
			k.only(t, "v1")
		}
		c.Apply(t, ns, split(50, 50))
		for _, k := range all {
			k.only(t, "v1", "v2")
		}
		c.Apply(t, ns, split(0, 100))
		for _, k := range all {
			k.only(t, "v2")
		}
		c.Apply(t, ns, split(50, 50))
	})
	step("the application is rolled out", func(t *testing.T) {
		c.Kubectl(t, "--namespace", ns, "rollout", "restart", "deployment/echo-v1", "deployment/echo-v2")
		c.AwaitRollout(t, ns, "deployment/echo-v1")
		c.AwaitRollout(t, ns, "deployment/echo-v2")
	})
	step("Mizzen is rolled out", func(t *testing.T) {
		c.Kubectl(t, "--namespace", system, "rollout", "restart", "deployment/mizzen")
		c.AwaitRollout(t, system, "deployment/mizzen")
		c.Apply(t, ns, split(100, 0))
		for _, k := range all {
			k.only(t, "v1")
		}
	})
	step("the calls stay in their zone", func(t *testing.T) {
		c.Kubectl(t, "--namespace", ns, "patch", "service", "echo", "--patch", `{"spec": {"trafficDistribution": "PreferSameZone"}}`)
		for k, name := range map[*calls]string{goCalls: "node-0", pyCalls: "node-1"} {
			near := podOn(t, c, ns, "app=echo,version=v1", name)
			k.await(t, "calls are answered in "+name, func(now tally) error {
				for pod, n := range now.By {
					if strings.HasPrefix(pod, "echo-") && pod != near {
						return fmt.Errorf("%d by %s", n, pod)
					}
				}
				if now.By[near] == 0 {
					return fmt.Errorf("none by %s", near)
				}
				return nil
			})
		}
	})
	step("Mizzen is deleted and comes back", func(t *testing.T) {
		c.Kubectl(t, "delete", "namespace", system, "--timeout="+node.Patience.String())
		for _, k := range all {
			k.goesOn(t, "Mizzen was deleted")
		}
		apply(t, c, "dev")
		c.Apply(t, ns, split(0, 100))
		for _, k := range all {
			k.only(t, "v2")
		}
	})
}

// podOn is the name of the one pod that a selector finds on a node.
func podOn(t *testing.T, c *node.Cluster, ns, selector, on string) string {
	t.Helper()
	var name string
	c.Await(t, "one pod on "+on, func() error {
		pods, err := c.Core.CoreV1().Pods(ns).List(t.Context(), metav1.ListOptions{LabelSelector: selector, FieldSelector: "spec.nodeName=" + on})
		if err != nil {
			return err
		}
		var names []string
		for _, pod := range pods.Items {
			if pod.DeletionTimestamp == nil {
				names = append(names, pod.Name)
			}
		}
		if len(names) != 1 {
			return fmt.Errorf("got %v", names)
		}
		name = names[0]
		return nil
	})
	return name
}
