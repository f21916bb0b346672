//go:build e2e

package e2e

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/mizzen-mesh/mizzen/test/e2e/cluster"
)

// newSplit creates a namespace with a Service whose calls are split evenly between two versions.
func newSplit(t *testing.T) (namespace string) {
	t.Helper()
	installDefinitions(t)
	ns := newNamespace(t)
	newService(t, ns)
	newDeployment(t, ns, "v1", 2)
	newDeployment(t, ns, "v2", 2)
	awaitEndpoints(t, ns, 4)
	applySubsets(t, ns)
	applyWeights(t, ns, 50, 50)
	return ns
}

// awaitEndpoints waits for that many ready endpoints: a subset without endpoints would fail its share of the calls.
func awaitEndpoints(t *testing.T, namespace string, want int) {
	t.Helper()
	await(t, "endpoints", func() error {
		list, err := suite.core.DiscoveryV1().EndpointSlices(namespace).List(t.Context(), metav1.ListOptions{})
		if err != nil {
			return err
		}
		ready := 0
		for _, s := range list.Items {
			for _, e := range s.Endpoints {
				if e.Conditions.Ready != nil && *e.Conditions.Ready {
					ready++
				}
			}
		}
		if ready != want {
			return fmt.Errorf("%d are ready, want %d", ready, want)
		}
		return nil
	})
}

// mostly is true if that version answers nearly all calls.
func mostly(version string) func(answers) bool { return share(version, 0.85, 1) }

// TestSlowAPIServer adds a delay of 300 ms to everything that the control plane and the API server send to each other.
func TestSlowAPIServer(t *testing.T) {
	ns := newSplit(t)
	network := newProxy(t, apiAddress)
	p := newReplica(t, "--kubeconfig", kubeconfigBy(t, network))
	l := startLoad(t, dial(t, p.plane(p.xds), ns, "echo:50051"))
	l.until(t, "all pods", from(4))
	network.slow(300 * time.Millisecond)
	applyWeights(t, ns, 95, 5)
	t.Logf("FAULT slow API server: a change arrived after %v", l.until(t, "change", mostly("v1")))
	p.Kill()
	begin := time.Now()
	p.start(t)
	p.awaitReady(t)
	t.Logf("FAULT slow API server: a start took %v", time.Since(begin))
	applyWeights(t, ns, 5, 95)
	l.until(t, "change after the start", mostly("v2"))
}

// TestRestoredData restores older data in the cluster: later writes are lost, and resource versions are used again.
// When the control plane reconnects, the cluster's version is lower than the last one it saw, or already higher.
func TestRestoredData(t *testing.T) {
	cluster.NotInShort(t)
	tests := map[string]struct{ lost, written int }{
		"behind": {lost: 300},
		"past":   {lost: 100, written: 300},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			ns := newSplit(t)
			network := newProxy(t, apiAddress)
			p := newReplica(t, "--kubeconfig", kubeconfigBy(t, network))
			l := startLoad(t, dial(t, p.plane(p.xds), ns, "echo:50051"))
			l.until(t, "all pods", from(4))
			if err := suite.cluster.SaveData(t.Context()); err != nil {
				t.Fatal(err)
			}
			useVersions(t, ns, test.lost)
			applyWeights(t, ns, 95, 5)
			l.until(t, "change that will be lost", mostly("v1"))
			network.stall(true)
			if err := suite.cluster.RestoreData(t.Context()); err != nil {
				t.Fatal(err)
			}
			suite.kubelet.Relist()
			// The API server keeps the history of a kind from the first request for it.
			must(suite.istio.NetworkingV1().VirtualServices(ns).List(t.Context(), metav1.ListOptions{}))(t)
			useVersions(t, ns, test.written)
			network.stall(false)
			older := l.until(t, "the state before", share("v1", 0.3, 0.7))
			t.Logf("FAULT older data: the older state was served %v after the API server could be reached", older)
			if older > 5*time.Second {
				t.Errorf("got the older state after %v, want it within 5s", older)
			}
			applyWeights(t, ns, 5, 95)
			t.Logf("FAULT older data: a change arrived after %v", l.until(t, "change after the restoration", mostly("v2")))
		})
	}
}

