//go:build e2e

package e2e

import (
	"testing"

	"github.com/mizzen-mesh/mizzen/test/e2e/cluster"
)

// TestOutage makes the API server unavailable in three ways while a client calls. No client is affected, not even one
// that connects during the outage, and a change after the outage arrives.
func TestOutage(t *testing.T) {
	ns := newSplit(t)
	p := startControlPlane(t)
	l := startLoad(t, dial(t, p, ns, "echo:50051"))
	l.until(t, "all pods", from(4))

	api := suite.cluster.APIServer
	t.Cleanup(func() { wake(t) })
	outages := []struct {
		name   string
		begin  func(*cluster.Process)
		end    func(*testing.T, *cluster.Process)
		weight int32  // the weight of v1 afterwards
		then   string // the version that answers most calls then
	}{
		{name: "terminated", begin: (*cluster.Process).Terminate, end: restart, weight: 95, then: "v1"},
		{name: "killed", begin: (*cluster.Process).Kill, end: restart, weight: 5, then: "v2"},
		{name: "paused", begin: (*cluster.Process).Pause, end: resume, weight: 95, then: "v1"},
	}
	for _, o := range outages {
		o.begin(api)
		l.until(t, "calls while the API server is "+o.name, manyCalls)
		t.Run(o.name, func(t *testing.T) {
			newcomer := startLoad(t, dial(t, p, ns, "echo."+ns+":50051"))
			newcomer.until(t, "calls of a client that came while the API server was "+o.name, manyCalls)
		})
		o.end(t, api)
		applyWeights(t, ns, o.weight, 100-o.weight)
		t.Logf("API server %s and back: a change arrived after %v", o.name, l.until(t, "change after the outage", share(o.then, 0.85, 1)))
	}
}

// manyCalls is true if many calls have been answered.
func manyCalls(a answers) bool { return len(a) >= recentAnswers }

func restart(t *testing.T, api *cluster.Process) {
	t.Helper()
	if err := api.Start(); err != nil {
		t.Fatal(err)
	}
	if err := suite.cluster.AwaitAPI(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// wake ends the backoff of the controllers and the kubelet after an outage: it is not the subject of these tests.
func wake(t *testing.T) {
	t.Helper()
	suite.kubelet.Relist()
	if err := suite.cluster.RestartControllers(); err != nil {
		t.Error(err)
	}
}

func resume(t *testing.T, api *cluster.Process) {
	t.Helper()
	api.Resume()
	if err := suite.cluster.AwaitAPI(t.Context()); err != nil {
		t.Fatal(err)
	}
}
