package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// answers are the responses of a fake admin server.
var answers = map[string]string{
	"/api/clients": `[
		{"node":"a","peer":"127.0.0.1:1","identity":"pod/demo/a","agent":"gRPC Go","version":"1.85.0","namespace":"demo","since":"2026-01-02T03:04:05Z","types":[
			{"type":"Listener","names":["echo"],"held":1,"pending":1},
			{"type":"Cluster","names":["x","y"],"wildcard":true,"held":1,"refused":{"y":"bad"}}]},
		{"node":"\u001b[2Jb\nc","peer":"127.0.0.1:2","agent":"unknown","namespace":"default","since":"2026-01-02T03:04:05Z","types":[]}]`,
	"/api/resources": `[{"type":"Listener","name":"nobody","version":"def","subscribers":1,"origins":[]},{"type":"Cluster","name":"outbound|7070||echo","version":"abc","subscribers":2,"origins":[
		{"kind":"Service","namespace":"demo","name":"echo"},{"kind":"DestinationRule","namespace":"demo","name":"echo"}]}]`,
	"/api/unknown": `[{"name":"gretter:50051","namespace":"demo","clients":4,"examples":[{"node":"a","identity":"pod/demo/a","since":"2026-01-02T03:04:05Z"},
		{"node":"\u001b[2Jb","since":"2026-01-02T03:04:05Z"}],"since":"2026-01-02T03:04:05Z","near":[{"dial":"greeter:50051","text":"did you mean greeter:50051?"}]},
		{"name":"nobody","namespace":"shop","clients":1,"examples":[{"node":"c","since":"2026-01-02T03:04:05Z"}],"since":"2026-01-02T03:04:05Z","near":null}]`,
	"/api/clusters": `[{"name":"b","state":"frozen","read":true,"lostSince":"2026-01-02T03:04:05Z","changedAt":"2026-01-02T03:04:05Z","services":2,"endpoints":3,"pods":4,
		"objects":9,"network":"n","secret":"mizzen-system/s","reason":"Pod: no answer"},
		{"name":"c","state":"following","read":true,"services":0,"endpoints":0,"pods":0,"objects":0}]`,
	"/api/rollouts": `[{"object":{"kind":"VirtualService","namespace":"demo","name":"echo"},"percent":10,"window":"5m0s","stage":"Running","reason":"NoClients","objects":[]},
		{"object":{"kind":"Namespace","name":"demo"},"percent":10,"window":"5m0s","abort":true,"stage":"None","reason":"Promoted","objects":[]}]`,
	"/api/problems": `[{"code":"InvalidRegex","severity":"error","object":{"kind":"VirtualService","namespace":"demo","name":"echo"},
		"field":"spec.http[0].match[0].uri.regex","message":"it does not compile"}]`,
}

