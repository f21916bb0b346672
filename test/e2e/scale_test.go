//go:build e2e

package e2e

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
)

// TestScale scales a Deployment up and down under load.
func TestScale(t *testing.T) {
	ns := newNamespace(t)
	newService(t, ns)
	newDeployment(t, ns, "v1", 2)
	p := startControlPlane(t)
	l := startLoad(t, dial(t, p, ns, "echo"))
	l.until(t, "both pods", from(2))
	for _, replicas := range []int32{6, 1, 4} {
		editDeployment(t, ns, "v1", func(d *appsv1.DeploymentSpec) { d.Replicas = &replicas })
		t.Logf("%d pods after %v", replicas, l.until(t, "scaled Deployment", from(int(replicas))))
	}
}

// TestRollingUpdate replaces every pod of a Deployment under load.
func TestRollingUpdate(t *testing.T) {
	ns := newNamespace(t)
	newService(t, ns)
	newDeployment(t, ns, "v1", 4)
	p := startControlPlane(t)
	l := startLoad(t, dial(t, p, ns, "echo."+ns+".svc.cluster.local:50051"))
	l.until(t, "all pods", from(4))
	for _, version := range []string{"v2", "v3"} {
		editDeployment(t, ns, "v1", func(d *appsv1.DeploymentSpec) { d.Template.Labels["version"] = version })
		t.Logf("all calls to %s after %v", version, l.until(t, "rolling update", only(version)))
	}
}
