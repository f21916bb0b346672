package xds

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/proto"
)

// TestHTTPCases makes random calls by random rules, the cases of the Java agent's ExplainTest: the client decides as
// `controlplane explain --http` says.
func TestHTTPCases(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cases.json")
	generate := exec.CommandContext(t.Context(), "go", "test", "-count=1", "-run=^TestHTTPCases$", "./internal/explain", "-args", "-cases="+file)
	generate.Dir = "../../.."
	if output, err := generate.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var worlds []struct {
		Rules string
		Table []byte
		Cases []struct {
			Method, Scheme, Authority, Path, Query string
			Headers                                map[string]string
			Want                                   []string
		}
	}
	if err := json.Unmarshal(text, &worlds); err != nil {
		t.Fatal(err)
	}
	cases := 0
	for _, world := range worlds {
		config := &routev3.RouteConfiguration{}
		if err := proto.Unmarshal(world.Table, config); err != nil {
			t.Fatal(err)
		}
		routes, err := readRoutes("t", config)
		if err != nil {
			t.Fatalf("%v\n%s", err, world.Rules)
		}
		for _, one := range world.Cases {
			call := Call{
				Host: "web", Path: one.Path, HTTP: &HTTP{Method: one.Method, Scheme: one.Scheme, Authority: one.Authority, Query: one.Query},
				Header: func(name string) (string, bool) { v, ok := one.Headers[name]; return v, ok },
			}
			if got := decision(routes, call); !slices.Equal(got, one.Want) {
				t.Fatalf("%+v\nby %s\ngot  %s\nwant %s", one, world.Rules, strings.Join(got, "\n     "), strings.Join(one.Want, "\n     "))
			}
			cases++
		}
	}
	if cases < 5000 {
		t.Errorf("got %d cases, want at least 5000", cases)
	}
}

// decision describes what becomes of a call, in the words of the cases.
func decision(table *routeTable, call Call) []string {
	r, err := table.find(call)
	if err != nil {
		return []string{strings.TrimSuffix(err.Error(), " of t matches")}
	}
	at, all := 0, table.host(call.Host).routes
	for r != &all[at] {
		at++
	}
	out := []string{fmt.Sprintf("route %d: %s", at, strings.Join(settings(r, call), "; "))}
	if r.fault != nil && r.fault.aborted == 1 {
		return append(out, fmt.Sprintf("status %d location  body ", r.fault.status))
	}
	if r.http.answers() {
		a := r.http.answer(call)
		return append(out, fmt.Sprintf("status %d location %s body %s", a.Status, strings.Join(a.Header["location"], ""), a.Body))
	}
	x := exchange{call: call, route: r, path: call.Path}
	if r.http.rewrite != nil {
		x.path = r.http.rewrite(call.Path)
	}
	for _, s := range r.clusters {
		sent := x.sent(Target{}, s)
		query := call.HTTP.Query
		if query != "" {
			query = "?" + query
		}
		out = append(out, fmt.Sprintf("%s weight %d gets %s %s%s host %s request %s response %s",
			s.cluster, s.weight, call.HTTP.Method, sent.Path, query, s.authority, recorded(s.request, call), recorded(s.response, call)))
	}
	for _, m := range r.http.mirrors {
		out = append(out, fmt.Sprintf("copy of %s to %s", percent(float64(m.weight)/mirrorUnit), m.cluster))
	}
	return out
}

func settings(r *route, call Call) (all []string) {
	if r.timeout > 0 {
		all = append(all, fmt.Sprintf("timeout %v", r.timeout))
	}
	if p := r.retry; p.attempts > 0 {
		var on []string
		for _, name := range retriedHTTP {
			if p.http[name] {
				on = append(on, name)
			}
		}
		text := fmt.Sprintf("up to %d retries on %s, after %v at least", p.attempts, strings.Join(on, ","), p.base)
		if p.attempts == 1 {
			text = strings.Replace(text, "retries", "retry", 1)
		}
		if p.elsewhere {
			text += ", on other endpoints if there are any"
		}
		all = append(all, text)
		if len(p.statuses) > 0 {
			all = append(all, "retriable status codes "+strings.Trim(fmt.Sprint(p.statuses), "[]"))
		}
	}
	if r.retry.perTry > 0 {
		all = append(all, fmt.Sprintf("timeout of each attempt %v", r.retry.perTry))
	}
	for _, edit := range r.http.response {
		if text := recorded(edits{edit}, call); text != "" {
			all = append(all, "in the response: "+text)
		}
	}
	if f := r.fault; f != nil && f.delay > 0 {
		all = append(all, percent(f.delayed)+" of the calls are delayed by "+f.delay.String())
	}
	if f := r.fault; f != nil && f.status > 0 {
		all = append(all, percent(f.aborted)+" of the calls end with HTTP status "+strconv.Itoa(f.status))
	}
	return all
}

func percent(share float64) string {
	return strconv.FormatFloat(float64(int(share*1e6+0.5))/1e4, 'f', -1, 64) + " %"
}

// recorder writes down what is done to headers.
type recorder struct{ all []string }

func (r *recorder) Has(string) bool        { return false }
func (r *recorder) Set(name, value string) { r.all = append(r.all, "set "+name+": "+value) }
func (r *recorder) Add(name, value string) { r.all = append(r.all, "add "+name+": "+value) }
func (r *recorder) Remove(name string)     { r.all = append(r.all, "remove "+name) }

func recorded(e edits, call Call) string {
	r := &recorder{}
	e.apply(r, call)
	return strings.Join(r.all, "; ")
}
