package snapshot_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot/snapshottest"
)

var nearObjects = []string{`
apiVersion: v1
kind: Service
metadata: {name: greeter, namespace: mizzen-example}
spec: {clusterIP: 10.96.0.7, ports: [{name: grpc, port: 50051}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: greeter-1, namespace: mizzen-example, labels: {kubernetes.io/service-name: greeter}}
addressType: IPv4
ports: [{name: grpc, port: 9090}]
endpoints: [{addresses: [10.0.0.1], hostname: greeter-0}]
---
apiVersion: v1
kind: Service
metadata: {name: both, namespace: mizzen-example}
spec: {ports: [{name: grpc, port: 80}, {name: grpc-admin, port: 81}]}
---
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec: {ports: [{port: 7000}]}
---
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: payment}
spec: {ports: [{port: 7000}]}
---
apiVersion: v1
kind: Service
metadata: {name: vault, namespace: fin, annotations: {networking.istio.io/exportTo: "."}}
spec: {ports: [{port: 7000}]}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: ledger, namespace: fin}
spec: {hosts: [ledger.example.org], ports: [{number: 7000, name: grpc}], resolution: STATIC, endpoints: [{address: 10.5.5.5}], exportTo: ["."]}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: rates, namespace: fin}
spec: {hosts: [rates.example.org], ports: [{number: 7000, name: grpc}], resolution: STATIC, endpoints: [{address: 10.5.5.6}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: api, namespace: shop}
spec: {hosts: [api.example.com], http: [{route: [{destination: {host: cart.shop.svc.cluster.local}}]}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: inner, namespace: shop}
spec: {hosts: [inner.example.com], exportTo: ["."], http: [{route: [{destination: {host: cart.shop.svc.cluster.local}}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: lost, namespace: pay}
spec: {type: ExternalName, externalName: vm.pay.svc.cluster.local, ports: [{name: grpc, port: 9000}]}
---
apiVersion: v1
kind: Service
metadata: {name: lost-too, namespace: pay}
spec: {type: ExternalName, externalName: lost.pay.svc, ports: [{name: grpc, port: 9000}]}
---
apiVersion: v1
kind: Service
metadata: {name: lost-pod, namespace: pay}
spec: {type: ExternalName, externalName: a-0.vm.pay.svc.cluster.local, ports: [{name: grpc, port: 9000}]}
---
apiVersion: v1
kind: Service
metadata: {name: one, namespace: pay}
spec: {type: ExternalName, externalName: two.pay.svc.cluster.local, ports: [{name: grpc, port: 9000}]}
---
apiVersion: v1
kind: Service
metadata: {name: two, namespace: pay}
spec: {type: ExternalName, externalName: one.pay.svc.cluster.local, ports: [{name: grpc, port: 9000}]}
---
apiVersion: v1
kind: Service
metadata: {name: portless-too, namespace: pay}
spec: {type: ExternalName, externalName: portless.pay.svc.cluster.local, ports: [{name: grpc, port: 9000}]}
---
apiVersion: v1
kind: Service
metadata: {name: outside, namespace: pay}
spec: {type: ExternalName, externalName: pay.example.com, ports: [{name: grpc, port: 9000}]}
---
apiVersion: v1
kind: Service
metadata: {name: portless, namespace: pay}
spec: {clusterIP: None}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: outside, namespace: shop}
spec: {hosts: ['*.example.net'], resolution: NONE, ports: [{number: 80, name: grpc}]}
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: default, namespace: narrow}
spec: {egress: [{hosts: [./*, shop/*, "~shop/cart.shop.svc.cluster.local", "~shop/*.example.com", "~shop/*.net"]}]}
`}

