package assemble

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/internal/watchtest"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// in converts objects as those of a remote cluster, and applies them.
func in(t *testing.T, a *Assembler, cluster, network, text string) *mesh.World {
	t.Helper()
	objects := map[object.Key]*object.Object{}
	for _, o := range watchtest.Objects(t, text) {
		o.MoveTo(cluster, network)
		objects[o.Key] = o
	}
	a.Apply(objects, nil)
	return a.World()
}

func clusterPod(name, ip, more string) string {
	return fmt.Sprintf("---\napiVersion: v1\nkind: Pod\nmetadata: {name: %s, namespace: demo, uid: %[1]s, labels: {app: echo%s}}\nspec: {nodeName: node-0}\nstatus: {podIP: %s}\n", name, more, ip)
}

func clusterSlice(pod, ip string) string {
	return watchtest.Slices(fmt.Sprintf("ports: [{name: grpc, port: 1}]\nendpoints: [{addresses: [%s], nodeName: node-0, targetRef: {kind: Pod, name: %s}}]", ip, pod))
}

func clusterNode(zone string) string {
	return "---\napiVersion: v1\nkind: Node\nmetadata: {name: node-0, labels: {topology.kubernetes.io/zone: " + zone + "}}\n"
}

// TestClusters has equal names in three clusters: pods, nodes and Services are told apart, and endpoints carry the names of
// their clusters and networks.
func TestClusters(t *testing.T) {
	a := New(Options{Domain: "cluster.local", RootNamespace: "istio-system", Pods: true, Cluster: "a", Network: "n"})
	apply(t, a, watchtest.EchoService+clusterNode("z1")+clusterPod("echo", "10.0.0.1", "")+clusterSlice("echo", "10.0.0.1"))
	in(t, a, "c", "", watchtest.EchoService+clusterNode("z3")+clusterPod("echo", "10.2.0.1", "")+clusterSlice("echo", "10.2.0.1"))
	w := in(t, a, "b", "n", watchtest.EchoService+clusterNode("z2")+clusterPod("echo", "10.1.0.1", "")+clusterSlice("echo", "10.1.0.1"))
	var got []string
	for _, e := range watchtest.Get(w.Endpoints, watchtest.EchoHost).Endpoints {
		cluster, _ := e.Label(mesh.LabelCluster)
		network, _ := e.Label(mesh.LabelNetwork)
		host, _ := e.Label(mesh.LabelHostname)
		got = append(got, fmt.Sprintf("%s %s %s %s at %s %s", e.Address, cluster, network, host, e.Topology.Node(), e.Topology.Locality().Zone))
	}
	want := []string{"10.0.0.1 a n node-0 at node-0 z1", "10.1.0.1 b n node-0 at node-0@b z2", "10.2.0.1 c  node-0 at node-0@c z3"}
	if !slices.Equal(got, want) {
		t.Errorf("got the endpoints %q, want %q", got, want)
	}
	for cluster, address := range map[string]string{"": "10.0.0.1", "b": "10.1.0.1", "c": "10.2.0.1"} {
		byName, _ := w.PodByName(cluster, "demo", "echo")
		if byAddress, _ := w.PodByAddress(address); byName == nil || byName != byAddress || byName.Ref.Cluster != cluster || byName.Addresses[0] != address {
			t.Errorf("cluster %q: got the pods %v and %v", cluster, byName, byAddress)
		} else if got, _ := byName.Labels.Get(mesh.LabelCluster); got != cmp.Or(cluster, "a") {
			t.Errorf("cluster %q: got the label %q", cluster, got)
		}
	}
	if service := watchtest.Get(w.Services, watchtest.EchoHost); service.Ref.Cluster != "" {
		t.Errorf("got the Service of cluster %q, want the control plane's own", service.Ref.Cluster)
	}
	a.remove(object.Key{Kind: object.KindService, Namespace: "demo", Name: "echo"})
	if service := watchtest.Get(a.World().Services, watchtest.EchoHost); service.Ref.Cluster != "b" {
		t.Errorf("got the Service of cluster %q without an own one, want the first by name", service.Ref.Cluster)
	}
	if saved := a.ListObjects(); slices.ContainsFunc(saved, func(o object.Object) bool { return o.Key.Cluster != "" }) {
		t.Errorf("the state of the own cluster has objects of others: %v", saved)
	}
}

