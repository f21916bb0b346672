package serving_test

import (
	"strings"
	"testing"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot/snapshottest"
)

// secured is the cluster of the Service in these tests.
const secured = "outbound|8080||safe.demo.svc.cluster.local"

// securedService has a pod for each service account, and a DestinationRule with that TLS mode.
func securedService(mode string, accounts ...string) []string {
	objects := []string{
		"apiVersion: v1\nkind: Service\nmetadata: {name: safe, namespace: demo}\nspec: {ports: [{name: grpc, port: 8080}]}\n",
		"apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: safe, namespace: demo}\n" +
			"spec: {host: safe, trafficPolicy: {tls: {mode: " + mode + "}}}\n",
	}
	for i, account := range accounts {
		pod := "pod-" + string(rune('a'+i))
		objects = append(objects, "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: "+pod+
			", namespace: demo, labels: {kubernetes.io/service-name: safe}}\naddressType: IPv4\nports: [{name: grpc, port: 1}]\n"+
			"endpoints: [{addresses: [10.0.0."+string(rune('1'+i))+"], targetRef: {kind: Pod, name: "+pod+", namespace: demo}}]\n",
			"apiVersion: v1\nkind: Pod\nmetadata: {name: "+pod+", namespace: demo}\nspec: {serviceAccountName: "+account+"}\n")
	}
	return objects
}

// TestClientsShareClusters has clients that declare any certificate providers. They share the clusters of a host
// unless they differ in the providers that a rule requires.
func TestClientsShareClusters(t *testing.T) {
	s := snapshot.New(snapshottest.Load(t, securedService("ISTIO_MUTUAL", "a")))
	declaring := func(names ...string) mesh.Client {
		return mesh.Client{Namespace: "demo", Providers: mesh.MakeProviders(names...)}
	}
	for name, test := range map[string]struct {
		a, b   mesh.Client
		shared bool
	}{
		"the same":           {declaring("default"), declaring("default"), true},
		"more than asked":    {declaring("default"), declaring("default", "x"), true},
		"other than asked":   {declaring("y"), declaring("x"), true},
		"none and the asked": {declaring(), declaring("default"), false},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := s.Resource(snapshot.ClusterType, secured, test.a), s.Resource(snapshot.ClusterType, secured, test.b)
			if (a == b) != test.shared {
				t.Errorf("got versions %s and %s, want shared: %t", a.Version, b.Version, test.shared)
			}
		})
	}
}

// TestClustersFollowAccounts changes endpoints. A cluster changes only if their service accounts change.
func TestClustersFollowAccounts(t *testing.T) {
	client := mesh.Client{Namespace: "demo", Providers: mesh.MakeProviders("default")}
	for name, test := range map[string]struct {
		before, after []string
		kept          bool
	}{
		"one more pod of an account": {securedService("ISTIO_MUTUAL", "a"), securedService("ISTIO_MUTUAL", "a", "a"), true},
		"a pod of another account":   {securedService("ISTIO_MUTUAL", "a"), securedService("ISTIO_MUTUAL", "a", "b"), false},
		"an account that goes":       {securedService("ISTIO_MUTUAL", "a", "b"), securedService("ISTIO_MUTUAL", "b"), false},
		"accounts of no interest":    {securedService("DISABLE", "a"), securedService("DISABLE", "b"), true},
	} {
		t.Run(name, func(t *testing.T) {
			store := serving.NewStore(serving.Options{})
			world := snapshottest.Load(t, test.before)
			store.Publish(world)
			before := store.Current().Resource(snapshot.ClusterType, secured, client)
			store.Publish(share(world, snapshottest.Load(t, test.after)))
			after := store.Current().Resource(snapshot.ClusterType, secured, client)
			if (before == after) != test.kept {
				t.Errorf("the cluster was kept: %t, want %t", before == after, test.kept)
			}
			if scratch := snapshot.New(snapshottest.Load(t, test.after)).Resource(snapshot.ClusterType, secured, client); scratch.Version != after.Version {
				t.Errorf("got version %s, and %s from scratch", after.Version, scratch.Version)
			}
		})
	}
}

