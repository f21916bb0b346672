package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestTrials runs commands in folders of testdata/trials, whose objects have mistakes that users made.
func TestTrials(t *testing.T) {
	tests := map[string]struct {
		// dir is the folder, and args is the command line in it.
		dir, args string
		code      int
		// want are texts of the output, in this order; not are texts that it must not have.
		want, not []string
	}{
		"TLS on another name of a Service": {
			dir: "alias-with-tls", args: "check -f .", code: exitFailure,
			want: []string{"error Alias DestinationRule shop/books spec.host", "error Alias VirtualService shop/books spec.http[0].route[0].destination.host", "Set the host of the DestinationRule to ledger.fin.svc.cluster.local."},
			not:  []string{"NoSuchHost"},
		},
		"TLS on another name of a Service, explained": {
			dir: "alias-with-tls", args: "explain -f . --as shop --to books --call /a.B/C", code: exitFailure,
			want: []string{"a DestinationRule for it sets TLS"}, not: []string{"no TCP port"},
		},
		"JSON in a folder": {
			dir: "json-files", args: "explain -f . --as fin --to vault --call /fin.Vault/Open", code: exitOK,
			want: []string{"10.20.3.1:7500"},
		},
		"another name for a Service": {
			dir: "externalname-alias", args: "explain -f . --as shop --to billing --call /fin.Billing/Charge", code: exitOK,
			want: []string{"VirtualService fin/ledger", "timeout 2s", "least_request", "10.20.1.1:9300 10.20.1.2:9300"},
		},
		"its port by name": {
			dir: "externalname-alias", args: "explain -f . --as shop --to billing:main --call /fin.Billing/Charge", code: exitOK,
			want: []string{"timeout 2s", "10.20.1.1:9300 10.20.1.2:9300"},
		},
		"another name for another name": {
			dir: "externalname-alias", args: "explain -f . --as shop --to invoices.fin:7300 --call /fin.Billing/Charge", code: exitOK,
			want: []string{"timeout 2s", "10.20.1.1:9300 10.20.1.2:9300"},
		},
		"another name for one pod": {
			dir: "externalname-alias", args: "explain -f . --as shop --to first --call /fin.Billing/Charge", code: exitOK,
			want: []string{"10.20.1.1:9300"}, not: []string{"10.20.1.2"},
		},
		"another name for nothing": {
			dir: "externalname-alias", args: "explain -f . --as shop --to old --call /fin.Billing/Charge", code: exitFailure,
			want: []string{"old"}, not: []string{"10.20.1.1"},
		},
		"a subset that selects no pod": {
			dir: "empty-subset", args: "check -f .", code: exitOK,
			want: []string{
				"warning EmptySubset DestinationRule depot/parcel spec.subsets[0].labels (objects.yaml:34)",
				"selects none of 3 endpoints: their label version is v1 (2), v2 (1). Calls to it fail.",
				"warning NoEndpoints Service depot/pallet spec.selector",
				"warning EmptySubset VirtualService depot/parcel spec.http[0].route[0].destination.subset (objects.yaml:45)",
				"warning NoEndpoints VirtualService depot/parcel spec.http[0].route[1].destination.host (objects.yaml:46)",
				"info NoEndpoints Service depot/idle spec.selector",
				"0 errors, 4 warnings, 1 info",
			},
			not: []string{`"v3"`},
		},
		"a subset that selects no pod, strictly": {
			dir: "empty-subset", args: "check --strict -f .", code: exitFailure, want: []string{"EmptySubset"},
		},
		"endpoints under another port name": {
			dir: "endpoint-port-names", args: "check -f .", code: exitOK,
			want: []string{
				`EndpointSlice depot/pallet-x has addresses for "grpc"`, "calls to a port without a name fail",
				`warning EndpointPortMismatch Service depot/parcel spec.ports (objects.yaml:4): Endpoints depot/parcel has addresses for a port without a name`,
				`calls to "grpc" fail`,
			},
		},
		"EndpointSlices with a wrong label": {
			dir: "endpointslice-labels", args: "check -f .", code: exitOK,
			want: []string{
				"warning UnknownField EndpointSlice depot/one metadata.labels[kubernetes.io/service]", `Set it in place of "kubernetes.io/service".`,
				"warning NoSuchHost EndpointSlice depot/two metadata.labels[kubernetes.io/service-name]", `Set its label kubernetes.io/service-name to "pallet".`,
				"warning NoEndpoints Service depot/parcel", `EndpointSlice depot/one looks meant for it. Set its label kubernetes.io/service-name to "parcel".`,
				"warning NoEndpoints VirtualService depot/parcel",
			},
		},
		"endpoints under another port name, strictly": {
			dir: "endpoint-port-names", args: "check --strict -f .", code: exitFailure, want: []string{"EndpointPortMismatch"},
		},
		"Problems of other names": {
			dir: "externalname-alias", args: "check -f .", code: exitFailure,
			want: []string{"error NoSuchHost Service shop/old spec.externalName", `Did you mean "ledger.fin.svc.cluster.local"?`, "1 error, 0 warnings"},
		},
		"a DestinationRule without its Service": {
			dir: "destinationrule-alone", args: "check -f destinationrule.yaml", code: exitFailure,
			want: []string{"spec.trafficPolicy.tls.caCertificates", "warning NoSuchHost", "spec.trafficPolicy.connectionPool", "spec.trafficPolicy.loadBalancer.warmupDurationSecs"},
		},
		"objects without a namespace": {
			dir: "objects-without-namespace", args: "check -f . --namespace fin", code: exitOK, want: []string{"0 errors, 0 warnings"},
		},
		"objects without a namespace, by the short flag": {
			dir: "objects-without-namespace", args: "render -f . -n fin --type lds", code: exitOK, want: []string{"problems: []", "name: vault.fin.svc.cluster.local:7500"},
		},
		"objects without a namespace, one call": {
			dir: "objects-without-namespace", args: "explain -f . -n fin --as fin --to vault --call /fin.Vault/Open", code: exitFailure,
			want: []string{"from VirtualService fin/vault, Service fin/vault", "the clusters of the matched route have no endpoints"},
		},
		"objects of the default namespace": {
			dir: "objects-without-namespace", args: "check -f .", code: exitFailure, want: []string{"error NoSuchHost VirtualService default/vault"},
		},
		"a ServiceEntry that rules depend on": {
			dir: "serviceentry-is-depended-on", args: "check -f .", code: exitOK, want: []string{"info Approximated DestinationRule shop/rates", "0 errors, 0 warnings"},
		},
		"a call to a name outside of the cluster": {
			dir: "serviceentry-is-depended-on", args: "explain -f . --as shop --to rates.example.org --call /shop.Rates/Get", code: exitOK,
			want: []string{"from VirtualService shop/rates, ServiceEntry shop/rates", "timeout 3s", "rates.example.org:443"},
		},
		"another name for the host of a ServiceEntry": {
			dir: "serviceentry-of-addresses", args: "explain -f . --as fin --to till:9000 --call /fin.Till/Open", code: exitOK,
			want: []string{"outbound|9000||till-vm.fin.svc.cluster.local", "from ServiceEntry fin/till-vm", "10.0.0.1:9000"},
		},
		"a ServiceEntry of addresses": {
			dir: "serviceentry-of-addresses", args: "explain -f . --as fin --to till:9000 --call /fin.Depot/Open", code: exitOK, want: []string{"outbound|9000||depot.example.org", "10.0.0.2:9000"},
		},
		"a short name in a Sidecar": {
			dir: "sidecar", args: "check -f .", code: exitOK,
			want: []string{"warning NoSuchHost Sidecar shop/default spec.egress[0].hosts[2] (objects.yaml:6)", `Write "fin/vault.fin.svc.cluster.local" if you mean that Service.`, "0 errors, 1 warning"},
		},
		"a host that a Sidecar does not import": {
			dir: "sidecar", args: "explain -f . --as shop --to vault.fin --call /a.B/C", code: exitFailure,
			want: []string{"from Sidecar shop/default", "Sidecar shop/default does not import it: add fin/vault.fin.svc.cluster.local to its spec.egress[0].hosts"},
		},
		"a host that the Sidecar of a pod excludes": {
			dir: "sidecar", args: "explain -f . --pod shop/batch-0 --to vault.fin --call /a.B/C", code: exitFailure,
			want: []string{"from Sidecar shop/batch", "spec.egress[0].hosts[1] of Sidecar shop/batch excludes it: remove or narrow that entry"},
		},
		"a host that a Sidecar imports": {
			dir: "sidecar", args: "explain -f . --as shop --to ledger.fin --call /a.B/C", code: exitFailure,
			want: []string{"outbound|7000||ledger.fin.svc.cluster.local", "no endpoints"}, not: []string{"Sidecar"},
		},
		"a delegate that sends calls to a hidden Service": {
			dir: "delegate-and-hidden-service", args: "check -f .", code: exitOK,
			want: []string{"info NoSuchHost VirtualService shop/cart-routes", "as VirtualService platform/api is", "in exportTo of that VirtualService", "0 errors, 0 warnings, 1 info"},
		},
		"booleans of YAML 1.1": {
			dir: "yaml-booleans", args: "check -f .", code: exitFailure,
			want: []string{"error InvalidValue DestinationRule depot/parcel spec.subsets[0].labels.canary (objects.yaml:9)", "the boolean on", `Write canary: "on"`},
		},
		"values of another kind": {
			dir: "texts-of-wrong-kinds", args: "check -f .", code: exitFailure,
			want: []string{"the number 33.3", "Write weight: 33\n", "the number 1", "Write exact: \"1\"\n", "the number 3", "Write retries: {attempts: 3}\n", "the number 7100", "Write port: {number: 7100}\n", "8 errors"},
		},
		"rules for HTTP clients": {
			dir: "http-rules", args: "check -f .", code: exitFailure,
			want: []string{"spec.http[0].redirect", "gRPC clients do not follow redirects", "info Approximated DestinationRule shop/books", "3 errors, 14 warnings, 1 info"},
		},
		"rules for HTTP clients, which follow them": {
			dir: "http-rules", args: "check -f . --client mizzen-java-agent", code: exitOK,
			want: []string{
				"warning Unsupported DestinationRule shop/books spec.trafficPolicy.connectionPool.tcp.maxConnections", "warning EndpointPortMismatch Service shop/books",
				"warning NoSuchPort Service shop/ledger spec.ports", "Name one port http", "HTTP clients do not create cookies", "0 errors, 3 warnings, 1 info",
			},
			not: []string{"gRPC clients"},
		},
		"by the older name of the flag": {
			dir: "http-rules", args: "check -f . --agent mizzen-java-agent", code: exitOK, want: []string{"0 errors, 3 warnings, 1 info"},
		},
		"strictly": {
			dir: "http-rules", args: "check -f . --strict --client mizzen-java-agent", code: exitFailure, want: []string{"0 errors, 3 warnings, 1 info"},
		},
		"what HTTP clients are sent": {
			dir: "http-rules", args: "render -f . --as shop --agent mizzen-java-agent --type lds,rds --name books --name outbound|80||books.shop.svc.cluster.local", code: exitOK,
			want: []string{"name: books", "path_redirect: /new", "inline_string: back at nine", "prefix_rewrite: /"},
		},
		"a call that a redirect answers": {
			dir: "http-rules", args: "explain -f . --as shop --to books --http /old/a?b=c", code: exitOK,
			want: []string{`YES 0 "moved"  paths that begin with /old/, method is "GET": all conditions match`, "the status 302 from the route itself, with the Location http://books/new?b=c"},
		},
		"a call that a response answers": {
			dir: "http-rules", args: "explain -f . --as shop --http http://books/away", code: exitOK,
			want: []string{`body      "back at nine"`, "the status 503 from the route itself, with a body of 12 bytes"}, not: []string{"cluster   ", "sends   "},
		},
		"a call that an endpoint gets": {
			dir: "http-rules", args: "explain -f . --as shop --to books --http /v2/a/b?lang=en&x=1 --header Cookie=a=b --header cookie=user=ann", code: exitOK,
			want: []string{
				"timeout 2s", "up to 3 retries on gateway-error,retriable-status-codes", "retriable status codes 503", "timeout of each attempt 500ms", "hashed by cookie user",
				"balanced by ring_hash", "the Service declares the port as http", "at most 3 retries in flight", "at most 100 calls in flight", "3 consecutive responses with 500 or more",
				"called too while less than 40 % are healthy", "in the response: remove server", "10.20.1.1:8080 10.20.1.2:8080",
				"sends     GET /a/b?lang=en&x=1\n  host: books.example\n  set x-version: 2\n",
				"mirror    outbound|8081||ledger.shop.svc.cluster.local  5 % of the calls; it has no endpoints", "one of 2 endpoints",
			},
		},
		"a call whose query differs": {
			dir: "http-rules", args: "explain -f . --as shop --to books --http /v2/a?lang=de --header cookie=user=ann", code: exitOK,
			want: []string{`no match: query parameter lang is "en"; the call has "de"`, `YES 3 "rest"`},
		},
		"a call whose method differs": {
			dir: "http-rules", args: "explain -f . --as shop --http PUT|http://books/old/a", code: exitOK,
			want: []string{`no match: method is "GET"; the call has "PUT"`, "sends     PUT /old/a"},
		},
		"a name without the port": {
			dir: "http-rules", args: "explain -f . --as shop --http http://ledger/", code: exitFailure,
			want: []string{"the application's registry decides", "has the ports 8081 (main), 9090 (admin), and a URI without a port does not say which: call http://ledger:8081"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Chdir(filepath.Join("testdata", "trials", test.dir))
			args := strings.Fields(test.args)
			for i := range args {
				args[i] = strings.Replace(args[i], "PUT|", "PUT ", 1)
			}
			got := command(t.Context(), "", args...)
			output := got.stdout + got.err
			if got.code != test.code {
				t.Errorf("got exit code %d, want %d; output:\n%s", got.code, test.code, output)
			}
			rest := output
			for _, want := range test.want {
				_, after, ok := strings.Cut(rest, want)
				if !ok {
					t.Errorf("got\n%s\nwant in it %q, after the texts before it", output, want)
					continue
				}
				rest = after
			}
			for _, text := range test.not {
				if strings.Contains(output, text) {
					t.Errorf("got\n%s\nwant in it no %q", output, text)
				}
			}
		})
	}
}