// useVersions writes that many unrelated objects, to increase the cluster's resource version by as much.
func useVersions(t *testing.T, namespace string, n int) {
	t.Helper()
	for range n {
		o := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{GenerateName: "any-"}}
		must(suite.core.CoreV1().ConfigMaps(namespace).Create(t.Context(), o, metav1.CreateOptions{}))(t)
	}
}

// TestExpiredWatch ends the control plane's watches while it is disconnected, and drops the history from which they
// would resume.
func TestExpiredWatch(t *testing.T) {
	cluster.NotInShort(t)
	ns := newSplit(t)
	network := newProxy(t, apiAddress)
	p := newReplica(t, "--kubeconfig", kubeconfigBy(t, network))
	l := startLoad(t, dial(t, p.plane(p.xds), ns, "echo:50051"))
	l.until(t, "all pods", from(4))
	network.stall(true)
	applyWeights(t, ns, 95, 5)
	if err := suite.cluster.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	// After a restart the API server has only the history in etcd.
	suite.cluster.APIServer.Terminate()
	restart(t, suite.cluster.APIServer)
	l.until(t, "calls meanwhile", manyCalls)
	network.cut()
	network.stall(false)
	t.Logf("FAULT expired watch: what was missed arrived after %v", l.until(t, "change that was missed", mostly("v1")))
	wake(t)
}

// TestNetworkCut stops the traffic between a client, the control plane and the API server, and resumes it. Then it
// drops all packets of the open connections, without closing them.
func TestNetworkCut(t *testing.T) {
	cluster.NotInShort(t)
	ns := newSplit(t)
	above, below := newProxy(t, apiAddress), newProxy(t)
	p := newReplica(t, "--kubeconfig", kubeconfigBy(t, above))
	below.route(p.xds)
	l := startLoad(t, dial(t, p.plane(below.address()), ns, "echo:50051"))
	l.until(t, "all pods", from(4))

	below.stall(true)
	applyWeights(t, ns, 95, 5)
	l.until(t, "calls while the control plane cannot be reached", manyCalls)
	below.stall(false)
	t.Logf("FAULT network cut to the client, and back: a change arrived after %v", l.until(t, "change", mostly("v1")))
	below.cut()
	applyWeights(t, ns, 5, 95)
	t.Logf("FAULT connections of clients ended: a change arrived after %v", l.until(t, "change", mostly("v2")))

	above.blackhole()
	applyWeights(t, ns, 95, 5)
	t.Logf("FAULT half-open connection to the API server: a change arrived after %v", l.until(t, "change", mostly("v1")))
	below.blackhole()
	begin := time.Now()
	p.awaitMetric(t, "mizzen_xds_streams", exactly(0))
	t.Logf("FAULT half-open connection of a client: the control plane closed its stream after %v", time.Since(begin))
	l.until(t, "calls of a client whose connection leads nowhere", manyCalls)
}

