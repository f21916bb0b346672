package watch

import (
	"bytes"
	stdcmp "cmp"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// memory is a Memory of a test.
type memory struct {
	text []byte
	// saved has a value for each save.
	saved chan struct{}
	err   error
}

func newMemory() *memory { return &memory{saved: make(chan struct{}, 100)} }

func (m *memory) Save(write func(io.Writer) error) {
	var text bytes.Buffer
	if m.err = write(&text); m.err == nil {
		m.text = text.Bytes()
	}
	m.saved <- struct{}{}
}

func (m *memory) Load(read func(io.Reader) error) error {
	if m.text == nil {
		return errors.New("there is nothing")
	}
	return read(bytes.NewReader(m.text))
}

// TestStoredObjects stores what assemblers of random histories keep, reads it, and makes the same World of it. A value of
// which a field is forgotten makes another one.
func TestStoredObjects(t *testing.T) {
	options := Options{Pods: true}.withDefaults()
	for seed := range uint64(60) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 2))
			a := newAssembler(options)
			for range 60 {
				o := randomObject(r)
				o.generation = r.Int64N(3)
				if r.IntN(4) == 0 {
					a.remove(o.key)
				} else {
					a.set(o)
				}
			}
			want := dump(t, a.world())
			var text bytes.Buffer
			if err := writeStored(&text, newStoredHeader(options), a.listObjects()); err != nil {
				t.Fatal(err)
			}
			objects, _, err := readStored(&text, newStoredHeader(options))
			if err != nil {
				t.Fatal(err)
			}
			again := newAssembler(options)
			for _, o := range objects {
				again.set(*o)
			}
			if got := dump(t, again.world()); got != want {
				t.Errorf("what was stored makes another World (-want +got):\n%s", diffWorlds(plain(a.world()), plain(again.world())))
			}
		})
	}
}

// TestStoredFields stores a value of each kind in which every field says something.
func TestStoredFields(t *testing.T) {
	ref := mesh.Ref{Kind: "Service", Namespace: "ns", Name: "name"}
	export := mesh.Export{Public: true, Private: true, Namespaces: []string{"ns"}}
	extensions := mesh.Extensions{
		Balancer: mesh.Wish[mesh.Balancer]{Value: mesh.PickFirst, Ref: ref}, SubsetSize: mesh.Wish[uint32]{Value: 3, Ref: ref},
		SuccessRate: mesh.Wish[mesh.SuccessRate]{Value: mesh.SuccessRate{StdevFactor: 1, MinimumHosts: 2, RequestVolume: 3}, Ref: ref},
	}
	ports := []mesh.Port{{Name: "tcp", Number: 80, TCP: true}}
	created := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	values := map[Kind]any{
		KindService: &mesh.Service{
			Ref: ref, Host: "host", Ports: ports, Headless: true, Addresses: []string{"10.96.0.1"}, ExternalName: "example.com", PreferIPv6: true,
			TrafficDistribution: mesh.PreferSameNode, InternalTrafficPolicyLocal: true, Extensions: extensions,
		},
		KindEndpointSlice: &slice{service: "echo", weight: 2, groups: []group{{ports: ports, addresses: []address{{
			ip: "fd00::1", pod: "pod", uid: "uid", hostname: "hostname", spot: mesh.MakeSpot("node", mesh.Locality{Zone: "zone"}, "zone"), health: mesh.NotReady, ipv6: true,
		}}}}},
		KindPod:  &pod{uid: "uid", labels: mesh.MakeLabels(map[string]string{"a": "b"}), serviceAccount: "account", node: "node", weight: 2, ips: []string{"10.0.0.1"}},
		KindNode: &node{locality: mesh.Locality{Region: "region", Zone: "zone", SubZone: "subzone"}},
		KindVirtualService: &virtualService{
			spec: &networking.VirtualService{Hosts: []string{"echo"}}, hosts: []declaredHost{{"echo", "spec.hosts[0]"}}, export: export, created: created, gateways: true,
		},
		KindDestinationRule: &destinationRule{
			spec: &networking.DestinationRule{Host: "echo"}, host: declaredHost{"echo", "spec.host"}, export: export, created: created, extensions: extensions,
		},
	}
	for k, value := range values {
		t.Run(string(k), func(t *testing.T) {
			if field := unset(reflect.ValueOf(value).Elem(), string(k)); field != "" {
				t.Fatalf("%s says nothing: give it a value here", field)
			}
			o := object{key: objectKey{k, "ns", "name"}, value: value, generation: 7, problems: []mesh.Problem{{
				Code: mesh.CodeConflict, Severity: mesh.Info, Object: ref, Field: "spec.x", Message: "text",
			}}}
			var text bytes.Buffer
			if err := writeStored(&text, storedHeader{}, []object{o}); err != nil {
				t.Fatal(err)
			}
			objects, _, err := readStored(&text, storedHeader{})
			if err != nil {
				t.Fatal(err)
			}
			all := cmp.Exporter(func(reflect.Type) bool { return true })
			if diff := cmp.Diff(map[objectKey]*object{o.key: &o}, objects, all, protocmp.Transform()); diff != "" {
				t.Errorf("objects (-stored +read):\n%s", diff)
			}
		})
	}
}