// TestNear dials names that do not exist. Each name that is proposed must exist.
func TestNear(t *testing.T) {
	s := snapshot.New(snapshottest.Load(t, nearObjects))
	const here, plain = "mizzen-example", "plain"
	for _, c := range []struct {
		namespace, name string
		want            []snapshot.Near
	}{
		// Other names without ports.
		{"pay", "lost:9000", []snapshot.Near{{"", "Service pay/lost names vm.pay.svc.cluster.local, which no Service has: create that Service, or correct its externalName"}}},
		{"pay", "lost-too", []snapshot.Near{{"", "Service pay/lost-too names vm.pay.svc.cluster.local, which no Service has: create that Service, or correct its externalName"}}},
		{"pay", "lost-pod:9000", []snapshot.Near{{"", "Service pay/lost-pod names a-0.vm.pay.svc.cluster.local, which no Service has: create that Service, or correct its externalName"}}},
		{"pay", "one:9000", []snapshot.Near{{"", "Service pay/one names one.pay.svc.cluster.local, and the names lead in a circle: set its externalName to a Service that has endpoints"}}},
		{"pay", "portless:9000", []snapshot.Near{{"", "Service pay/portless has no TCP port"}}},
		{"pay", "portless-too:9000", []snapshot.Near{{"", "Service pay/portless-too is another name for portless.pay.svc.cluster.local, and Service pay/portless has no TCP port"}}},
		{"pay", "outside:9001", []snapshot.Near{{"outside:9000", "Service pay/outside has port 9000 (grpc): dial outside:9000"}}},
		// Ports.
		{here, "greeter:50052", []snapshot.Near{{"greeter:50051", "Service mizzen-example/greeter has port 50051 (grpc): dial greeter:50051"}}},
		{here, "greeter:grcp", []snapshot.Near{{"greeter:50051", "Service mizzen-example/greeter has port 50051 (grpc): dial greeter:50051"}}},
		{here, "greeter:9090", []snapshot.Near{{"greeter:50051", "9090 is the targetPort of port 50051 (grpc) of Service mizzen-example/greeter: dial greeter:50051"}}},
		{plain, "10.96.0.7:1", []snapshot.Near{{"10.96.0.7:50051", "Service mizzen-example/greeter has port 50051 (grpc): dial 10.96.0.7:50051"}}},
		{plain, "greeter-0.greeter.mizzen-example:1", []snapshot.Near{{"greeter-0.greeter.mizzen-example:50051", "Service mizzen-example/greeter has port 50051 (grpc): dial greeter-0.greeter.mizzen-example:50051"}}},
		{here, "both", []snapshot.Near{
			{"both:80", "Service mizzen-example/both has port 80 (grpc): dial both:80"},
			{"both:81", "Service mizzen-example/both has port 81 (grpc-admin): dial both:81"},
		}},
		// Namespaces.
		{plain, "greeter", []snapshot.Near{{"greeter.mizzen-example", "Service mizzen-example/greeter has the name: dial greeter.mizzen-example"}}},
		{plain, "greeter:grpc", []snapshot.Near{{"greeter.mizzen-example:grpc", "Service mizzen-example/greeter has the name: dial greeter.mizzen-example:grpc"}}},
		{plain, "greeter:1", []snapshot.Near{{"greeter.mizzen-example", "Service mizzen-example/greeter has the name: dial greeter.mizzen-example"}}},
		{plain, "greeter.mizzen-exampel", []snapshot.Near{{"greeter.mizzen-example", "Service mizzen-example/greeter has the name: dial greeter.mizzen-example"}}},
		{plain, "both", []snapshot.Near{{"both.mizzen-example:80", "Service mizzen-example/both has the name: dial both.mizzen-example:80"}}},
		{plain, "cart.shpo", []snapshot.Near{
			{"cart.shop", "Service shop/cart has the name: dial cart.shop"},
			{"cart.payment", "Service payment/cart has the name: dial cart.payment"},
		}},
		// Names.
		{here, "gretter", []snapshot.Near{{"greeter", "did you mean greeter?"}}},
		{here, "Greeter:50051", []snapshot.Near{{"greeter:50051", "did you mean greeter:50051?"}}},
		{plain, "gretter.mizzen-example.svc.cluster.local", []snapshot.Near{{"greeter.mizzen-example", "did you mean greeter.mizzen-example?"}}},
		{plain, "gretter", []snapshot.Near{{"greeter.mizzen-example", "did you mean greeter.mizzen-example?"}}},
		{plain, "unlike-any", nil},
		{plain, "api.exmaple.com", []snapshot.Near{{"api.example.com", "did you mean api.example.com?"}}},
		{plain, "inner.exmaple.com", nil},
		// Domains, pods and addresses.
		{plain, "greeter.mizzen-example.svc.cluster.lcoal", []snapshot.Near{
			{"greeter.mizzen-example", "the hosts of Services end in .svc.cluster.local: dial greeter.mizzen-example for Service mizzen-example/greeter"},
		}},
		{plain, "greeter-1.greeter.mizzen-example", []snapshot.Near{
			{"greeter-0.greeter.mizzen-example", "Service mizzen-example/greeter has no endpoint with the name greeter-1: did you mean greeter-0.greeter.mizzen-example?"},
		}},
		{plain, "10.0.0.1:9090", []snapshot.Near{{"greeter.mizzen-example", "10.0.0.1 is an endpoint of Service mizzen-example/greeter: dial greeter.mizzen-example"}}},
		{plain, "10.9.9.9:9090", []snapshot.Near{{"", "10.9.9.9 is neither the cluster IP of a Service nor an endpoint: dial the name of a Service"}}},
		// What a Sidecar leaves out.
		{"narrow", "greeter.mizzen-example", []snapshot.Near{{"", "Service mizzen-example/greeter has the name, and Sidecar narrow/default does not import it: add mizzen-example/greeter.mizzen-example.svc.cluster.local to its spec.egress[0].hosts"}}},
		{"narrow", "10.96.0.7:50051", []snapshot.Near{{"", "Service mizzen-example/greeter has the name, and Sidecar narrow/default does not import it: add mizzen-example/greeter.mizzen-example.svc.cluster.local to its spec.egress[0].hosts"}}},
		{"narrow", "greeter-0.greeter.mizzen-example", []snapshot.Near{{"", "Service mizzen-example/greeter has the name, and Sidecar narrow/default does not import it: add mizzen-example/greeter.mizzen-example.svc.cluster.local to its spec.egress[0].hosts"}}},
		{"narrow", "cart.shop", []snapshot.Near{{"", "Service shop/cart has the name, and spec.egress[0].hosts[2] of Sidecar narrow/default excludes it: remove or narrow that entry"}}},
		{"narrow", "api.example.com", []snapshot.Near{{"", "VirtualService shop/api has the name, and spec.egress[0].hosts[3] of Sidecar narrow/default excludes it: remove or narrow that entry"}}},
		{"narrow", "any.example.net", []snapshot.Near{{"", "ServiceEntry shop/outside has the name, and spec.egress[0].hosts[4] of Sidecar narrow/default excludes it: remove or narrow that entry"}}},
		{"narrow", "10.0.0.1:9090", []snapshot.Near{{"", "10.0.0.1 is an endpoint of Service mizzen-example/greeter, and Sidecar narrow/default does not import it: add mizzen-example/greeter.mizzen-example.svc.cluster.local to its spec.egress[0].hosts"}}},
		{"narrow", "10.9.9.9:9090", []snapshot.Near{{"", "10.9.9.9 is neither the cluster IP of a Service nor an endpoint: dial the name of a Service"}}},
		{"narrow", "vault.fin", []snapshot.Near{{"", "Service fin/vault has the name, and is not exported to namespace narrow"}}},
		{"narrow", "gretter.mizzen-example.svc.cluster.local", nil},
		// What is not exported.
		{plain, "ledger.example.org", []snapshot.Near{{"", "ServiceEntry fin/ledger has the name, and is not exported to namespace plain"}}},
		{plain, "rates.example.org:7001", []snapshot.Near{{"rates.example.org:7000", "ServiceEntry fin/rates has port 7000 (grpc): dial rates.example.org:7000"}}},
		{plain, "vault.fin", []snapshot.Near{{"", "Service fin/vault has the name, and is not exported to namespace plain"}}},
		{plain, "vault", nil},
		{plain, "vautl.fin", nil},
		{plain, "inner.example.com", []snapshot.Near{{"", "a VirtualService declares the host, and is not exported to namespace plain"}}},
		{plain, "api.example.com:grpc", []snapshot.Near{
			{"api.example.com:80", "VirtualService shop/api declares the host, and no Service names its ports: dial a number, such as api.example.com:80"},
		}},
	} {
		t.Run(fmt.Sprintf("%s from %s", c.name, c.namespace), func(t *testing.T) {
			client := mesh.Client{Namespace: c.namespace, Kind: mesh.GRPCGo}
			if v := s.Resource(snapshot.ListenerType, c.name, client); !v.NotFound {
				t.Fatal("the name exists")
			}
			got := s.Near(c.name, client)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			for _, near := range got {
				if near.Dial == "" {
					continue
				}
				if v := s.Resource(snapshot.ListenerType, near.Dial, client); v.NotFound {
					t.Errorf("%s does not exist either", near.Dial)
				}
			}
		})
	}
}