// TestPodsAreKnownByTheirAccount expects the service account of the pod itself if the pod is called by its own name.
func TestPodsAreKnownByTheirAccount(t *testing.T) {
	s := snapshot.New(snapshottest.Load(t, securedService("ISTIO_MUTUAL", "a", "b")))
	client := mesh.Client{Namespace: "demo", Providers: mesh.MakeProviders("default")}
	text := s.Resource(snapshot.ClusterType, "outbound|8080||10-0-0-2.safe.demo.svc.cluster.local", client).Any().String()
	if !strings.Contains(text, "/sa/b") || strings.Contains(text, "/sa/a") {
		t.Errorf("got %s", text)
	}
}

// TestProblemsAssumeCertificates expects the Problems of a rule to be those of clients that have the certificate
// providers that the rule requires.
func TestProblemsAssumeCertificates(t *testing.T) {
	s := snapshot.New(snapshottest.Load(t, securedService("ISTIO_MUTUAL", "a")))
	for _, p := range s.Problems() {
		if p.Severity != mesh.Info {
			t.Errorf("got %v", p)
		}
	}
	if len(s.Problems()) == 0 {
		t.Error("no Problem reports that clients need certificates")
	}
}

// TestMissingCertificatesAreCounted expects connected clients that lack a required certificate provider to be
// counted, and one to be named.
func TestMissingCertificatesAreCounted(t *testing.T) {
	objects := securedService("ISTIO_MUTUAL", "a")
	store := serving.NewStore(serving.Options{})
	store.Publish(snapshottest.Load(t, objects))
	subscribe := func(id, providers string) *serving.Session {
		session := store.Open(serving.ClientInfo{NodeID: id, Client: mesh.Client{Namespace: "demo", Providers: mesh.MakeProviders(providers)}}, nil)
		t.Cleanup(session.Close)
		names := []string{secured, "outbound|8080|other|safe.demo.svc.cluster.local"}
		session.Request(&serving.Request{Type: snapshot.ClusterType, Names: names})
		return session
	}
	// ofObject are the errors in the sync status, in which clients are not counted.
	ofObject := func() []mesh.Problem {
		var all []mesh.Problem
		for _, d := range store.ObjectSyncs() {
			for _, p := range d.Problems {
				if p.Object != d.Object {
					t.Errorf("%s has a Problem of %s", d.Object, p.Object)
				}
				all = append(all, p)
			}
		}
		return all
	}
	subscribe("c", "default")
	if got := ofObject(); len(got) != 0 {
		t.Errorf("all clients have what they need: got %v", got)
	}
	gone := subscribe("d", "")
	before := ofObject()
	gone.Close()
	if got := ofObject(); len(before) != 1 || len(got) != 0 {
		t.Errorf("got %v while a client lacks a provider, and %v after it", before, got)
	}
	subscribe("b", "")
	subscribe("a", "shop")
	var found []string
	for _, p := range store.Problems() {
		if p.Severity == mesh.Error {
			found = append(found, string(p.Code)+" "+p.Field+": "+p.Message)
		}
	}
	want := `NoCertificate spec.trafficPolicy.tls.mode: The client does not declare the certificate provider "default". Its calls fail. Declare the provider in its bootstrap. Connected clients: 2, such as "a".`
	if len(found) != 1 || found[0] != want {
		t.Errorf("got %q, want %q", found, want)
	}
	if got := ofObject(); len(got) != 1 || got[0] != before[0] || !strings.HasPrefix(want, string(got[0].Code)+" "+got[0].Field+": "+got[0].Message+" Connected") {
		t.Errorf("got %v in the sync status, want %v, without a number", got, before)
	}
}

// A client whose version cannot encrypt is not told to declare a provider, as that would not help.
func TestProblemsNameVersionsWithoutTLS(t *testing.T) {
	store := serving.NewStore(serving.Options{})
	store.Publish(snapshottest.Load(t, securedService("ISTIO_MUTUAL", "a")))
	client := snapshot.WithUserAgent(mesh.Client{Namespace: "demo", Providers: mesh.MakeProviders("default")}, mesh.GRPCNode, "1.13.0")
	session := store.Open(serving.ClientInfo{NodeID: "a", Client: client}, nil)
	t.Cleanup(session.Close)
	session.Request(&serving.Request{Type: snapshot.ClusterType, Names: []string{secured}})
	for _, p := range store.Problems() {
		if p.Code == mesh.CodeNoCertificate {
			if !strings.HasPrefix(p.Message, "gRPC Node 1.13.0 does not support TLS settings.") {
				t.Errorf("got %q, want it to name the kind and version", p.Message)
			}
			return
		}
	}
	t.Errorf("got %v, want a Problem about certificates", store.Problems())
}