// TestKilled kills the control plane at random moments while rules change. Then it stops the API server and restarts
// the control plane, which must serve the saved state, remove nothing, and use the cluster when that is available
// again.
func TestKilled(t *testing.T) {
	ns := newSplit(t)
	state := t.TempDir()
	p := newReplica(t, "--state-dir", state, "--state-wait", "1s")
	l := startLoad(t, dial(t, p.plane(p.xds), ns, "echo:50051"))
	l.until(t, "all pods", from(4))
	for i := range 8 {
		applyWeights(t, ns, 50+int32(i), 50-int32(i))
		<-time.After(rand.N(700 * time.Millisecond)) // at any point of the start
		p.Kill()
		p.start(t)
	}
	p.awaitReady(t)
	applyWeights(t, ns, 95, 5)
	t.Logf("FAULT killed eight times: a change arrived after %v", l.until(t, "change", mostly("v1")))
	p.Terminate() // which saves the state

	other := ns + "-other"
	services := suite.core.CoreV1().Services(ns)
	before := must(services.Get(t.Context(), "echo", metav1.GetOptions{}))(t)
	extra := before.DeepCopy()
	extra.ObjectMeta = metav1.ObjectMeta{Name: other}
	extra.Spec.ClusterIP, extra.Spec.ClusterIPs = "", nil
	must(services.Create(t.Context(), extra, metav1.CreateOptions{}))(t)
	p.start(t)
	p.awaitReady(t)
	known := p.metric(t, "mizzen_services", "")

	p.Terminate()
	if err := services.Delete(t.Context(), other, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}

	suite.cluster.APIServer.Kill()
	begin := time.Now()
	p.start(t)
	p.awaitReady(t)
	t.Logf("FAULT API server away at the start: served the saved state after %v", time.Since(begin))
	if got := p.metric(t, "mizzen_serving_last_good", ""); got != 1 || p.restoredProblems(t) != 1 {
		t.Errorf("got mizzen_serving_last_good %v and %d Problems, want 1 and at least one Problem", got, p.restoredProblems(t))
	}
	if got := p.metric(t, "mizzen_services", ""); got != known {
		t.Errorf("got %v Services from the saved state, want %v", got, known)
	}
	newcomer := startLoad(t, dial(t, p.plane(p.xds), ns, "echo."+ns+":50051"))
	newcomer.until(t, "calls of a client that came meanwhile", mostly("v1"))

	begin = time.Now()
	restart(t, suite.cluster.APIServer)
	up := time.Since(begin)
	p.awaitMetric(t, "mizzen_serving_last_good", exactly(0))
	t.Logf("FAULT API server unavailable at the start: the cluster was served %v after it was ready", time.Since(begin)-up)
	if got := p.metric(t, "mizzen_services", ""); got != known-1 || p.restoredProblems(t) != 0 {
		t.Errorf("got %v Services and %d Problems, want %v and none", got, p.restoredProblems(t), known-1)
	}
	wake(t)
	applyWeights(t, ns, 5, 95)
	l.until(t, "change afterwards", mostly("v2"))
	newcomer.until(t, "change afterwards", mostly("v2"))
}

// TestFullDisk has the kernel reject every write of the control plane to a file, as a full disk does.
func TestFullDisk(t *testing.T) {
	cluster.NotInShort(t)
	ns := newSplit(t)
	p := newReplica(t, "--state-dir", t.TempDir())
	l := startLoad(t, dial(t, p.plane(p.xds), ns, "echo:50051"))
	l.until(t, "all pods", from(4))
	p.awaitMetric(t, "mizzen_state_saved_timestamp_seconds", func(at float64) bool { return at > 0 })
	var limit unix.Rlimit
	if err := unix.Prlimit(p.Pid(), unix.RLIMIT_FSIZE, nil, &limit); err != nil {
		t.Fatal(err)
	}
	full := limit
	full.Cur = 0
	if err := unix.Prlimit(p.Pid(), unix.RLIMIT_FSIZE, &full, nil); err != nil {
		t.Fatal(err)
	}
	applyWeights(t, ns, 95, 5)
	t.Logf("FAULT disk full: a change arrived after %v", l.until(t, "change while the disk is full", mostly("v1")))
	p.awaitMetric(t, "mizzen_state_save_failures_total", func(n float64) bool { return n > 0 })
	if err := unix.Prlimit(p.Pid(), unix.RLIMIT_FSIZE, &limit, nil); err != nil {
		t.Fatal(err)
	}
	saved := p.metric(t, "mizzen_state_saved_timestamp_seconds", "")
	applyWeights(t, ns, 5, 95)
	p.awaitMetric(t, "mizzen_state_saved_timestamp_seconds", func(at float64) bool { return at > saved })
	l.until(t, "change afterwards", mostly("v2"))
}
