package object

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
	networking "istio.io/api/networking/v1"
	istiov1 "istio.io/client-go/pkg/apis/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// TestHostsOfOthers: a ServiceEntry cannot take the names of Services in other namespaces, whether they exist or not.
func TestHostsOfOthers(t *testing.T) {
	for host, taken := range map[string]bool{
		"db.example.com":                 true,
		"ghost.shop.svc.cluster.local":   true,
		"ghost.SHOP.svc.cluster.local":   true,
		"ghost.bank.svc.cluster.local":   false,
		"a.ghost.bank.svc.cluster.local": false,
		"*.bank.svc.cluster.local":       false,
		"ghost.bank.svc":                 false,
		"a.ghost.bank.svc":               false,
		"ghost.shop.svc":                 true,
		"*.shop.svc":                     false,
		"*.svc":                          false,
	} {
		t.Run(host, func(t *testing.T) {
			out := convertServiceEntry(&istiov1.ServiceEntry{
				ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "e"},
				Spec: networking.ServiceEntry{
					Hosts: []string{host}, Resolution: networking.ServiceEntry_STATIC, Ports: []*networking.ServicePort{{Number: 80, Name: "grpc"}},
					Endpoints: []*networking.WorkloadEntry{{Address: "10.0.0.1"}},
				},
			}, "cluster.local")
			if got := out.Value != nil; got != taken || len(out.Problems) > 0 == taken {
				t.Errorf("got a value: %t, want %t; Problems %v", got, taken, out.Problems)
			}
		})
	}
}

// TestAddressesOfWorkloads: an address that means another server on each machine is left out.
func TestAddressesOfWorkloads(t *testing.T) {
	for address, used := range map[string]bool{
		"10.0.0.1": true, "fd00::1": true,
		"127.0.0.1":       true, // for servers on one machine; see TestOneMachine
		"169.254.169.254": false, "::ffff:169.254.169.254": false, "fe80::1": false, "0.0.0.0": false, "::": false, "224.0.0.1": false, "ff02::1": false,
		"100.100.100.200": false, "fd00:ec2::254": false, "fd00:ec2::255": true, "metadata.google.internal": false, "Metadata.Goog.": false,
	} {
		out := convertWorkloadEntry(&istiov1.WorkloadEntry{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "w"}, Spec: networking.WorkloadEntry{Address: address},
		}, "cluster.local")
		if got := out.Value != nil; got != used || strings.Contains(fmt.Sprint(out.Problems), "another server") == used {
			t.Errorf("%s: got a value: %t, want %t; Problems %v", address, got, used, out.Problems)
		}
	}
}

// TestHostsOfOneMachine: a host that is another server on each machine is no host. In a cluster, neither is the client's own machine.
func TestHostsOfOneMachine(t *testing.T) {
	for host, want := range map[string]struct{ file, cluster bool }{
		"a.example.com": {true, true}, "10.0.0.1": {true, true}, "10-0-0-1.example.com": {true, true}, "localhost.example.com": {true, true}, "0xab.example.com": {true, true},
		"localhost": {true, false}, "LocalHost.": {true, false}, "a.localhost": {true, false}, "*.localhost": {true, false}, "127.0.0.1": {true, false},
		"169.254.169.254": {}, "0.0.0.0": {}, "224.0.0.1": {}, "168.63.129.16": {}, "metadata.google.internal": {}, "*.metadata.google.internal": {},
		"2130706433": {}, "127.1": {}, "0x7f000001": {}, "0x7f.1": {}, "0177.0.0.01": {}, "0x": {}, "a.0x7f": {}, "*.1": {},
	} {
		t.Run(host, func(t *testing.T) {
			out := convertYAML(t, KindServiceEntry, "{hosts: ['"+host+"'], resolution: NONE, ports: [{number: 80, name: grpc}]}")
			told := func() bool { return strings.Contains(fmt.Sprint(linesOf(out.Problems)), "error spec.hosts[0]: ") }
			if used := out.Value != nil; used != want.file || told() == want.file {
				t.Errorf("from a file: used: %t, want %t; Problems %q", used, want.file, linesOf(out.Problems))
			}
			FromCluster(&out)
			if used := out.Value != nil; used != want.cluster || told() == want.cluster {
				t.Errorf("from a cluster: used: %t, want %t; Problems %q", used, want.cluster, linesOf(out.Problems))
			}
		})
	}
}

