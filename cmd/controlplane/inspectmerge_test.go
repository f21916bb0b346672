package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

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
	unknown := func(name, node, since string, clients int) string {
		return fmt.Sprintf(`{"name":"%s","namespace":"demo","clients":%d,"examples":[{"node":"%s","since":"%s"}],"since":"%[4]s","near":[{"text":"hm"}]}`, name, clients, node, since)
	}
	const early, late = "2026-01-02T03:04:05Z", "2026-01-02T03:04:06Z"
	a := adminAt(t, map[string][]string{
		"/api/problems": {"[" + shared + "]"}, "/api/clients": {"[" + client + "]"},
		"/api/unknown": {"[" + unknown("ehco", "a", late, 1) + "," + unknown("other", "a", late, 1) + "]"},
	})
	b := adminAt(t, map[string][]string{
		"/api/problems": {"[" + shared + "," + alone + "]"}, "/api/clients": {"[" + client + "]"},
		"/api/unknown": {"[" + unknown("ehco", "b", early, 4) + "]"},
	})
	at := func(text string) string {
		moment, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return moment.Local().Format(time.DateTime)
	}
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
			"REPLICA NODE NAMESPACE IDENTITY CLIENT SINCE HELD PENDING REFUSED", a + " n demo -", b + " n demo -",
		}},
		"an unknown name is one row": {[]string{"unknown", "-o", "wide"}, []string{
			"REPLICA NAME NAMESPACE CLIENTS SINCE DIALED BY NEAREST",
			a + "," + b + " ehco demo 5 " + at(early) + " b, a, and 3 more hm", a + " other demo 1 " + at(late) + " a hm",
		}},
		"an unknown name is one item": {[]string{"unknown", "-o", "json"}, []string{`"replica": "` + a + `,` + b + `"`, `"replica": "` + a + `"`}},
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

