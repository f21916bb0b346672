//go:build e2e

package e2e

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"
	meta "istio.io/api/meta/v1alpha1"
	networking "istio.io/api/networking/v1"
	istiov1 "istio.io/client-go/pkg/apis/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/mizzen-mesh/mizzen/internal/bootstrap"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/test/e2e/cluster"
)

// TestMachine has servers outside of the cluster. A machine joins with a token and a WorkloadEntry, is called by the host of a
// ServiceEntry, is not called any more when it dies while another one lives, and when its WorkloadEntry says that it is unhealthy.
func TestMachine(t *testing.T) {
	installDefinitions(t)
	ns := newNamespace(t)
	p := startSecure(t)
	host := "ledger." + ns + ".example.com"
	machine := rawClient{secure: true, token: token(t, ns, nil, audience)}
	if err := machine.request(t, p); status.Code(err) != codes.Unauthenticated || !strings.Contains(status.Convert(err).Message(), "create a WorkloadEntry") {
		t.Errorf("without a WorkloadEntry: got %v", err)
	}
	entries := suite.istio.NetworkingV1().WorkloadEntries(ns)
	must(suite.istio.NetworkingV1().ServiceEntries(ns).Create(t.Context(), &istiov1.ServiceEntry{ObjectMeta: metav1.ObjectMeta{Name: "ledger"}, Spec: networking.ServiceEntry{
		Hosts: []string{host}, Resolution: networking.ServiceEntry_STATIC, Location: networking.ServiceEntry_MESH_INTERNAL,
		Ports:            []*networking.ServicePort{{Number: 80, Name: "grpc", Protocol: "GRPC"}},
		WorkloadSelector: &networking.WorkloadSelector{Labels: map[string]string{"app": "ledger"}},
	}}, metav1.CreateOptions{}))(t)
	start := func(name string) *grpc.Server {
		listener := must(net.Listen("tcp", cluster.HostIP+":0"))(t)
		process := grpc.NewServer()
		testpb.RegisterTestServiceServer(process, server{pod: name})
		go func() { _ = process.Serve(listener) }()
		t.Cleanup(process.Stop)
		must(entries.Create(t.Context(), &istiov1.WorkloadEntry{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: networking.WorkloadEntry{
			Address: cluster.HostIP, Labels: map[string]string{"app": "ledger"}, ServiceAccount: "default",
			Ports: map[string]uint32{"grpc": uint32(listener.Addr().(*net.TCPAddr).Port)},
		}}, metav1.CreateOptions{}))(t)
		return process
	}
	first := start("vm-1")
	await(t, "the machine is a client", func() error { return machine.request(t, p) })
	pod := newPod(t, ns, "caller")
	client := dialAs(t, bootstrap.Options{ServerURI: p.xds, NodeID: "mizzen~" + ns + "~caller", Namespace: ns}, pod.Status.PodIP, host)
	answersOf := func(want string) func() error {
		return func() error {
			resp, err := call(t.Context(), client)
			if err != nil || resp.GetServerId() != want && resp.GetHostname() != want {
				return fmt.Errorf("got %v, want an answer of %s (%w)", resp, want, err)
			}
			return nil
		}
	}
	await(t, "the first machine answers", answersOf("vm-1"))
	start("vm-2")
	await(t, "the second machine answers, too", answersOf("vm-2"))
	first.Stop()
	await(t, "calls reach the second machine", answersOf("vm-2"))
	for range 50 {
		if err := answersOf("vm-2")(); err != nil {
			t.Fatalf("after the first machine died: %v", err)
		}
	}
	second := must(entries.Get(t.Context(), "vm-2", metav1.GetOptions{}))(t)
	second.Status = meta.IstioStatus{Conditions: []*meta.IstioCondition{{Type: "Healthy", Status: "False"}}}
	must(entries.UpdateStatus(t.Context(), second, metav1.UpdateOptions{}))(t)
	if err := entries.Delete(t.Context(), "vm-1", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	await(t, "an unhealthy machine gets no calls", func() error {
		if _, err := call(t.Context(), client); status.Code(err) != codes.Unavailable {
			return fmt.Errorf("want Unavailable: %w", err)
		}
		return nil
	})
}

// TestMachineWithStream has a machine whose health is its stream: it joins, is called, moves to another replica, dies, and is left out, by the condition on
// its WorkloadEntry, which the control plane writes with the rights that it is installed with.
func TestMachineWithStream(t *testing.T) {
	cluster.NotInShort(t)
	install(t, "overlays/dev") // the namespace and the rights
	installDefinitions(t)
	ns := newNamespace(t)
	p := startSecure(t, "--write-status", "on", "--kubeconfig", accountKubeconfig(t))
	host := "ledger." + ns + ".example.com"
	must(suite.istio.NetworkingV1().ServiceEntries(ns).Create(t.Context(), &istiov1.ServiceEntry{ObjectMeta: metav1.ObjectMeta{Name: "ledger"}, Spec: networking.ServiceEntry{
		Hosts: []string{host}, Resolution: networking.ServiceEntry_STATIC, Location: networking.ServiceEntry_MESH_INTERNAL,
		Ports:            []*networking.ServicePort{{Number: 80, Name: "grpc", Protocol: "GRPC"}},
		WorkloadSelector: &networking.WorkloadSelector{Labels: map[string]string{"app": "ledger"}},
	}}, metav1.CreateOptions{}))(t)
	listener := must(net.Listen("tcp", cluster.HostIP+":0"))(t)
	process := grpc.NewServer()
	testpb.RegisterTestServiceServer(process, server{pod: "vm"})
	go func() { _ = process.Serve(listener) }()
	t.Cleanup(process.Stop)
	entries := suite.istio.NetworkingV1().WorkloadEntries(ns)
	must(entries.Create(t.Context(), &istiov1.WorkloadEntry{
		ObjectMeta: metav1.ObjectMeta{Name: "vm", Annotations: map[string]string{mesh.AnnotationHealth: mesh.HealthStream}},
		Spec: networking.WorkloadEntry{
			Address: cluster.HostIP, Labels: map[string]string{"app": "ledger"}, ServiceAccount: "default",
			Ports: map[string]uint32{"grpc": uint32(listener.Addr().(*net.TCPAddr).Port)},
		},
	}, metav1.CreateOptions{}))(t)
	connected := func(want string) func() error {
		return func() error {
			for _, c := range must(entries.Get(t.Context(), "vm", metav1.GetOptions{}))(t).Status.Conditions {
				if c.Type == mesh.ConditionConnected && c.Status == want {
					return nil
				}
			}
			return fmt.Errorf("the condition does not say %s", want)
		}
	}
	pod := newPod(t, ns, "caller")
	client := dialAs(t, bootstrap.Options{ServerURI: p.xds, NodeID: "mizzen~" + ns + "~caller", Namespace: ns}, pod.Status.PodIP, host)
	unavailable := func() error {
		if _, err := call(t.Context(), client); status.Code(err) != codes.Unavailable {
			return fmt.Errorf("want Unavailable: %w", err)
		}
		return nil
	}
	await(t, "the condition says that there is no stream", connected("False"))
	await(t, "a machine without a stream gets no calls", unavailable)

	machine := rawClient{secure: true, token: token(t, ns, nil, audience)}
	conn := machine.connect(t, p)
	if err := machine.ask(machine.open(t, conn), "echo"); err != nil {
		t.Fatalf("the machine joins: %v", err)
	}
	await(t, "the machine is called", func() error { _, err := call(t.Context(), client); return err })
	if err := connected("True")(); err != nil {
		t.Error(err)
	}
	// The machine moves to another replica, which tells the one that writes: no call fails meanwhile.
	other := startSecure(t, "--write-status", "on", "--kubeconfig", accountKubeconfig(t))
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	conn = machine.connect(t, other)
	if err := machine.ask(machine.open(t, conn), "echo"); err != nil {
		t.Fatalf("the machine joins the other replica: %v", err)
	}
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for range 250 { // longer than the machine is waited for
		<-ticker.C
		if _, err := call(t.Context(), client); err != nil {
			t.Fatalf("after the machine moved: %v", err)
		}
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	await(t, "the machine is left out", unavailable)
	if err := connected("False")(); err != nil {
		t.Error(err)
	}
}