// unset is the path of a field that says nothing. Messages and times are taken as a whole.
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

// TestStoredForm fails when the form changes. Raise storedVersion if what an older process stored would be read as something else. If
// a field may be missing in it without harm, write the form down here as it is now.
func TestStoredForm(t *testing.T) {
	const want = "1 {kind string, namespace string, name string," +
		" problems [{code string, severity string, object {kind string, namespace string, name string}, field string, message string, source string, agents uint8}], generation int64," +
		" service {Ref {kind string, namespace string, name string}, Host string, Ports [{Name string, Number uint32, TCP bool}], Headless bool, Addresses [string], ExternalName string, PreferIPv6 bool, TrafficDistribution uint8, InternalTrafficPolicyLocal bool, Extensions {Balancer {Value string, Ref {kind string, namespace string, name string}}, SubsetSize {Value uint32, Ref {kind string, namespace string, name string}}, SuccessRate {Value {StdevFactor uint32, MinimumHosts uint32, RequestVolume uint32}, Ref {kind string, namespace string, name string}}}}," +
		" slice {service string, groups [{ports [{Name string, Number uint32, TCP bool}], addresses [{ip string, pod string, uid string, zone string, hostname string, node string, hints [string], health uint8, ipv6 bool}]}], weight uint32}," +
		" pod {uid string, labels string, serviceAccount string, node string, weight uint32, ips [string]}," +
		" node {Region string, Zone string, SubZone string}," +
		" virtualService {storedRule {spec [uint8], export {Private bool, Namespaces [string], Public bool}, created time}, hosts [{name string, field string}], gateways bool}," +
		" destinationRule {storedRule {spec [uint8], export {Private bool, Namespaces [string], Public bool}, created time}, host {name string, field string}, extensions {Balancer {Value string, Ref {kind string, namespace string, name string}}, SubsetSize {Value uint32, Ref {kind string, namespace string, name string}}, SuccessRate {Value {StdevFactor uint32, MinimumHosts uint32, RequestVolume uint32}, Ref {kind string, namespace string, name string}}}}}"
	got := fmt.Sprintf("%d %s", storedVersion, form(reflect.TypeFor[storedObject]()))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("form (-want +got):\n%s", diff)
	}
}

// form lists the fields that JSON knows of a type.
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
	mine := Options{Cluster: "https://10.0.0.1", Namespaces: []string{"b", "a"}}.withDefaults()
	with := func(change func(*storedHeader)) storedHeader {
		h := newStoredHeader(mine)
		change(&h)
		return h
	}
	tests := map[string]struct {
		header storedHeader
		want   string
	}{
		"the same, listed otherwise": {header: newStoredHeader(Options{Cluster: "https://10.0.0.1", Namespaces: []string{"a", "b"}}.withDefaults())},
		"an older form":              {with(func(h *storedHeader) { h.Version-- }), "form 0"},
		"a later form":               {with(func(h *storedHeader) { h.Version++ }), "form 2"},
		"another cluster":            {with(func(h *storedHeader) { h.Cluster = "https://10.0.0.2" }), "https://10.0.0.2"},
		"another domain":             {with(func(h *storedHeader) { h.Domain = "example.com" }), "example.com"},
		"other namespaces":           {with(func(h *storedHeader) { h.Namespaces = nil }), "namespaces"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var text bytes.Buffer
			if err := writeStored(&text, test.header, nil); err != nil {
				t.Fatal(err)
			}
			_, _, err := readStored(&text, newStoredHeader(mine))
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("got %v, want an error that says %q", err, test.want)
			}
		})
	}
}