// TestInspectShowsWhatAnswered although a replica does not; the exit code says that it is not all.
func TestInspectShowsWhatAnswered(t *testing.T) {
	a := adminAt(t, map[string][]string{"/api/problems": {`[{"code":"C","severity":"error","object":{"kind":"Service","namespace":"n","name":"s"},"message":"m"}]`}})
	down := adminAt(t, nil)
	got := command(t.Context(), "", "inspect", "problems", "-o", "name", "--address", a+","+down)
	if got.code != exitFailure || !strings.Contains(got.err, "replica "+down) || got.stdout != "service n/s\n" {
		t.Errorf("got exit code %d, %q and %q, want 1, the Problem, and the replica's name", got.code, got.stdout, got.err)
	}
	got = command(t.Context(), "", "inspect", "problems", "--address", down+","+down)
	if got.code != exitFailure || strings.Count(got.err, "replica "+down) != 2 || got.stdout != "" {
		t.Errorf("got exit code %d, %q and %q, want 1, and each replica", got.code, got.stdout, got.err)
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
	broken := delivery(`"generation":2,"clients":3,"pending":0,"problems":[{"code":"NoCertificate","severity":"error",
		"object":{"kind":"VirtualService","namespace":"shop","name":"cart"},"field":"spec.x","message":"Its calls\u001bfail."}]`)
	empty := strings.Replace(strings.Replace(broken, `"error"`, `"warning"`, 1), "NoCertificate", "EmptySubset", 1)
	both := strings.Replace(broken, `"problems":[`, `"problems":[{"code":"EmptySubset","severity":"warning","object":{"kind":"VirtualService","namespace":"shop","name":"cart"},"message":"m"},`, 1)
	cart := []string{"VirtualService", "shop/cart"}
	twice := strings.Replace(done, `"kind":"Service","namespace":"shop","name":"other"`, `"kind":"VirtualService","namespace":"shop2","name":"cart"`, 1)
	const met = "VirtualService shop/cart condition met\n"
	for name, test := range map[string]struct {
		first, second []string
		args          []string
		code          int
		says          string
		out           string
	}{
		"when it is so at once":                 {[]string{done}, []string{done}, cart, exitOK, "", met},
		"when the last replica has it":          {[]string{done}, []string{late, late, done}, cart, exitOK, "waiting: 1 of 3 clients have not acknowledged VirtualService shop/cart (replica ", met},
		"when it becomes known":                 {[]string{"[]", done}, []string{done}, cart, exitOK, "waiting: VirtualService shop/cart is not known yet", met},
		"KIND/NAME in a namespace":              {[]string{done}, []string{done}, []string{"vs/cart", "-n", "shop"}, exitOK, "", met},
		"KIND/NAME in any namespace":            {[]string{done}, []string{done}, []string{"vs/cart"}, exitOK, "", "VirtualService cart condition met\n"},
		"KIND NAME":                             {[]string{done}, []string{done}, []string{"virtualservices", "cart", "--for", "condition=Acknowledged"}, exitOK, "", "VirtualService cart condition met\n"},
		"KIND.GROUP/NAME":                       {[]string{done}, []string{done}, []string{"virtualservice.networking.istio.io/cart", "-n=shop"}, exitOK, "", met},
		"KIND.VERSION.GROUP NAMESPACE/NAME":     {[]string{done}, []string{done}, []string{"virtualservices.v1beta1.networking.istio.io", "shop/cart"}, exitOK, "", met},
		"all":                                   {[]string{"[]"}, []string{"[]"}, nil, exitOK, "", "all rules: condition met\n"},
		"a name of several":                     {[]string{twice}, []string{twice}, []string{"vs/cart"}, exitFailure, "VirtualService cart is in several namespaces, shop, shop2: choose one with -n", ""},
		"time is over":                          {[]string{done}, []string{late}, append(cart, "--timeout", "1s"), exitFailure, "not within 1s: 1 of 3 clients have not acknowledged VirtualService shop/cart (replica ", ""},
		"it is unknown":                         {[]string{"[]"}, []string{done}, append(cart, "--timeout", "1s"), exitFailure, "VirtualService shop/cart is not known yet (replica ", ""},
		"a similar name is known":               {[]string{done}, []string{done}, []string{"vs", "shop/crat", "--timeout", "1s"}, exitFailure, "VirtualService shop/crat is not known yet: did you mean VirtualService shop/cart? (replica ", ""},
		"everything counts if none named":       {[]string{done}, []string{done}, []string{"--timeout", "1s"}, exitFailure, "1 of 1 clients have not acknowledged Service shop/other", ""},
		"a refusal ends it":                     {[]string{done}, []string{refused}, cart, exitFailure, "clients reject resources of VirtualService shop/cart: gRPC Go 1.60.0 rejected RouteConfiguration x: no (replica ", ""},
		"an error of clients ends it":           {[]string{done}, []string{broken}, cart, exitFailure, "VirtualService shop/cart is not in effect for connected clients: NoCertificate spec.x: Its calls fail. (replica ", ""},
		"an error after what may still come":    {[]string{done}, []string{both}, cart, exitFailure, "VirtualService shop/cart is not in effect for connected clients: NoCertificate", ""},
		"endpoints come":                        {[]string{done}, []string{empty, empty, done}, cart, exitOK, "waiting: VirtualService shop/cart is not in effect yet: EmptySubset spec.x: Its calls fail. (replica ", met},
		"endpoints do not come":                 {[]string{done}, []string{empty}, append(cart, "--timeout", "1s"), exitFailure, "not within 1s: VirtualService shop/cart is not in effect yet: EmptySubset", ""},
		"asked once":                            {[]string{done}, []string{done}, append(cart, "--timeout", "0s"), exitOK, "", met},
		"asked once, not met":                   {[]string{done}, []string{late}, append(cart, "--timeout", "0s"), exitFailure, "controlplane: not met: 1 of 3 clients have not acknowledged VirtualService shop/cart (replica ", ""},
		"a negative time":                       {nil, nil, append(cart, "--timeout", "-1s"), exitUsage, "--timeout must not be negative", ""},
		"what cannot be waited for":             {nil, nil, []string{"--for", "luck"}, exitUsage, "--for must be acknowledged", ""},
		"a kind that is not waited for":         {nil, nil, []string{"Service", "shop/cart"}, exitUsage, "is not a rule: write vs/NAME, or VirtualService NAMESPACE/NAME", ""},
		"a kind without a name":                 {nil, nil, []string{"VirtualService"}, exitUsage, "VirtualService has no name: write objects as KIND NAMESPACE/NAME", ""},
		"an address and a cluster at once":      {nil, nil, []string{"--context", "x"}, exitUsage, "--address excludes --kubeconfig", ""},
		"a kind of a short name without a name": {nil, nil, []string{"vs"}, exitUsage, "vs has no name", ""},
		"too many slashes":                      {nil, nil, []string{"vs", "a/b/c"}, exitUsage, "cannot be the name of an object", ""},
		"no namespace before the slash":         {nil, nil, []string{"vs", "/a"}, exitUsage, "cannot be a namespace", ""},
		"no name after the slash":               {nil, nil, []string{"vs", "a/"}, exitUsage, "cannot be the name of an object", ""},
		"kind, namespace and name":              {nil, nil, []string{"vs/a/b"}, exitUsage, "write the namespace with -n", ""},
		"kind and slash":                        {nil, nil, []string{"vs/"}, exitUsage, "cannot be the name of an object", ""},
		"a slash alone":                         {nil, nil, []string{"/a"}, exitUsage, "is not a rule", ""},
		"a name in upper case":                  {nil, nil, []string{"vs/Cart"}, exitUsage, "cannot be the name of an object", ""},
		"a name without a kind":                 {nil, nil, []string{"cart"}, exitUsage, "is not a rule", ""},
		"another group":                         {nil, nil, []string{"vs.example.com/cart"}, exitUsage, "is not a rule", ""},
		"another version":                       {nil, nil, []string{"vs.v9.networking.istio.io/cart"}, exitUsage, "is not a rule", ""},
		"two namespaces":                        {nil, nil, []string{"vs", "shop/cart", "-n", "other"}, exitUsage, "is not in the namespace of -n other", ""},
		"a namespace that cannot be":            {nil, nil, []string{"vs/cart", "-n", "a/b"}, exitUsage, "is not a namespace", ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := adminAt(t, map[string][]string{"/api/deliveries": test.first})
			b := adminAt(t, map[string][]string{"/api/deliveries": test.second})
			got := command(t.Context(), "", append([]string{"inspect", "wait", "--address", a, "--address", b}, test.args...)...)
			if got.code != test.code || !strings.Contains(got.err, test.says) {
				t.Errorf("got exit code %d and %q, want %d and %q", got.code, got.err, test.code, test.says)
			}
			if diff := cmp.Diff(test.out, got.stdout); diff != "" {
				t.Errorf("output (-want +got):\n%s", diff)
			}
		})
	}
}

// TestWaitInterrupted: an interrupt is not the end of the time.
func TestWaitInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/deliveries" {
			defer cancel()
		}
		_, _ = w.Write([]byte("[]")) // the test would fail
	}))
	defer server.Close()
	got := command(ctx, "", "inspect", "wait", "vs/cart", "--address", strings.TrimPrefix(server.URL, "http://"))
	if got.code != exitFailure || !strings.Contains(got.err, "interrupted after 0s: ") || strings.Contains(got.err, "not within") {
		t.Errorf("got exit code %d and %q, want 1, and that it was interrupted", got.code, got.err)
	}
}