// TestNamesLikeAddresses: many resolvers read a name that ends in a number as an IPv4 address, so it may be the client's own machine.
func TestNamesLikeAddresses(t *testing.T) {
	for address, used := range map[string]bool{"db.example.com": true, "10.0.0.1": true, "db1": true, "2130706433": false, "127.1": false, "0x7f000001": false, "0x7F.0.0.1": false, "0251.0376.0251.0376": false} {
		out := convertYAML(t, KindServiceEntry, "{hosts: [a.example.com], resolution: DNS, ports: [{number: 80, name: grpc}], endpoints: [{address: '"+address+"'}]}")
		if got := len(out.Value.(*ServiceEntry).Endpoints) == 1; got != used || used == (len(out.Problems) > 0) {
			t.Errorf("%s: used: %t, want %t; Problems %q", address, got, used, linesOf(out.Problems))
		}
	}
}

// TestLocality: a locality has three parts, and none of them is empty.
func TestLocality(t *testing.T) {
	const more = `: "a/b/c/d/e" has more parts than a region, a zone and a sub-zone. Only the first three are used. Write region/zone/subzone.`
	empty := func(text string) string {
		return `: "` + text + `" has an empty part, and no client is in a place without a name. By that part and those behind it the endpoint is near to no client. Write region/zone/subzone, or end after the region or the zone.`
	}
	tests := map[string]struct {
		spec string
		want mesh.Locality
		told string
	}{
		"none":            {"", mesh.Locality{}, ""},
		"three":           {"locality: a/b/c", mesh.Locality{Region: "a", Zone: "b", SubZone: "c"}, ""},
		"two and a slash": {"locality: a/b/", mesh.Locality{Region: "a", Zone: "b"}, ""},
		"five":            {"locality: a/b/c/d/e", mesh.Locality{Region: "a", Zone: "b", SubZone: "c"}, "warning spec.locality" + more},
		"no zone":         {"locality: a//c", mesh.Locality{Region: "a", SubZone: "c"}, "warning spec.locality" + empty("a//c")},
		"no region":       {"locality: /b", mesh.Locality{Zone: "b"}, "warning spec.locality" + empty("/b")},
		"a label":         {"labels: {istio-locality: a.b.c.d.e}", mesh.Locality{Region: "a", Zone: "b", SubZone: "c"}, "warning spec.labels[istio-locality]" + more},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			out := convertYAML(t, KindWorkloadEntry, "{address: 10.0.0.1, "+test.spec+"}")
			if got := out.Value.(*Workload).Locality; got != test.want || strings.Join(linesOf(out.Problems), "\n") != test.told {
				t.Errorf("got %+v with %q, want %+v with %q", got, linesOf(out.Problems), test.want, test.told)
			}
		})
	}
}