// TestClusterProblems reports what of a remote cluster cannot be joined.
func TestClusterProblems(t *testing.T) {
	own := watchtest.EchoService + clusterPod("echo", "10.0.0.1", "") + clusterSlice("echo", "10.0.0.1")
	for name, test := range map[string]struct {
		remote, network string
		// object and text are of the only Problem; the text is empty if there is none.
		object, text string
		addresses    []string
	}{
		"the same": {
			watchtest.EchoService + clusterPod("far", "10.1.0.1", "") + clusterSlice("far", "10.1.0.1"), "n", "", "", []string{"10.0.0.1", "10.1.0.1"},
		},
		"an address of a pod in both": {
			watchtest.EchoService + clusterPod("far", "10.0.0.1", "") + clusterSlice("far", "10.0.0.1"), "n",
			"Cluster b", "such as 10.0.0.1, are also addresses of pods in the control plane's own cluster",
			[]string{"10.0.0.1"},
		},
		"another network": {
			watchtest.EchoService + clusterPod("far", "10.1.0.1", "") + clusterSlice("far", "10.1.0.1"), "m",
			"Service demo/echo@b", `1 of 1 endpoints are left out, because they are in network "m" and clients are in "n"`,
			[]string{"10.0.0.1"},
		},
		"a pod in another network": {
			watchtest.EchoService + clusterPod("far", "10.1.0.1", ", topology.istio.io/network: m") + clusterSlice("far", "10.1.0.1"), "n",
			"Service demo/echo@b", "1 of 1 endpoints",
			[]string{"10.0.0.1"},
		},
		"a pod in the own network of a cluster in another": {
			watchtest.EchoService + clusterPod("far", "10.1.0.1", ", topology.istio.io/network: n") + clusterSlice("far", "10.1.0.1"), "m", "", "", []string{"10.0.0.1", "10.1.0.1"},
		},
		"other ports": {
			strings.Replace(watchtest.EchoService, "port: 80", "port: 81", 1) + clusterPod("far", "10.1.0.1", "") + clusterSlice("far", "10.1.0.1"), "n",
			"Service demo/echo@b", `Service demo/echo has no port 81 with the name "grpc"`,
			[]string{"10.0.0.1", "10.1.0.1"},
		},
		"other settings": {
			strings.Replace(watchtest.EchoService, "ports:", "trafficDistribution: PreferSameZone, ports:", 1) + clusterPod("far", "10.1.0.1", "") + clusterSlice("far", "10.1.0.1"), "n",
			"Service demo/echo@b", "Service demo/echo is in effect for the host, and has another setting here.",
			[]string{"10.0.0.1", "10.1.0.1"},
		},
		"other annotations": {
			strings.Replace(watchtest.EchoService, "namespace: demo", "namespace: demo, annotations: {mizzen.dev/subset-size: \"3\"}", 1) + clusterPod("far", "10.1.0.1", "") + clusterSlice("far", "10.1.0.1"), "n",
			"Service demo/echo@b", "Service demo/echo is in effect for the host, and has another setting here.",
			[]string{"10.0.0.1", "10.1.0.1"},
		},
		"a Service for its cluster alone": {
			strings.Replace(watchtest.EchoService, "namespace: demo", "namespace: demo, annotations: {mizzen.dev/scope: cluster}", 1) + clusterPod("far", "10.1.0.1", "") + clusterSlice("far", "10.1.0.1"), "n",
			"", "",
			[]string{"10.0.0.1"},
		},
		"a Service of a node": {
			strings.Replace(watchtest.EchoService, "ports:", "internalTrafficPolicy: Local, ports:", 1) + clusterPod("far", "10.1.0.1", "") + clusterSlice("far", "10.1.0.1"), "n",
			"", "",
			[]string{"10.0.0.1"},
		},
		"a name for another host": {
			"---\napiVersion: v1\nkind: Service\nmetadata: {name: echo, namespace: demo}\nspec: {type: ExternalName, externalName: example.com, ports: [{name: grpc, port: 80}]}\n", "n",
			"Service demo/echo@b", "one of the two has type ExternalName",
			[]string{"10.0.0.1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := New(Options{Domain: "cluster.local", RootNamespace: "istio-system", Pods: true, Network: "n"})
			apply(t, a, own)
			w := in(t, a, "b", test.network, test.remote)
			if got := addresses(watchtest.Get(w.Endpoints, watchtest.EchoHost)); !slices.Equal(got, test.addresses) {
				t.Errorf("got the endpoints %v, want %v", got, test.addresses)
			}
			switch {
			case test.text == "" && len(w.Problems) > 0:
				t.Errorf("got the Problems %v, want none", w.Problems)
			case test.text != "" && (len(w.Problems) != 1 || w.Problems[0].Object.String() != test.object || !strings.Contains(w.Problems[0].Message, test.text)):
				t.Errorf("got the Problems %v, want one of %s with %q", w.Problems, test.object, test.text)
			}
			if _, ok := w.PodByAddress("10.0.0.1"); ok != (name != "an address of a pod in both") {
				t.Errorf("the pod is found by its address: %t", ok)
			}
			gone := map[object.Key]*object.Object{}
			for _, o := range watchtest.Objects(t, test.remote) {
				gone[o.Key.In("b")] = nil
			}
			a.Apply(gone, nil)
			if after := a.World(); len(after.Problems) > 0 || !slices.Equal(addresses(watchtest.Get(after.Endpoints, watchtest.EchoHost)), []string{"10.0.0.1"}) {
				t.Errorf("after the cluster is gone: got the Problems %v and the endpoints %v", after.Problems, watchtest.Get(after.Endpoints, watchtest.EchoHost))
			}
		})
	}
}

