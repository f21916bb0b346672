package object

import (
	"bytes"
	stdcmp "cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// TestStoredFields stores a value of each kind in which every field is set.
func TestStoredFields(t *testing.T) {
	ref := mesh.Ref{Kind: "Service", Namespace: "ns", Name: "name"}
	export := mesh.Export{Public: true, Private: true, Namespaces: []string{"ns"}}
	extensions := mesh.AnnotationSettings{
		Balancer: mesh.AnnotationValue[mesh.Balancer]{Value: mesh.PickFirst, Ref: ref}, SubsetSize: mesh.AnnotationValue[uint32]{Value: 3, Ref: ref},
		SuccessRate: mesh.AnnotationValue[mesh.SuccessRate]{Value: mesh.SuccessRate{StdevFactor: 1, MinimumHosts: 2, RequestVolume: 3}, Ref: ref},
	}
	ports := []mesh.Port{{Name: "tcp", Number: 80, Protocol: mesh.ProtocolGRPC}}
	created := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	values := map[Kind]any{
		KindService: &mesh.Service{
			Ref: ref, Host: "host", Ports: ports, Headless: true, Addresses: []string{"10.96.0.1"}, ExternalName: "example.com", PreferIPv6: true,
			TrafficDistribution: mesh.PreferSameNode, InternalTrafficPolicyLocal: true, Export: &export, Annotations: extensions,
		},
		KindEndpointSlice: &Slice{Service: "echo", Mislabeled: "ecko", Weight: 2, Groups: []Group{{Ports: ports, Addresses: []Address{{
			IP: "fd00::1", Pod: "pod", UID: "uid", Hostname: "hostname", Topology: mesh.MakeTopology("node", mesh.Locality{Zone: "zone"}, "zone"), Health: mesh.NotReady, IPv6: true,
		}}}}},
		KindPod:             &Pod{UID: "uid", Labels: mesh.MakeLabels(map[string]string{"a": "b"}), ServiceAccount: "account", Node: "node", Weight: 2, IPs: []string{"10.0.0.1"}, NotInjected: 7},
		KindNamespace:       &Namespace{Labeled: 7},
		KindInjectionPolicy: &InjectionPolicy{Created: 7},
		KindNode:            &Node{Locality: mesh.Locality{Region: "region", Zone: "zone", SubZone: "subzone"}},
		KindVirtualService: &VirtualService{
			Spec: &networking.VirtualService{Hosts: []string{"echo"}}, Hosts: []DeclaredHost{{"echo", "spec.hosts[0]"}}, Export: export, Created: created, Gateways: true,
		},
		KindDestinationRule: &DestinationRule{
			Spec: &networking.DestinationRule{Host: "echo"}, Host: DeclaredHost{"echo", "spec.host"}, Export: export, Created: created, Annotations: extensions,
		},
	}
	for k, value := range values {
		t.Run(string(k), func(t *testing.T) {
			if field := unset(reflect.ValueOf(value).Elem(), string(k)); field != "" {
				t.Fatalf("%s is not set: give it a value here", field)
			}
			o := Object{Key: Key{k, "ns", "name"}, Value: value, Generation: 7, Problems: []mesh.Problem{{
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
	const want = "2 {Key {kind string, namespace string, name string}," +
		" problems [{code string, severity string, object {kind string, namespace string, name string}, field string, message string, source string, agents uint16}], silenced [string], generation int64," +
		" service {Ref {kind string, namespace string, name string}, Host string, Ports [{Name string, Number uint32, Protocol string}], Headless bool, Addresses [string], ExternalName string, PreferIPv6 bool, TrafficDistribution uint8, InternalTrafficPolicyLocal bool, Export {Private bool, Namespaces [string], Public bool}, Extensions {Balancer {Value string, Ref {kind string, namespace string, name string}}, SubsetSize {Value uint32, Ref {kind string, namespace string, name string}}, SuccessRate {Value {StdevFactor uint32, MinimumHosts uint32, RequestVolume uint32}, Ref {kind string, namespace string, name string}}}}," +
		" slice {service string, mislabeled string, groups [{ports [{Name string, Number uint32, Protocol string}], addresses [{ip string, pod string, uid string, zone string, hostname string, node string, hints [string], health uint8, ipv6 bool}]}], weight uint32}," +
		" pod {uid string, labels string, serviceAccount string, node string, weight uint32, ips [string], notInjected int64}," +
		" node {Region string, Zone string, SubZone string}, labeledNamespace {labeled int64}, injectionPolicy {created int64}," +
		" virtualService {storedRule {spec [uint8], export {Private bool, Namespaces [string], Public bool}, created time}, hosts [{name string, field string}], gateways bool}," +
		" destinationRule {storedRule {spec [uint8], export {Private bool, Namespaces [string], Public bool}, created time}, host {name string, field string}, extensions {Balancer {Value string, Ref {kind string, namespace string, name string}}, SubsetSize {Value uint32, Ref {kind string, namespace string, name string}}, SuccessRate {Value {StdevFactor uint32, MinimumHosts uint32, RequestVolume uint32}, Ref {kind string, namespace string, name string}}}}}"
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
		"an older form":              {with(func(h *StateHeader) { h.Version-- }), "format 1"},
		"a later form":               {with(func(h *StateHeader) { h.Version++ }), "format 3"},
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