// TestEntryProblems has mistakes in ServiceEntries and WorkloadEntries, what is told, and what is left.
func TestEntryProblems(t *testing.T) {
	const ports = "ports: [{number: 80, name: grpc, protocol: GRPC}]"
	tests := map[string]struct {
		spec string
		want []string
		// served are the ports and endpoints that are used.
		served string
	}{
		"nothing wrong":         {ports + ", addresses: [192.0.2.1], endpoints: [{address: 10.0.0.1, serviceAccount: a.b-c}]", nil, "[grpc 80] [10.0.0.1] [{192.0.2.1 }]"},
		"a path as an account":  {ports + ", endpoints: [{address: 10.0.0.1, serviceAccount: ../../evil}, {address: 10.0.0.2}]", []string{`error spec.endpoints[0].serviceAccount: "../../evil" cannot be the name of a service account. The endpoint is left out, because its identity is not known. Write the name alone, such as ledger, or remove the field.`}, "[grpc 80] [10.0.0.2] []"},
		"upper case":            {ports + ", endpoints: [{address: 10.0.0.1, serviceAccount: Ledger}]", []string{`error spec.endpoints[0].serviceAccount: "Ledger" cannot be the name of a service account. The endpoint is left out, because its identity is not known. Write the name alone, such as ledger, or remove the field.`}, "[grpc 80] [] []"},
		"an empty part":         {ports + ", endpoints: [{address: 10.0.0.1, serviceAccount: a..b}]", []string{`error spec.endpoints[0].serviceAccount: "a..b" cannot be the name of a service account. The endpoint is left out, because its identity is not known. Write the name alone, such as ledger, or remove the field.`}, "[grpc 80] [] []"},
		"a misspelled protocol": {"ports: [{number: 80, name: a, protocol: GPRC}], endpoints: [{address: 10.0.0.1}]", []string{`warning spec.ports[0].protocol: There is no protocol "GPRC". Rules apply as if the port declared none. Write GRPC, or HTTP, HTTP2, TCP or TLS.`}, "[a 80] [10.0.0.1] []"},
		"Istio's protocols":     {"ports: [{number: 80, name: a, protocol: MONGO}, {number: 81, name: b}], endpoints: [{address: 10.0.0.1}]", nil, "[a 80 b 81] [10.0.0.1] []"},
		"names": {"ports: [{number: 80, name: ''}, {number: 81, name: A_b}], endpoints: [{address: 10.0.0.1}]", []string{
			`info spec.ports[0].name: The port has no name, which Istio's validation refuses. Its name is "port-80" here. Write a name.`,
			`info spec.ports[1].name: "A_b" cannot be the name of a port, and Istio's validation refuses it. It is used here. Use lower-case letters, digits and hyphens.`,
		}, "[port-80 80 A_b 81] [10.0.0.1] []"},
		"no name": {"ports: [{number: 80, name: ''}], endpoints: [{address: 10.0.0.1}]", []string{"info spec.ports[0].name: The port has no name, which Istio's validation refuses. The ports of endpoints cannot name it. Write a name."}, "[ 80] [10.0.0.1] []"},
		"twice": {"ports: [{number: 80, name: a}, {number: 80, name: b}, {number: 81, name: a}], endpoints: [{address: 10.0.0.1}]", []string{
			`error spec.ports[1]: The port is left out, because the port "a" with the number 80 is before it. Give each port a separate name and number, or remove one of the two.`,
			`error spec.ports[2]: The port is left out, because the port "a" with the number 80 is before it. Give each port a separate name and number, or remove one of the two.`,
		}, "[a 80] [10.0.0.1] []"},
		"no ports": {"ports: [{number: 0, name: a}, {number: 4294967295, name: b}, {number: 82, name: c, targetPort: 65536}], endpoints: [{address: 10.0.0.1, ports: {c: 65536}}]", []string{
			"error spec.ports[0].number: 0 is not a port. The port is left out. Use a number from 1 to 65535.",
			"error spec.ports[1].number: 4294967295 is not a port. The port is left out. Use a number from 1 to 65535.",
			"error spec.ports[2].targetPort: 65536 is not a port. The port is left out. Use a number from 1 to 65535.",
			"error spec.endpoints[0].ports[c]: 65536 is not a port. The endpoint does not serve it. Use a number from 1 to 65535.",
		}, "[] [10.0.0.1] []"},
		"addresses of each machine": {ports + ", addresses: [127.0.0.1, 169.254.169.254, '::ffff:127.0.0.1', 0.0.0.0/32], endpoints: [{address: 10.0.0.1}]", []string{
			`error spec.addresses[0]: "127.0.0.1" means each client's own machine or network. It has no effect. Write an address that means the same for all clients; they can dial the hosts, too.`,
			`error spec.addresses[1]: "169.254.169.254" means each client's own machine or network. It has no effect. Write an address that means the same for all clients; they can dial the hosts, too.`,
			`error spec.addresses[2]: "::ffff:127.0.0.1" means each client's own machine or network. It has no effect. Write an address that means the same for all clients; they can dial the hosts, too.`,
			`error spec.addresses[3]: "0.0.0.0/32" means each client's own machine or network. It has no effect. Write an address that means the same for all clients; they can dial the hosts, too.`,
		}, "[grpc 80] [10.0.0.1] []"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			out := convertYAML(t, KindServiceEntry, "{hosts: [a.example.com], resolution: STATIC, "+test.spec+"}")
			if diff := cmp.Diff(test.want, linesOf(out.Problems)); diff != "" {
				t.Errorf("Problems (-want +got):\n%s", diff)
			}
			value := out.Value.(*ServiceEntry)
			ports, endpoints := []string{}, []string{}
			for _, p := range value.Ports {
				ports = append(ports, fmt.Sprint(p.Name, " ", p.Number))
			}
			for _, e := range value.Endpoints {
				endpoints = append(endpoints, e.IP)
			}
			if got := fmt.Sprint(ports, " ", endpoints, " ", value.Addresses); got != test.served {
				t.Errorf("got %s, want %s", got, test.served)
			}
		})
	}
}

