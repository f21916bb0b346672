//go:build e2e

package install_test

import (
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/mizzen-mesh/mizzen/test/e2e/node"
)

// TestDev follows docs/INSTALL.md for a test cluster, and then changes the installation. The steps depend on each
// other.
func TestDev(t *testing.T) {
	l := begin(t, "dev")
	c, ns, all, step := l.c, l.ns, l.calls, l.step
	goCalls, pyCalls := all[0], all[1]
	l.usualSteps(t)
	step("the calls stay in their zone", func(t *testing.T) {
		c.Kubectl(t, "--namespace", ns, "patch", "service", "echo", "--patch", `{"spec": {"trafficDistribution": "PreferSameZone"}}`)
		for k, name := range map[*node.Calls]string{goCalls: "node-0", pyCalls: "node-1"} {
			near := podOn(t, c, ns, "app=echo,version=v1", name)
			k.Await(t, "calls are answered in "+name, func(now node.Tally) error {
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
			k.Continue(t, "Mizzen was deleted", 100)
		}
		apply(t, c, "dev")
		l.route(t, 0, 100)
	})
}

// podOn returns the name of the only pod on a node that a selector selects.
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