func TestInspect(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if answers[r.URL.Path] == "" {
			http.NotFound(w, r)
			return
		}
		w.Write([]byte(answers[r.URL.Path]))
	}))
	defer server.Close()
	address := strings.TrimPrefix(server.URL, "http://")
	since := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Local().Format(time.TimeOnly)
	day := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Local().Format(time.DateTime)

	cases := map[string]string{
		"clients": `NODE     NAMESPACE  IDENTITY    CLIENT          SINCE     HELD  PENDING  REFUSED
a        demo       pod/demo/a  gRPC Go 1.85.0  ` + since + `  2     1        1
 [2Jb c  default    -           unknown         ` + since + `  0     0        0
`,
		"clients -o wide": `NODE     PEER         IDENTITY    AGENT           NAMESPACE  SINCE     TYPE      NAMES  HELD  PENDING  REFUSED
a        127.0.0.1:1  pod/demo/a  gRPC Go 1.85.0  demo       ` + since + `  Listener  1      1     1        0
                                                                       Cluster   2+*    1     0        1
 [2Jb c  127.0.0.1:2  -           unknown         default    ` + since + `  -         0      0     0        0
`,
		"resources": `TYPE      NAME                 VERSION  SUBSCRIBERS  ORIGINS
Listener  nobody               def      1
Cluster   outbound|7070||echo  abc      2            Service demo/echo, DestinationRule demo/echo
`,
		"problems": `SEVERITY  CODE          OBJECT                    FIELD                            MESSAGE
error     InvalidRegex  VirtualService demo/echo  spec.http[0].match[0].uri.regex  it does not compile
`,
		"unknown": `NAME           NAMESPACE  CLIENTS  SINCE                NEAREST
gretter:50051  demo       4        ` + day + `  did you mean greeter:50051?
nobody         shop       1        ` + day + `  -
`,
		"unknown gretter -n demo -o wide": `NAME           NAMESPACE  CLIENTS  SINCE                DIALED BY                      NEAREST
gretter:50051  demo       4        ` + day + `  pod/demo/a,  [2Jb, and 2 more  did you mean greeter:50051?
`,
		"clusters": `CLUSTER  STATE      SINCE                SERVICES  ENDPOINTS  PODS  CHANGED              NETWORK  SECRET           REASON
b        frozen     ` + day + `  2         3          4     ` + day + `  n        mizzen-system/s  Pod: no answer
c        following  -                    0         0          0     -                    -        -                -
`,
		"cluster b -o name":                 "cluster/b\n",
		"clusters -n mizzen-system -o name": "cluster/b\n",
		"rollouts -o name":                  "virtualservice demo/echo\nnamespace/demo\n",
		"unknown -o name":                   "unknown/gretter:50051\nunknown/nobody\n",
		"unknown nobody -o name":            "unknown/nobody\n",
		"unknown -n shop -o name":           "unknown/nobody\n",
		"unknown -n other -o yaml":          "[]\n",
		"clients -o name":                   "client/a\nclient/ [2Jb c\n",
		"resources -o name":                 "listener/nobody\ncluster/outbound|7070||echo\n",
		"problems -o name":                  "virtualservice demo/echo\n",
		"client demo/a -o name":             "client/a\n",
		"clients pod/demo/a -oname":         "client/a\n",
		"clients -n demo -o name":           "client/a\n",
		"clients --host x -o name":          "client/a\n",
		"clients --type cds -o wide": `NODE  PEER         IDENTITY    AGENT           NAMESPACE  SINCE     TYPE     NAMES  HELD  PENDING  REFUSED
a     127.0.0.1:1  pod/demo/a  gRPC Go 1.85.0  demo       ` + since + `  Cluster  2+*    1     0        1
`,
		"sync --by client": `NODE     IDENTITY    CLIENT          LDS      RDS  CDS       EDS
a        pod/demo/a  gRPC Go 1.85.0  pending  -    rejected  -
 [2Jb c  -           unknown         -        -    -         -
`,
		"resources --type lds -o name":          "listener/nobody\n",
		"resources --type Clusters,lds -o name": "listener/nobody\ncluster/outbound|7070||echo\n",
		"resources --host echo:7070 -o name":    "cluster/outbound|7070||echo\n",
		"resources -n demo -o name":             "cluster/outbound|7070||echo\n",
		"resources nobody -o name":              "listener/nobody\n",
		"problems echo -o name":                 "virtualservice demo/echo\n",
		"problems InvalidRegex -n demo -o name": "virtualservice demo/echo\n",
		"problems demo/other -o yaml":           "[]\n",
		"resources nobody -o yaml":              "- name: nobody\n  origins: []\n  subscribers: 1\n  type: Listener\n  version: def\n",
		"problems -o wide": `SEVERITY  CODE          OBJECT                    FIELD                            SOURCE  MESSAGE
error     InvalidRegex  VirtualService demo/echo  spec.http[0].match[0].uri.regex  -       it does not compile
`,
	}
	for list, want := range cases {
		t.Run(list, func(t *testing.T) {
			args := append([]string{"inspect", "--address", address}, strings.Fields(list)...)
			got := command(t.Context(), "", args...)
			if diff := cmp.Diff(outcome{exitOK, want, "asking " + address + "\n"}, got, cmp.AllowUnexported(outcome{})); diff != "" {
				t.Errorf("outcome (-want +got):\n%s", diff)
			}
			if len(args) > 4 {
				return
			}
			got = command(t.Context(), "", append(args, "-o", "json")...)
			if got.code != exitOK || !strings.HasPrefix(got.stdout, "[\n  {\n    \"") {
				t.Errorf("as JSON: got exit code %d and %q, want 0 and an indented array", got.code, got.stdout)
			}
		})
	}
}