// TestAddresses: an address stands for one host, and for its servers.
func TestAddresses(t *testing.T) {
	const static = "resolution: STATIC, endpoints: [{address: 10.0.0.1}]"
	tests := map[string]struct{ hosts, resolution, told string }{
		"a host":              {"[a.example.com]", static, ""},
		"a wildcard":          {"['*.example.com']", static, "there are only wildcards"},
		"both":                {"['*.example.com', a.example.com]", static, ""},
		"a name":              {"[a.example.com]", "resolution: DNS", ""},
		"NONE":                {"[a.example.com]", "resolution: NONE", "need not be that server"},
		"NONE and a wildcard": {"['*.example.com']", "resolution: NONE", "there are only wildcards"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			out := convertYAML(t, KindServiceEntry, "{hosts: "+test.hosts+", "+test.resolution+", addresses: [192.0.2.1], ports: [{number: 80, name: grpc}]}")
			lines := linesOf(out.Problems)
			if told := strings.Join(lines, "\n"); len(lines) > 1 || (test.told == "") != (told == "") || test.told != "" && !strings.HasPrefix(told, "warning spec.addresses: ") || !strings.Contains(told, test.told) {
				t.Errorf("got the Problems %q, want one warning about the addresses with %q", lines, test.told)
			}
		})
	}
}

// TestShortWildcard: a client that dials a name of two labels means a Service, so that only its longer names are below a wildcard for
// a domain of one label.
func TestShortWildcard(t *testing.T) {
	for host, told := range map[string]bool{"'*.internal'": true, "'*.example.com'": false, "a.internal": false, "'*.internal', db.internal": false, "'*.internal', db.example.com, a.db.internal": true} {
		out := convertYAML(t, KindServiceEntry, "{hosts: ["+host+"], resolution: NONE, ports: [{number: 80, name: grpc}]}")
		lines := linesOf(out.Problems)
		if got := strings.Contains(fmt.Sprint(lines), "warning spec.hosts[0]: Clients mean by a name such as x.internal the Service x of a namespace internal"); got != told || !told && len(lines) > 0 || out.Value == nil {
			t.Errorf("%s: got the Problems %q, want one about names of two labels: %t", host, lines, told)
		}
	}
}

