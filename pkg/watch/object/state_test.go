package object

import (
	"bytes"
	stdcmp "cmp"
	"encoding/json"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	networking "istio.io/api/networking/v1"
	security "istio.io/api/security/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// TestStoredFields stores a value of each kind in which every field is set.
func TestStoredFields(t *testing.T) {
	ref := mesh.Ref{Cluster: "b", Kind: "Service", Namespace: "ns", Name: "name"}
	export := mesh.Export{Public: true, Private: true, Namespaces: []string{"ns"}}
	extensions := mesh.AnnotationSettings{
		Balancer: mesh.AnnotationValue[mesh.Balancer]{Value: mesh.PickFirst, Ref: ref}, SubsetSize: mesh.AnnotationValue[uint32]{Value: 3, Ref: ref},
		SuccessRate: mesh.AnnotationValue[mesh.SuccessRate]{Value: mesh.SuccessRate{StdevFactor: 1, MinimumHosts: 2, RequestVolume: 3}, Ref: ref},
		LoadReports: mesh.AnnotationValue[mesh.Switch]{Value: mesh.On, Ref: ref}, ReportedMetrics: mesh.AnnotationValue[string]{Value: "cpu_utilization", Ref: ref},
	}
	ports := []mesh.Port{{Name: "tcp", Number: 80, Target: 8080, NamedTarget: true, Protocol: mesh.ProtocolGRPC}}
	created := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	rollout := mesh.RolloutPolicy{Percent: 10, Window: time.Minute, Abort: true, Invalid: true}
	scope := PodScope{Labels: map[string]string{"app": "echo"}, Services: []ServiceTarget{{"echo", "spec.targetRefs[0]"}}, OwnNamespace: true}
	workload := Workload{
		Field: "spec", IP: "10.0.0.1", DNSName: "a.example.com", Ports: map[string]uint32{"grpc": 1}, Labels: "a", Network: "n", Locality: mesh.Locality{Region: "r", Zone: "z", SubZone: "s"},
		Weight: 2, ServiceAccount: "sa", NotReady: true, ByStream: true, Connected: true,
	}
	routeMeta := metav1.ObjectMeta{Namespace: "ns", Name: "name", CreationTimestamp: metav1.Time{Time: created}, Annotations: map[string]string{mesh.AnnotationTimeout: "1s"}}
	parents := gatewayv1.CommonRouteSpec{ParentRefs: []gatewayv1.ParentReference{{Name: "gateway"}, {
		Group: new(gatewayv1.Group("networking.istio.io")), Kind: new(gatewayv1.Kind("ServiceEntry")), Namespace: new(gatewayv1.Namespace("other")), Name: "echo",
		SectionName: new(gatewayv1.SectionName("grpc")), Port: new(gatewayv1.PortNumber(80)),
	}}}
	values := map[Kind]any{
		KindService: &mesh.Service{
			Ref: ref, Host: "host", Ports: ports, Headless: true, Addresses: []string{"10.96.0.1"}, Resolve: mesh.ResolveClient, DNSName: "example.com", ServerName: "a.example.com", SubjectAltNames: []string{"b"}, External: true, Others: []string{"c"}, PreferIPv6: true,
			TrafficDistribution: mesh.PreferSameNode, InternalTrafficPolicyLocal: true, ClusterLocal: true, Export: &export, Annotations: extensions, Pin: mesh.Pin{Generation: "g-1", Until: created, Invalid: true},
			Selector: mesh.MakeLabels(map[string]string{"app": "echo"}),
		},
		KindServiceImport: &mesh.Service{
			Ref: ref, Host: "host", Ports: ports, Headless: true, Addresses: []string{"10.96.0.1"}, Resolve: mesh.ResolveClient, DNSName: "example.com", ServerName: "a.example.com", SubjectAltNames: []string{"b"}, External: true, Others: []string{"c"}, PreferIPv6: true,
			TrafficDistribution: mesh.PreferSameNode, InternalTrafficPolicyLocal: true, ClusterLocal: true, Export: &export, Annotations: extensions, Pin: mesh.Pin{Generation: "g-1", Until: created, Invalid: true},
			Selector: mesh.MakeLabels(map[string]string{"app": "echo"}),
		},
		KindEndpointSlice: &Slice{Service: "echo", Imported: true, Mislabeled: "ecko", Weight: 2, Groups: []Group{{Ports: ports, Addresses: []Address{{
			IP: "fd00::1", Pod: "pod", UID: "uid", Hostname: "hostname", Topology: mesh.MakeTopology("node", mesh.Locality{Zone: "zone"}, "zone").In("b", "n"), Health: mesh.NotReady, IPv6: true,
		}}}}},
		KindPod:             &Pod{UID: "uid", Labels: mesh.MakeLabels(map[string]string{"a": "b"}), ServiceAccount: "account", Node: "node", Weight: 2, IPs: []string{"10.0.0.1"}, NotInjected: 7, NoIdentity: 8, Ended: true, NotReady: true},
		KindNamespace:       &Namespace{Injected: true, Labeled: 7, Identity: 8, LoadReports: mesh.AnnotationValue[mesh.Switch]{Value: mesh.On, Ref: ref}, Rollout: rollout, ClusterUID: "uid"},
		KindInjectionPolicy: &InjectionPolicy{Created: 7},
		KindNode:            &Node{Locality: mesh.Locality{Region: "region", Zone: "zone", SubZone: "subzone"}, ProbeSources: "10.0.0.1"},
		KindVirtualService: &VirtualService{
			Spec: &networking.VirtualService{Hosts: []string{"echo"}}, Hosts: []DeclaredHost{{"echo", "spec.hosts[0]"}}, Export: export, Created: created, Gateways: true, Rollout: rollout,
		},
		KindDestinationRule: &DestinationRule{
			Spec: &networking.DestinationRule{Host: "echo"}, Host: DeclaredHost{"echo", "spec.host"}, Export: export, Created: created, Annotations: extensions,
		},
		KindServiceEntry: &ServiceEntry{
			Hosts: []DeclaredHost{{"a.example.com", "spec.hosts[0]"}}, Ports: ports, PortFields: []string{"spec.ports[0]"}, Addresses: []EntryAddress{{"10.0.0.1", "a.example.com"}}, Export: export, Created: created, External: true,
			Resolution: networking.ServiceEntry_DNS, By: mesh.ResolveServer, Endpoints: []Workload{workload}, Selector: map[string]string{"a": "b"}, SubjectAltNames: []string{"x"}, Closed: true, Annotations: extensions,
		},
		KindWorkloadEntry: &workload,
		KindSidecar: &Sidecar{
			Spec: &networking.Sidecar{Ingress: []*networking.IstioIngressListener{{}}}, Selector: map[string]string{"a": "b"}, Created: created,
			Egress: []mesh.EgressHosts{{Imported: []mesh.EgressHost{{Namespace: ".", Host: "*", Field: "spec.egress[0].hosts[0]"}}, Excluded: []mesh.EgressHost{{Namespace: "ns", Host: "*.x", Field: "spec.egress[0].hosts[1]"}}}},
		},
		KindGRPCRoute: convertGRPCRoute(&gatewayv1.GRPCRoute{ObjectMeta: routeMeta, Spec: gatewayv1.GRPCRouteSpec{
			CommonRouteSpec: parents, Rules: []gatewayv1.GRPCRouteRule{{Matches: []gatewayv1.GRPCRouteMatch{{Method: &gatewayv1.GRPCMethodMatch{Service: new("a.B")}}}}},
		}}, "cluster.local").Value,
		KindHTTPRoute: convertHTTPRoute(&gatewayv1.HTTPRoute{ObjectMeta: routeMeta, Spec: gatewayv1.HTTPRouteSpec{
			CommonRouteSpec: parents, Rules: []gatewayv1.HTTPRouteRule{{Matches: []gatewayv1.HTTPRouteMatch{{Path: &gatewayv1.HTTPPathMatch{Value: new("/a.B")}}}}},
		}}, "cluster.local").Value,
		KindBackendTLSPolicy: convertBackendTLSPolicy(&gatewayv1.BackendTLSPolicy{ObjectMeta: routeMeta, Spec: gatewayv1.BackendTLSPolicySpec{
			TargetRefs: []gatewayv1.LocalPolicyTargetReferenceWithSectionName{{}, {
				LocalPolicyTargetReference: gatewayv1.LocalPolicyTargetReference{Kind: "service", Name: "echo"}, SectionName: new(gatewayv1.SectionName("grpc")),
			}},
		}}, "").Value,
		KindAuthorizationPolicy: &AuthorizationPolicy{
			Spec: &security.AuthorizationPolicy{Action: security.AuthorizationPolicy_DENY}, Scope: scope, DryRun: true, LogCalls: true, Unknown: []string{"spec.rules[0].form"},
		},
		KindPeerAuthentication: &PeerAuthentication{
			Spec: &security.PeerAuthentication{Mtls: &security.PeerAuthentication_MutualTLS{Mode: security.PeerAuthentication_MutualTLS_STRICT}}, Selector: map[string]string{"app": "echo"}, Created: created, Closed: true,
		},
		KindRequestAuthentication: &RequestAuthentication{Spec: &security.RequestAuthentication{JwtRules: []*security.JWTRule{{Issuer: "issuer"}}}, Scope: scope},
	}
	for k, value := range values {
		t.Run(string(k), func(t *testing.T) {
			if field := unset(reflect.ValueOf(value).Elem(), string(k)); field != "" {
				t.Fatalf("%s is not set: give it a value here", field)
			}
			o := Object{Key: Key{Kind: k, Namespace: "ns", Name: "name"}, Value: value, Generation: 7, Problems: []mesh.Problem{{
				Code: mesh.CodeConflict, Severity: mesh.Info, Object: ref, Field: "spec.x", Message: "text",
			}}}
			var text bytes.Buffer
			if err := WriteState(&text, StateHeader{}, []Object{o}); err != nil {
				t.Fatal(err)
			}
			objects, _, err := ReadState(&text, StateHeader{})
			if err != nil {
				t.Fatal(err)
			}
			all := cmp.Exporter(func(reflect.Type) bool { return true })
			if diff := cmp.Diff(map[Key]*Object{o.Key: &o}, objects, all, protocmp.Transform()); diff != "" {
				t.Errorf("objects (-stored +read):\n%s", diff)
			}
		})
	}
}

// unset returns the path of a field that is not set. Messages and times are treated as one value.
func unset(v reflect.Value, path string) string {
	if v.IsZero() {
		return path
	}
	whole := v.Type() == reflect.TypeFor[time.Time]()
	switch {
	case v.Type() == reflect.TypeFor[mesh.Ref](): // The cluster of rules is always the control plane's own.
	case v.Kind() == reflect.Struct && !whole:
		for i := range v.NumField() {
			if field := unset(v.Field(i), path+"."+v.Type().Field(i).Name); field != "" {
				return field
			}
		}
	case v.Kind() == reflect.Slice:
		return unset(v.Index(0), path)
	}
	return ""
}

// TestStoredForm fails when the form changes. Raise stateVersion if a new process would misread what an older process
// stored. If a missing field does no harm, write the new form down here.
func TestStoredForm(t *testing.T) {
	const storedWorkload = "{Field string, IP string, DNSName string, Ports map, Labels string, Network string, Locality {Region string, Zone string, SubZone string}, Weight uint32, ServiceAccount string, NotReady bool, ByStream bool, Connected bool}"
	const want = "4 {Key {kind string, namespace string, name string, cluster string, held bool}," +
		" problems [{code string, severity string, object {kind string, namespace string, name string, cluster string}, field string, message string, source string, agents uint16}], silenced [string], generation int64," +
		" service {Ref {kind string, namespace string, name string, cluster string}, Host string, Ports [{Name string, Number uint32, Target uint16, NamedTarget bool, Protocol string}], Headless bool, Addresses [string], Resolve uint8, DNSName string, ServerName string, SubjectAltNames [string], External bool, PreferIPv6 bool, TrafficDistribution uint8, InternalTrafficPolicyLocal bool, ClusterLocal bool, Export {Private bool, Namespaces [string], Public bool}, Selector string, Others [string], Extensions {Balancer {Value string, Ref {kind string, namespace string, name string, cluster string}}, SubsetSize {Value uint32, Ref {kind string, namespace string, name string, cluster string}}, SuccessRate {Value {StdevFactor uint32, MinimumHosts uint32, RequestVolume uint32}, Ref {kind string, namespace string, name string, cluster string}}, LoadReports {Value string, Ref {kind string, namespace string, name string, cluster string}}, ReportedMetrics {Value string, Ref {kind string, namespace string, name string, cluster string}}}, Pin {Generation string, Until time, Invalid bool}}," +
		" slice {service string, imported bool, mislabeled string, groups [{ports [{Name string, Number uint32, Target uint16, NamedTarget bool, Protocol string}], addresses [{ip string, pod string, uid string, zone string, hostname string, node string, hints [string], health uint8, ipv6 bool}]}], weight uint32, cluster string, network string}," +
		" pod {uid string, labels string, serviceAccount string, node string, weight uint32, ips [string], notInjected int64, ended bool, noIdentity int64, notReady bool}," +
		" node {Region string, Zone string, SubZone string, ProbeSources string}, labeledNamespace {labeled int64, identity int64, unlabeled bool, loadReports {Value string, Ref {kind string, namespace string, name string, cluster string}}, rollout {percent uint8, window int64, abort bool, invalid bool}, clusterUID string}, injectionPolicy {created int64}," +
		" virtualService {storedRule {spec [uint8], export {Private bool, Namespaces [string], Public bool}, created time}, hosts [{name string, field string}], gateways bool, rollout {percent uint8, window int64, abort bool, invalid bool}}," +
		" destinationRule {storedRule {spec [uint8], export {Private bool, Namespaces [string], Public bool}, created time}, host {name string, field string}, extensions {Balancer {Value string, Ref {kind string, namespace string, name string, cluster string}}, SubsetSize {Value uint32, Ref {kind string, namespace string, name string, cluster string}}, SuccessRate {Value {StdevFactor uint32, MinimumHosts uint32, RequestVolume uint32}, Ref {kind string, namespace string, name string, cluster string}}, LoadReports {Value string, Ref {kind string, namespace string, name string, cluster string}}, ReportedMetrics {Value string, Ref {kind string, namespace string, name string, cluster string}}}}," +
		" serviceEntry {Hosts [{Name string, Field string}], Ports [{Name string, Number uint32, Target uint16, NamedTarget bool, Protocol string}], PortFields [string], Addresses [{IP string, Host string}], Export {Private bool, Namespaces [string], Public bool}, Created time, External bool, Resolution int32, By uint8, Endpoints [" + storedWorkload + "], Selector map, SubjectAltNames [string], Closed bool, Annotations {Balancer {Value string, Ref {kind string, namespace string, name string, cluster string}}, SubsetSize {Value uint32, Ref {kind string, namespace string, name string, cluster string}}, SuccessRate {Value {StdevFactor uint32, MinimumHosts uint32, RequestVolume uint32}, Ref {kind string, namespace string, name string, cluster string}}, LoadReports {Value string, Ref {kind string, namespace string, name string, cluster string}}, ReportedMetrics {Value string, Ref {kind string, namespace string, name string, cluster string}}}}," +
		" workload " + storedWorkload + "," +
		" sidecar {spec [uint8], selector map, egress [{Imported [{Namespace string, Host string, Field string}], Excluded [{Namespace string, Host string, Field string}]}], created time}," +
		" grpcRoute {namespace string, name string, domain string, created time, annotations map, spec [uint8]}," +
		" httpRoute {namespace string, name string, domain string, created time, annotations map, spec [uint8]}," +
		" backendTLSPolicy {namespace string, name string, domain string, created time, annotations map, spec [uint8]}, verdict {candidate string, abort bool, cause string}, addresses [address]," +
		" authorizationPolicy {spec [uint8], scope {labels map, services [{name string, field string}], ownNamespace bool}, dryRun bool, log bool, unknown [string]}," +
		" peerAuthentication {spec [uint8], selector map, created time, closed bool}," +
		" requestAuthentication {spec [uint8], scope {labels map, services [{name string, field string}], ownNamespace bool}}}"
	got := fmt.Sprintf("%d %s", stateVersion, form(reflect.TypeFor[storedObject]()))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("form (-want +got):\n%s", diff)
	}
}