// TestAddressesWithoutPods reports an address that Services list in two clusters without a pod: it is called once, in whichever cluster
// the server is.
func TestAddressesWithoutPods(t *testing.T) {
	slice := func(addresses ...string) string {
		text := "ports: [{name: grpc, port: 1}]\nendpoints:\n"
		for _, address := range addresses {
			text += "- {addresses: [" + address + "]}\n"
		}
		return watchtest.Slices(text)
	}
	a := New(Options{Domain: "cluster.local", RootNamespace: "istio-system", Pods: true})
	apply(t, a, watchtest.EchoService+slice("10.0.0.1", "10.0.0.2"))
	for _, step := range []struct {
		remote, text string
		addresses    []string
	}{
		{slice("10.0.0.3", "10.0.0.1"), "1 of 2 endpoints without a pod have addresses of endpoints in another cluster, such as 10.0.0.1. ", []string{"10.0.0.1", "10.0.0.2", "10.0.0.3"}},
		{slice("10.0.0.3"), "", []string{"10.0.0.1", "10.0.0.2", "10.0.0.3"}},
	} {
		w := in(t, a, "b", "", watchtest.EchoService+step.remote)
		if got := addresses(watchtest.Get(w.Endpoints, watchtest.EchoHost)); !slices.Equal(got, step.addresses) {
			t.Errorf("got the endpoints %v, want %v", got, step.addresses)
		}
		if told := len(w.Problems) == 1 && w.Problems[0].Object.String() == "Service demo/echo@b" && strings.Contains(w.Problems[0].Message, step.text); told != (step.text != "") || !told && len(w.Problems) > 0 {
			t.Errorf("got the Problems %v, want one with %q", w.Problems, step.text)
		}
	}
}

// TestClusterLocalServices: a Service that is for its cluster alone, in either cluster, is a Service of its own in each, with the
// rules for the host.
func TestClusterLocalServices(t *testing.T) {
	local := strings.Replace(watchtest.EchoService, "namespace: demo", "namespace: demo, annotations: {mizzen.dev/scope: cluster}", 1)
	const rule = "---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: echo, namespace: demo}\nspec: {host: echo, trafficPolicy: {loadBalancer: {simple: RANDOM}}}\n"
	inB := mesh.HostInCluster(watchtest.EchoHost, "b")
	for name, services := range map[string][2]string{"in both": {local, local}, "in the own one": {local, watchtest.EchoService}, "in the remote one": {watchtest.EchoService, local}} {
		a := New(Options{Domain: "cluster.local", RootNamespace: "istio-system", Pods: true})
		apply(t, a, services[0]+rule+clusterPod("echo", "10.0.0.1", "")+clusterSlice("echo", "10.0.0.1"))
		w := in(t, a, "b", "", services[1]+clusterPod("echo", "10.1.0.1", "")+clusterSlice("echo", "10.1.0.1"))
		for host, want := range map[string]string{watchtest.EchoHost: "10.0.0.1", inB: "10.1.0.1"} {
			service, policies := watchtest.Get(w.Services, host), watchtest.Get(w.DestinationRules, host)
			if got := addresses(watchtest.Get(w.Endpoints, host)); service == nil || service.Host != watchtest.EchoHost || policies == nil || !slices.Equal(got, []string{want}) {
				t.Errorf("%s: host %s: got the Service %v, the endpoints %v and the rules %v, want %s and the rule", name, host, service, got, policies, want)
			}
		}
		if len(w.Problems) > 0 {
			t.Errorf("%s: got the Problems %v", name, w.Problems)
		}
		apply(t, a, watchtest.EchoService)
		w = in(t, a, "b", "", watchtest.EchoService)
		if got := addresses(watchtest.Get(w.Endpoints, watchtest.EchoHost)); watchtest.Get(w.Services, inB) != nil || watchtest.Get(w.Endpoints, inB) != nil || watchtest.Get(w.DestinationRules, inB) != nil ||
			!slices.Equal(got, []string{"10.0.0.1", "10.1.0.1"}) {
			t.Errorf("%s: after both are joined: got the endpoints %v", name, got)
		}
	}
}
