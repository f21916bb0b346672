package object

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	networking "istio.io/api/networking/v1"
	istiov1 "istio.io/client-go/pkg/apis/networking/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// TestHealth has all combinations of the three conditions, with unset ones.
func TestHealth(t *testing.T) {
	values := map[string]*bool{"unset": nil, "true": new(true), "false": new(false)}
	want := func(ready, serving, terminating string) mesh.Health {
		switch {
		case ready != "false":
			return mesh.Ready
		case serving != "false" && terminating == "true":
			return mesh.Draining
		}
		return mesh.NotReady
	}
	for ready, r := range values {
		for serving, s := range values {
			for terminating, term := range values {
				got := health(discoveryv1.EndpointConditions{Ready: r, Serving: s, Terminating: term})
				if want := want(ready, serving, terminating); got != want {
					t.Errorf("ready %s, serving %s, terminating %s: got %d, want %d", ready, serving, terminating, got, want)
				}
			}
		}
	}
}

func TestPortsDeclaredTCP(t *testing.T) {
	tests := map[string]struct {
		port corev1.ServicePort
		want bool
	}{
		"nothing":                 {corev1.ServicePort{Port: 1}, false},
		"its name":                {corev1.ServicePort{Name: "tcp"}, true},
		"the start of its name":   {corev1.ServicePort{Name: "tcp-echo"}, true},
		"not quite":               {corev1.ServicePort{Name: "tcpecho"}, false},
		"the end of its name":     {corev1.ServicePort{Name: "echo-tcp"}, false},
		"its protocol":            {corev1.ServicePort{Name: "grpc", AppProtocol: new("tcp")}, true},
		"its protocol, not so":    {corev1.ServicePort{Name: "tcp-echo", AppProtocol: new("kubernetes.io/h2c")}, false},
		"its protocol, otherwise": {corev1.ServicePort{AppProtocol: new("TCP")}, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.port.Port = 1
			o := convertService(&corev1.Service{Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{test.port}}}, "cluster.local")
			if got := o.Value.(*mesh.Service).Ports[0].Protocol == mesh.ProtocolTCP; got != test.want {
				t.Errorf("got %t", got)
			}
		})
	}
}

func TestConvertService(t *testing.T) {
	got := convertService(&corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "echo", Namespace: "demo"},
		Spec: corev1.ServiceSpec{
			ClusterIP:  "None",
			IPFamilies: []corev1.IPFamily{corev1.IPv6Protocol, corev1.IPv4Protocol},
			Ports: []corev1.ServicePort{
				{Name: "b", Port: 2, Protocol: corev1.ProtocolTCP}, {Name: "u", Port: 3, Protocol: corev1.ProtocolUDP}, {Name: "a", Port: 1},
			},
		},
	}, "cluster.test")
	want := &mesh.Service{
		Ref:  mesh.Ref{Kind: "Service", Namespace: "demo", Name: "echo"},
		Host: "echo.demo.svc.cluster.test", Headless: true, PreferIPv6: true,
		Ports: []mesh.Port{{Name: "b", Number: 2}, {Name: "a", Number: 1}},
	}
	if d := cmp.Diff(want, got.Value); d != "" {
		t.Errorf("service (-want +got):\n%s", d)
	}
}