func TestInspectOfAnotherServer(t *testing.T) {
	cases := map[string]struct {
		handler http.HandlerFunc
		want    string
	}{
		"not found": {http.NotFound, "answers 404 Not Found: it is not the admin address of a control plane (see --address)"},
		"not ready": {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "wait", http.StatusServiceUnavailable) }, " is not ready: wait\n"},
		"gRPC":      {settings, " is a gRPC port, such as the xDS port: give the control plane's --admin-address"},
		"refusal":   {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "nobody dials x", http.StatusBadRequest) }, ": nobody dials x\n"},
		"not JSON":  {func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("hello")) }, "parse the answer of 127.0.0.1:"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(c.handler)
			defer server.Close()
			got := command(t.Context(), "", "inspect", "clients", "--address", strings.TrimPrefix(server.URL, "http://"))
			if got.code != exitFailure || !strings.Contains(got.err, c.want) {
				t.Errorf("got exit code %d and %q, want 1 and %q", got.code, got.err, c.want)
			}
		})
	}
}

// settings answers as a gRPC server does: with the frame that begins HTTP/2.
func settings(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	_, _ = conn.Write([]byte("\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x05\x00\x00\x40\x00")) // the test would fail
	_ = conn.Close()
}

// TestInspectWatch prints the list, and then the rows that change.
func TestInspectWatch(t *testing.T) {
	const problem = `{"code":"C","severity":"error","object":{"kind":"Service","namespace":"n","name":"%s"},"message":"m"}`
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		answers := []string{"[" + fmt.Sprintf(problem, "a") + "]", "[" + fmt.Sprintf(problem, "a") + "," + fmt.Sprintf(problem, "b") + "]", "[" + fmt.Sprintf(problem, "b") + "]"}
		if asked == len(answers) {
			cancel()
		}
		_, _ = w.Write([]byte(answers[min(asked, len(answers)-1)])) // the test would fail
		asked++
	}))
	defer server.Close()
	got := command(ctx, "", "inspect", "problems", "-w", "-o", "name", "--address", strings.TrimPrefix(server.URL, "http://"))
	const want = "service n/a\nservice n/b\ngone: service n/a\n"
	if got.code != exitOK || got.stdout != want {
		t.Errorf("got exit code %d, %q and %q, want 0 and %q", got.code, got.stdout, got.err, want)
	}
}

// TestInspectSync prints the same list under both names, from a control plane that only knows the older name.
func TestInspectSync(t *testing.T) {
	address := adminAt(t, map[string][]string{"/api/deliveries": {
		`[{"object":{"kind":"VirtualService","namespace":"shop","name":"cart"},"generation":3,"clients":2,"pending":1,"refusals":["no"]}]`,
	}})
	const want = "OBJECT                    GENERATION  CLIENTS  PENDING  REFUSALS\nVirtualService shop/cart  3           2        1        no\n"
	for _, list := range []string{"sync", "deliveries"} {
		got := command(t.Context(), "", "inspect", list, "--address", address)
		if got.code != exitOK || got.stdout != want {
			t.Errorf("inspect %s: got exit code %d, %q and %q, want 0 and %q", list, got.code, got.stdout, got.err, want)
		}
	}
}

// TestInspectNamesTheLine: a Problem about a file is shown with the line that cannot be parsed.
func TestInspectNamesTheLine(t *testing.T) {
	body := `[{"code":"Unreadable","severity":"error","object":{"kind":"File","name":"route.yaml"},"source":"route.yaml:7","message":"m"},
{"code":"Unreadable","severity":"error","object":{"kind":"File","name":"gone.yaml"},"source":"gone.yaml","message":"m"}]`
	rows, err := problemRows([]byte(body))
	if err != nil || len(rows) != 3 || rows[1][2] != "File route.yaml:7" || rows[2][2] != "File gone.yaml" {
		t.Errorf("got %v and %v, want the line of route.yaml", rows, err)
	}
}
