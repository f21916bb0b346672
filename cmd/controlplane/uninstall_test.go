package main

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// installed is a cluster that holds conditions; what is not in it is not found.
func installed() map[string]string {
	const istio = "/apis/networking.istio.io/v1/"
	rule := func(name, conditions string) string {
		return `{"apiVersion":"networking.istio.io/v1","kind":"VirtualService","metadata":{"namespace":"shop","name":"` + name + `","resourceVersion":"1"},
			"status":{"conditions":[` + conditions + `]}}`
	}
	const ours = `{"type":"mizzen.dev/Accepted","status":"True"},{"type":"mizzen.dev/Programmed","status":"True"}`
	return map[string]string{
		"GET " + istio + "virtualservices": `{"apiVersion":"networking.istio.io/v1","kind":"VirtualServiceList","items":[` +
			rule("cart", ours) + `,` + rule("plain", `{"type":"Reconciled"}`) + `,` + rule("till", ours) + `]}`,
		"PUT " + istio + "namespaces/shop/virtualservices/cart/status": rule("cart", ""),
		"PUT " + istio + "namespaces/shop/virtualservices/till/status": rule("till", ""),
	}
}

const leaseOfMizzen = "GET /apis/coordination.k8s.io/v1/namespaces/mizzen-system/leases/mizzen"

// noPolicies are the lines about kinds that the cluster does not serve.
const noPolicies = "the cluster does not serve the kind GRPCRoute\nthe cluster does not serve the kind HTTPRoute\nthe cluster does not serve the kind BackendTLSPolicy\nthe cluster does not serve the kind PeerAuthentication\n" +
	"the cluster does not serve the kind AuthorizationPolicy\n" +
	"the cluster does not serve the kind RequestAuthentication\n"

// TestUninstall: what is said and how it ends, by what the API server answers.
func TestUninstall(t *testing.T) {
	const both = " mizzen.dev/Accepted, mizzen.dev/Programmed\n"
	cases := map[string]struct {
		args string
		// answers are put in place of those of the cluster.
		answers map[string]string
		want    outcome
		writes  int
	}{
		"conditions": {
			args: "--conditions",
			want: outcome{
				exitOK, "VirtualService shop/cart: removed" + both + "VirtualService shop/till: removed" + both,
				"the cluster does not serve the kind DestinationRule\nthe cluster does not serve the kind ServiceEntry\nthe cluster does not serve the kind WorkloadEntry\nthe cluster does not serve the kind Sidecar\n" + noPolicies + "removed the conditions of 2 of 3 objects\n",
			},
			writes: 2,
		},
		"a dry run, beside a control plane that runs": {
			args:    "--conditions --dry-run",
			answers: map[string]string{leaseOfMizzen: `{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","spec":{"holderIdentity":"mizzen-1","leaseDurationSeconds":15}}`},
			want: outcome{
				exitOK, "VirtualService shop/cart: would remove" + both + "VirtualService shop/till: would remove" + both,
				"the cluster does not serve the kind DestinationRule\nthe cluster does not serve the kind ServiceEntry\nthe cluster does not serve the kind WorkloadEntry\nthe cluster does not serve the kind Sidecar\n" + noPolicies + "would remove the conditions of 2 of 3 objects\n",
			},
		},
		"a control plane runs": {
			args:    "--conditions --timeout 500ms",
			answers: map[string]string{leaseOfMizzen: `{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","spec":{"holderIdentity":"mizzen-1","leaseDurationSeconds":15}}`},
			want: outcome{exitFailure, "", "waiting until replica mizzen-1, which holds the Lease mizzen-system/mizzen, has ended\n" +
				"controlplane: replica mizzen-1 still holds the Lease mizzen-system/mizzen after 500ms and would write the conditions again; no condition was removed. " +
				"Uninstall the control plane first, or stop it with --write-status=off\n"},
		},
		"one has just ended": {
			args:    "--conditions --timeout 500ms",
			answers: map[string]string{leaseOfMizzen: `{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","spec":{"holderIdentity":""}}`},
			want: outcome{exitFailure, "", "controlplane: whether a replica wants the Lease mizzen-system/mizzen is not known after 500ms; no condition was removed. " +
				"Raise --timeout\n"},
		},
		"one object cannot be written": {
			args:    "--conditions --namespace mesh",
			answers: map[string]string{"PUT /apis/networking.istio.io/v1/namespaces/shop/virtualservices/cart/status": ""},
			want: outcome{
				exitFailure, "VirtualService shop/till: removed" + both,
				"the cluster does not serve the kind DestinationRule\nVirtualService shop/cart: cannot remove its conditions: no\nthe cluster does not serve the kind ServiceEntry\nthe cluster does not serve the kind WorkloadEntry\nthe cluster does not serve the kind Sidecar\n" + noPolicies +
					"removed the conditions of 1 of 3 objects\ncontrolplane: 1 object kept conditions; run the command again\n",
			},
			writes: 1,
		},
		"there is no right to list": {
			args:    "--conditions",
			answers: map[string]string{"GET /apis/networking.istio.io/v1/virtualservices": ""},
			want: outcome{
				exitFailure, "", "the cluster does not serve the kind DestinationRule\nremoved the conditions of 0 of 0 objects\n" +
					"controlplane: list objects of kind VirtualService: no\n",
			},
		},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			answers, writes := installed(), 0
			maps.Copy(answers, test.answers)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				answer, found := answers[r.Method+" "+r.URL.Path]
				w.Header().Set("Content-Type", "application/json")
				switch {
				case !found:
					w.WriteHeader(http.StatusNotFound)
					answer = `{"apiVersion":"v1","kind":"Status","status":"Failure","reason":"NotFound","code":404,"message":"not found"}`
				case answer == "":
					w.WriteHeader(http.StatusForbidden)
					answer = `{"apiVersion":"v1","kind":"Status","status":"Failure","reason":"Forbidden","code":403,"message":"no"}`
				case r.Method == http.MethodPut:
					writes++
				}
				_, _ = w.Write([]byte(answer)) // the test misses it
			}))
			defer server.Close()
			kubeconfig := writeKubeconfig(t, server.URL)
			got := command(t.Context(), "", append([]string{"uninstall", "--kubeconfig", kubeconfig}, strings.Fields(test.args)...)...)
			test.want.err = "asking the cluster at " + server.URL + "\n" + test.want.err
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(outcome{})); diff != "" {
				t.Errorf("outcome (-want +got):\n%s", diff)
			}
			if writes != test.writes {
				t.Errorf("got %d writes, want %d", writes, test.writes)
			}
		})
	}
}