func TestConvertEndpointSlice(t *testing.T) {
	spot := mesh.MakeTopology("n", mesh.Locality{Zone: "z"})
	labels := map[string]string{discoveryv1.LabelServiceName: "echo"}
	number := new(int32(80))
	tests := map[string]struct {
		slice *discoveryv1.EndpointSlice
		want  any
		codes []mesh.Code
	}{
		"ports and addresses": {
			&discoveryv1.EndpointSlice{
				ObjectMeta: metav1.ObjectMeta{Namespace: "demo", Labels: labels},
				Ports: []discoveryv1.EndpointPort{
					{Name: new("b"), Port: number}, {Name: new("u"), Port: number, Protocol: new(corev1.ProtocolUDP)}, {Name: new("a"), Port: number}, {Name: new("all")},
				},
				Endpoints: []discoveryv1.Endpoint{{
					Addresses: []string{"10.0.0.1", "host", "::ffff:10.0.0.2", "FD00::1"},
					Zone:      new("z"), NodeName: new("n"), TargetRef: &corev1.ObjectReference{Kind: "Pod", Name: "p", UID: "u"},
				}},
			},
			&Slice{Service: "echo", Groups: []Group{{
				Ports: []mesh.Port{{Name: "a", Number: 80}, {Name: "b", Number: 80}},
				Addresses: []Address{
					{IP: "10.0.0.1", Pod: "p", UID: "u", Topology: spot},
					{IP: "10.0.0.2", Pod: "p", UID: "u", Topology: spot},
					{IP: "fd00::1", Pod: "p", UID: "u", Topology: spot, IPv6: true},
				},
			}}},
			[]mesh.Code{mesh.CodeInvalidValue},
		},
		"of no Service": {&discoveryv1.EndpointSlice{}, &Slice{Groups: []Group{{}}}, []mesh.Code{mesh.CodeInvalidValue}},
		"of several clusters": {
			&discoveryv1.EndpointSlice{
				ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"multicluster.kubernetes.io/service-name": "echo", "multicluster.kubernetes.io/source-cluster": "b"}},
				Ports:      []discoveryv1.EndpointPort{{Name: new("grpc"), Port: new(int32(1))}},
				Endpoints: []discoveryv1.Endpoint{{
					Addresses: []string{"10.1.0.1"}, NodeName: new("node-0"), Zone: new("z"), TargetRef: &corev1.ObjectReference{Kind: "Pod", Name: "echo", UID: "uid"},
				}},
			},
			&Slice{Service: "echo", Imported: true, Groups: []Group{{
				Ports: []mesh.Port{{Name: "grpc", Number: 1}}, Addresses: []Address{{IP: "10.1.0.1", Topology: mesh.MakeTopology("", mesh.Locality{Zone: "z"}).In("b", "")}},
			}}},
			nil,
		},
		"of a misspelled label": {
			&discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"kubernetes.io/service": "echo", "app.kubernetes.io/name": "x"}}},
			&Slice{Mislabeled: "echo", Groups: []Group{{}}},
			[]mesh.Code{mesh.CodeUnknownField},
		},
		"names": {
			&discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{Labels: labels}, AddressType: discoveryv1.AddressTypeFQDN},
			nil,
			[]mesh.Code{mesh.CodeUnsupported},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := convertEndpointSlice(test.slice, "cluster.local")
			if d := cmp.Diff(test.want, got.Value, cmp.AllowUnexported(Slice{}, Group{}, Address{})); d != "" {
				t.Errorf("slice (-want +got):\n%s", d)
			}
			checkCodes(t, got.Problems, test.codes)
		})
	}
}

func checkCodes(t *testing.T, problems []mesh.Problem, want []mesh.Code) {
	t.Helper()
	var got []mesh.Code
	for _, p := range problems {
		got = append(got, p.Code)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("problems (-want +got):\n%s%v", d, problems)
	}
}

func TestConvertPod(t *testing.T) {
	status := corev1.PodStatus{PodIP: "10.0.0.1", PodIPs: []corev1.PodIP{{IP: "10.0.0.1"}, {IP: "fd00::1"}}}
	ended := *status.DeepCopy()
	ended.Phase = corev1.PodFailed
	deleted := metav1.ObjectMeta{DeletionTimestamp: &metav1.Time{}}
	tests := map[string]struct {
		pod   corev1.Pod
		want  []string
		ended bool
	}{
		"both families":    {corev1.Pod{Status: status}, []string{"10.0.0.1", "fd00::1"}, false},
		"finished":         {corev1.Pod{Status: ended}, nil, true},
		"being deleted":    {corev1.Pod{ObjectMeta: deleted, Status: status}, []string{"10.0.0.1", "fd00::1"}, true},
		"the node's own":   {corev1.Pod{Spec: corev1.PodSpec{HostNetwork: true}, Status: status}, nil, false},
		"not yet assigned": {corev1.Pod{}, nil, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := convertPod(&test.pod, "cluster.local").Value.(*Pod)
			if d := cmp.Diff(test.want, got.IPs); d != "" || got.Ended != test.ended {
				t.Errorf("got ended %t, want %t; addresses (-want +got):\n%s", got.Ended, test.ended, d)
			}
		})
	}
}