// TestOneMachine: servers on the client's own machine are for files. In a cluster they are left out, and calls fail.
func TestOneMachine(t *testing.T) {
	for address, own := range map[string]bool{"127.0.0.1": true, "::1": true, "::ffff:127.0.0.1": true, "localhost": true, "a.LocalHost.": true, "10.0.0.1": false, "localhost.example.com": false} {
		w := convertYAML(t, KindWorkloadEntry, "{address: '"+address+"'}")
		e := convertYAML(t, KindServiceEntry, "{hosts: [a.example.com], resolution: DNS, ports: [{number: 80, name: grpc}], endpoints: [{address: '"+address+"'}]}")
		if w.Value == nil || len(w.Problems)+len(e.Problems) > 0 {
			t.Errorf("%s from a file: got %v, %v, %v, want it", address, w.Value, w.Problems, e.Problems)
		}
		FromCluster(&w)
		FromCluster(&e)
		entry := e.Value.(*ServiceEntry)
		if (w.Value == nil) != own || entry.Closed != own || (len(entry.Endpoints) == 0) != own || (len(w.Problems) > 0) != own || (len(e.Problems) > 0) != own {
			t.Errorf("%s from a cluster: got %v, %+v, %v, %v, want it left out: %t", address, w.Value, entry, w.Problems, e.Problems, own)
		}
	}
}

// TestHealthAnnotation: health by a stream needs a machine that can prove itself.
func TestHealthAnnotation(t *testing.T) {
	tests := map[string]struct {
		value, spec string
		byStream    bool
		want        string
	}{
		"stream":          {"stream", "{address: 10.0.0.1, serviceAccount: a}", true, ""},
		"another value":   {"streams", "{address: 10.0.0.1, serviceAccount: a}", false, `warning metadata.annotations[mizzen.dev/health]: "streams" is not a way to know the health. The annotation is ignored. Use stream.`},
		"without account": {"stream", "{address: 10.0.0.1}", true, "error metadata.annotations[mizzen.dev/health]: The machine cannot prove itself without an IP address and a serviceAccount, so it is never connected. It gets no calls. Set both, or remove the annotation."},
		"without address": {"stream", "{address: vm.example.com, serviceAccount: a}", true, "error metadata.annotations[mizzen.dev/health]: The machine cannot prove itself without an IP address and a serviceAccount, so it is never connected. It gets no calls. Set both, or remove the annotation."},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := &istiov1.WorkloadEntry{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "w", Annotations: map[string]string{mesh.AnnotationHealth: test.value}}}
			var spec map[string]any
			if err := yaml.Unmarshal([]byte(test.spec), &spec); err != nil {
				t.Fatal(err)
			}
			if err := Decode(map[string]any{"spec": spec}, w); err != nil {
				t.Fatal(err)
			}
			out := convertWorkloadEntry(w, "cluster.local")
			value := out.Value.(*Workload)
			if got := strings.Join(linesOf(out.Problems), "\n"); got != test.want || value.ByStream != test.byStream || value.NotReady != strings.HasPrefix(test.want, "error") {
				t.Errorf("got %+v with %q, want %q", value, got, test.want)
			}
		})
	}
}

func convertYAML(t *testing.T, kind Kind, spec string) Object {
	t.Helper()
	var plain map[string]any
	if err := yaml.Unmarshal([]byte("{metadata: {name: e, namespace: shop}, spec: "+spec+"}"), &plain); err != nil {
		t.Fatal(err)
	}
	typed := kind.Row().New()
	if err := Decode(plain, typed); err != nil {
		t.Fatal(err)
	}
	return kind.Row().Convert(typed, "cluster.local")
}

func linesOf(problems []mesh.Problem) []string {
	var all []string
	for _, p := range problems {
		all = append(all, fmt.Sprintf("%s %s: %s", p.Severity, p.Field, p.Message))
	}
	return all
}
