package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// adminAt starts a fake admin server. It serves the texts of a path one after the other, and repeats the last one.
func adminAt(t *testing.T, answers map[string][]string) string {
	t.Helper()
	asked := map[string]*atomic.Int64{}
	for path := range answers {
		asked[path] = &atomic.Int64{}
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		all := answers[r.URL.Path]
		if len(all) == 0 {
			http.NotFound(w, r)
			return
		}
		n := int(asked[r.URL.Path].Add(1)) - 1
		w.Write([]byte(all[min(n, len(all)-1)]))
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func TestInspectMergesReplicas(t *testing.T) {
	const shared = `{"code":"InvalidRegex","severity":"error","object":{"kind":"VirtualService","namespace":"demo","name":"echo"},"field":"f","message":"m"}`
	const alone = `{"code":"Refused","severity":"error","object":{"kind":"VirtualService","namespace":"demo","name":"echo"},"message":"no"}`
	const client = `{"node":"n","peer":"p","agent":"gRPC Go","namespace":"demo","since":"2026-01-02T03:04:05Z","types":[]}`
	a := adminAt(t, map[string][]string{"/api/problems": {"[" + shared + "]"}, "/api/clients": {"[" + client + "]"}})
	b := adminAt(t, map[string][]string{"/api/problems": {"[" + shared + "," + alone + "]"}, "/api/clients": {"[" + client + "]"}})
	for name, test := range map[string]struct {
		args []string
		want []string
	}{
		"what all know is one row": {[]string{"problems"}, []string{
			"REPLICA SEVERITY CODE OBJECT FIELD MESSAGE",
			a + "," + b + " error InvalidRegex VirtualService demo/echo f m",
			b + " error Refused VirtualService demo/echo no",
		}},
		"clients are each replica's own": {[]string{"clients"}, []string{
			"REPLICA NODE PEER IDENTITY AGENT NAMESPACE SINCE TYPE NAMES HELD PENDING REFUSED", a + " n p -", b + " n p -",
		}},
		"as JSON, items say whose they are": {[]string{"problems", "-o", "json"}, []string{
			`"replica": "` + a + `"`, `"replica": "` + b + `"`, `"replica": "` + b + `"`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			got := command(t.Context(), "", append([]string{"inspect", "--address", a + "," + b}, test.args...)...)
			if got.code != exitOK {
				t.Fatalf("got exit code %d: %s", got.code, got.err)
			}
			var lines []string
			for line := range strings.Lines(got.stdout) {
				line = strings.Join(strings.Fields(line), " ")
				if test.args[len(test.args)-1] != "json" || strings.Contains(line, "replica") {
					lines = append(lines, line)
				}
			}
			if len(lines) != len(test.want) {
				t.Fatalf("got %q, want %q", lines, test.want)
			}
			for i, want := range test.want {
				if !strings.HasPrefix(lines[i], want) {
					t.Errorf("line %d: got %q, want %q", i, lines[i], want)
				}
			}
		})
	}
}

func TestInspectNamesTheReplicaThatFails(t *testing.T) {
	a := adminAt(t, map[string][]string{"/api/problems": {"[]"}})
	got := command(t.Context(), "", "inspect", "problems", "--address", a+","+adminAt(t, nil))
	if got.code != exitFailure || !strings.Contains(got.err, "replica 127.0.0.1:") {
		t.Errorf("got exit code %d and %q, want 1 and the replica's name", got.code, got.err)
	}
}

// TestWaitForReadiness: a control plane that is not ready reports nothing as pending, because it knows no objects.
func TestWaitForReadiness(t *testing.T) {
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/readyz" && asked.Add(1) < 3 {
			http.Error(w, "the source was not completely read yet", http.StatusServiceUnavailable)
			return
		}
		w.Write([]byte("[]"))
	}))
	defer server.Close()
	args := []string{"inspect", "wait", "--address", strings.TrimPrefix(server.URL, "http://"), "--timeout"}
	got := command(t.Context(), "", append(args, "100ms")...)
	if got.code != exitFailure || !strings.Contains(got.err, "is not ready: the source was not completely read yet") {
		t.Errorf("got exit code %d and %q, want 1 and what it waits for", got.code, got.err)
	}
	if got := command(t.Context(), "", append(args, "10s")...); got.code != exitOK || asked.Load() < 3 {
		t.Errorf("got exit code %d and %q after %d requests, want 0 once it is ready", got.code, got.err, asked.Load())
	}
}