func TestConvertVirtualService(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	tests := map[string]struct {
		spec *networking.VirtualService
		want *VirtualService
		code []mesh.Code
	}{
		"hosts and exports": {
			&networking.VirtualService{Hosts: []string{"Echo", "*.demo", "a b", "", "x.*.y"}, ExportTo: []string{"b", ".", "a", "b"}},
			&VirtualService{
				Hosts:  []DeclaredHost{{"echo", "spec.hosts[0]"}, {"*.demo", "spec.hosts[1]"}},
				Export: mesh.Export{Private: true, Namespaces: []string{"a", "b"}}, Created: at,
			},
			[]mesh.Code{mesh.CodeInvalidValue, mesh.CodeInvalidValue, mesh.CodeInvalidValue, mesh.CodeInvalidValue},
		},
		"for gateways only": {&networking.VirtualService{Hosts: []string{"a"}, Gateways: []string{"g"}}, nil, []mesh.Code{mesh.CodeNotForMesh}},
		"for gateways, too": {
			&networking.VirtualService{Hosts: []string{"a"}, Gateways: []string{"g", "mesh"}},
			&VirtualService{Hosts: []DeclaredHost{{"a", "spec.hosts[0]"}}, Export: mesh.Export{Public: true}, Created: at, Gateways: true}, nil,
		},
		"a delegate for gateways": {
			&networking.VirtualService{Gateways: []string{"edge"}}, &VirtualService{Export: mesh.Export{Public: true}, Created: at, Gateways: true}, nil,
		},
		"no hosts":  {&networking.VirtualService{}, &VirtualService{Export: mesh.Export{Public: true}, Created: at}, nil},
		"not UTF-8": {&networking.VirtualService{Hosts: []string{"a\xff"}}, nil, []mesh.Code{mesh.CodeInvalidValue}},
		"not exported": {
			&networking.VirtualService{Hosts: []string{"a"}, ExportTo: []string{"~"}},
			&VirtualService{Hosts: []DeclaredHost{{"a", "spec.hosts[0]"}}, Created: at},
			[]mesh.Code{mesh.CodeInvalidValue},
		},
		"not exported, though namespaces are named": {
			&networking.VirtualService{Hosts: []string{"a"}, ExportTo: []string{".", "~", "x"}},
			&VirtualService{Hosts: []DeclaredHost{{"a", "spec.hosts[0]"}}, Created: at},
			[]mesh.Code{mesh.CodeInvalidValue},
		},
		"exported to all, though namespaces are named": {
			&networking.VirtualService{Hosts: []string{"a"}, ExportTo: []string{"~", "*"}},
			&VirtualService{Hosts: []DeclaredHost{{"a", "spec.hosts[0]"}}, Export: mesh.Export{Public: true}, Created: at},
			[]mesh.Code{mesh.CodeInvalidValue, mesh.CodeInvalidValue},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			v := &istiov1.VirtualService{ObjectMeta: metav1.ObjectMeta{Name: "v", CreationTimestamp: metav1.NewTime(at)}}
			test.spec.DeepCopyInto(&v.Spec)
			o := convertVirtualService(v, "cluster.local")
			got, _ := o.Value.(*VirtualService)
			if got != nil {
				got.Spec = nil
			}
			if d := cmp.Diff(test.want, got, cmp.AllowUnexported(VirtualService{}, DeclaredHost{})); d != "" {
				t.Errorf("value (-want +got):\n%s", d)
			}
			checkCodes(t, o.Problems, test.code)
		})
	}
}