// TestNearForHTTPClients: only ports that an HTTP client can call are named, and how an author can declare one.
func TestNearForHTTPClients(t *testing.T) {
	s := snapshot.New(snapshottest.Load(t, []string{`
apiVersion: v1
kind: Service
metadata: {name: web, namespace: demo}
spec: {selector: {app: web}, ports: [{name: web, port: 8080}, {name: admin, port: 9090}, {name: grpc, port: 7070}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: demo, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: web, port: 8000}, {name: grpc, port: 7000}]
endpoints: [{addresses: [10.0.0.1]}]
---
apiVersion: v1
kind: Service
metadata: {name: greeter, namespace: demo}
spec: {ports: [{name: grpc, port: 50051}]}
`}))
	const ports = "the ports 8080 (web), 9090 (admin)"
	for _, c := range []struct {
		namespace, name string
		want            []snapshot.Near
	}{
		{"demo", "web", []snapshot.Near{{"web:8080", "Service demo/web has " + ports + ", and a URI without a port does not say which: call http://web:8080, or declare only one port as HTTP with appProtocol: http"}}},
		{"demo", "web:80", []snapshot.Near{{"web:8080", "HTTP clients can call " + ports + " of Service demo/web: call http://web:8080"}}},
		{"demo", "web:7070", []snapshot.Near{{"web:8080", "HTTP clients can call " + ports + " of Service demo/web: call http://web:8080"}}},
		{"demo", "web:8000", []snapshot.Near{{"web:8080", "8000 is the targetPort of port 8080 (web) of Service demo/web: call http://web:8080"}}},
		{"demo", "web:7000", []snapshot.Near{{"web:8080", "HTTP clients can call " + ports + " of Service demo/web: call http://web:8080"}}},
		{"demo", "greeter", []snapshot.Near{{"", "Service demo/greeter has only ports for gRPC, which HTTP clients do not call: call it by gRPC, or add a port for HTTP"}}},
		{"demo", "greeter:50051", []snapshot.Near{{"", "Service demo/greeter has only ports for gRPC, which HTTP clients do not call: call it by gRPC, or add a port for HTTP"}}},
		{"shop", "web", []snapshot.Near{{"web.demo:8080", "Service demo/web has the name: call http://web.demo:8080"}}},
		{"shop", "web:9090", []snapshot.Near{{"web.demo:9090", "Service demo/web has the name: call http://web.demo:9090"}}},
		{"demo", "wep", []snapshot.Near{{"web:8080", "did you mean web:8080?"}}},
		{"demo", "gretter", nil},
	} {
		t.Run(fmt.Sprintf("%s from %s", c.name, c.namespace), func(t *testing.T) {
			client := mesh.Client{Namespace: c.namespace, Kind: mesh.JavaAgent}
			got := s.Near(c.name, client)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			for _, near := range got {
				if near.Dial != "" && s.Resource(snapshot.ListenerType, near.Dial, client).NotFound {
					t.Errorf("%s does not exist either", near.Dial)
				}
			}
		})
	}
}