// form lists the fields of a type in JSON.
func form(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return form(t.Elem())
	case reflect.Slice:
		return "[" + form(t.Elem()) + "]"
	case reflect.Struct:
		if t == reflect.TypeFor[time.Time]() {
			return "time"
		}
		if t == reflect.TypeFor[netip.Addr]() {
			return "address"
		}
		var fields []string
		for f := range t.Fields() {
			if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "-" {
				fields = append(fields, stdcmp.Or(name, f.Name)+" "+form(f.Type))
			}
		}
		return "{" + strings.Join(fields, ", ") + "}"
	}
	return t.Kind().String()
}

func TestStoredElsewhere(t *testing.T) {
	mine := NewStateHeader("https://10.0.0.1", "cluster.local", []string{"b", "a"})
	with := func(change func(*StateHeader)) StateHeader {
		h := mine
		change(&h)
		return h
	}
	tests := map[string]struct {
		header StateHeader
		want   string
	}{
		"the same, listed otherwise": {header: NewStateHeader("https://10.0.0.1", "cluster.local", []string{"a", "b"})},
		"an older form":              {with(func(h *StateHeader) { h.Version-- }), "format 3"},
		"a later form":               {with(func(h *StateHeader) { h.Version++ }), "format 5"},
		"another cluster":            {with(func(h *StateHeader) { h.Cluster = "https://10.0.0.2" }), "https://10.0.0.2"},
		"another domain":             {with(func(h *StateHeader) { h.Domain = "example.com" }), "example.com"},
		"other namespaces":           {with(func(h *StateHeader) { h.Namespaces = nil }), "namespaces"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var text bytes.Buffer
			if err := WriteState(&text, test.header, nil); err != nil {
				t.Fatal(err)
			}
			_, _, err := ReadState(&text, mine)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("got %v, want an error that contains %q", err, test.want)
			}
		})
	}
}

// TestStoredKey fails when the names of an object's Key change in the file.
func TestStoredKey(t *testing.T) {
	for want, key := range map[string]Key{
		`{"kind":"Pod","namespace":"ns","name":"x"}`: {Kind: KindPod, Namespace: "ns", Name: "x"},
		`{"kind":"Node","name":"x"}`:                 {Kind: KindNode, Name: "x"},
	} {
		if got, err := json.Marshal(storedObject{Key: key}); err != nil || string(got) != want {
			t.Errorf("got %s, %v, want %s", got, err, want)
		}
	}
}