func TestWaitForAcknowledged(t *testing.T) {
	delivery := func(rest string) string {
		return `[{"object":{"kind":"VirtualService","namespace":"shop","name":"cart"},` + rest + `},
			{"object":{"kind":"Service","namespace":"shop","name":"other"},"clients":1,"pending":1}]`
	}
	done := delivery(`"generation":2,"clients":3,"pending":0`)
	late := delivery(`"generation":2,"clients":3,"pending":1`)
	refused := delivery(`"generation":2,"clients":3,"pending":0,"refusals":["gRPC Go 1.60.0 rejected RouteConfiguration x:\u001bno"]`)
	cart := []string{"VirtualService", "shop/cart"}
	for name, test := range map[string]struct {
		first, second []string
		args          []string
		code          int
		says          string
	}{
		"when it is so at once":            {[]string{done}, []string{done}, cart, exitOK, ""},
		"when the last replica has it":     {[]string{done}, []string{late, late, done}, cart, exitOK, ""},
		"when it becomes known":            {[]string{"[]", done}, []string{done}, cart, exitOK, ""},
		"time is over":                     {[]string{done}, []string{late}, append(cart, "--timeout", "1s"), exitFailure, "not within 1s: 1 of 3 clients have not acknowledged VirtualService shop/cart (replica "},
		"it is unknown":                    {[]string{"[]"}, []string{done}, append(cart, "--timeout", "1s"), exitFailure, "VirtualService shop/cart is not known yet (replica "},
		"everything counts if none named":  {[]string{done}, []string{done}, []string{"--timeout", "1s"}, exitFailure, "1 of 1 clients have not acknowledged Service shop/other"},
		"a refusal ends it":                {[]string{done}, []string{refused}, cart, exitFailure, "clients reject resources of VirtualService shop/cart: gRPC Go 1.60.0 rejected RouteConfiguration x: no (replica "},
		"what cannot be waited for":        {nil, nil, []string{"--for", "luck"}, exitUsage, "--for must be acknowledged"},
		"a name without a namespace":       {nil, nil, []string{"VirtualService", "cart"}, exitUsage, "is not a VirtualService or DestinationRule NAMESPACE/NAME"},
		"a kind that is not waited for":    {nil, nil, []string{"Service", "shop/cart"}, exitUsage, "is not a VirtualService or DestinationRule NAMESPACE/NAME"},
		"a kind without a name":            {nil, nil, []string{"VirtualService"}, exitUsage, "write objects as KIND NAMESPACE/NAME"},
		"an address and a cluster at once": {nil, nil, []string{"--context", "x"}, exitUsage, "--address excludes --kubeconfig"},
	} {
		t.Run(name, func(t *testing.T) {
			a := adminAt(t, map[string][]string{"/api/deliveries": test.first})
			b := adminAt(t, map[string][]string{"/api/deliveries": test.second})
			got := command(t.Context(), "", append([]string{"inspect", "wait", "--address", a, "--address", b}, test.args...)...)
			if got.code != test.code || !strings.Contains(got.err, test.says) {
				t.Errorf("got exit code %d and %q, want %d and %q", got.code, got.err, test.code, test.says)
			}
			if diff := cmp.Diff("", got.stdout); diff != "" {
				t.Errorf("output (-want +got):\n%s", diff)
			}
		})
	}
}
