package rollout

import (
	"strings"
	"testing"
	"time"

	"github.com/mizzen-mesh/mizzen/internal/load"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// TestRename replaces a VirtualService by another object for the same host. While there are two versions, the routes of every client are made of
// both objects.
func TestRename(t *testing.T) {
	for name, test := range map[string]struct {
		old, renamed string
		// rest are the calls of the other clients before, and first and restAfter those of both parts since.
		rest, first, restAfter uint64
		want                   mesh.RolloutStage
	}{
		"calls go on": {"a", "b", 1000, 200, 1000, mesh.RolloutNone},
		"calls go on, and the new one sorts first":      {"b", "a", 1000, 200, 1000, mesh.RolloutNone},
		"the others begin to call":                      {"a", "b", 0, 200, 1000, mesh.RolloutNone},
		"the others begin, and the new one sorts first": {"b", "a", 0, 200, 1000, mesh.RolloutNone},
		"calls stop": {"a", "b", 1000, 0, 1000, mesh.RolloutAborted},
		"calls stop, and the new one sorts first": {"b", "a", 1000, 0, 1000, mesh.RolloutAborted},
	} {
		t.Run(name, func(t *testing.T) {
			host := func(name string) string {
				return rule(name, "", "hosts: [echo], http: [{timeout: 1s, route: [{destination: {host: echo}}]}]")
			}
			r := newReplica(t, true)
			r.apply(rolledNamespace+echoService+host(test.old), 1, "")
			r.connect(1, &snapshot.Versioned{Refs: []mesh.Ref{{Kind: "VirtualService", Namespace: "demo", Name: test.old}, {Kind: "VirtualService", Namespace: "demo", Name: test.renamed}}})
			r.wait(time.Second)
			for range 3 {
				r.callsOn(1, 200, test.old)
				r.callsOn(500, test.rest, test.old)
				r.wait(time.Minute)
			}
			r.assembler.Apply(map[object.Key]*object.Object{{Kind: object.KindVirtualService, Namespace: "demo", Name: test.old}: nil}, nil)
			r.apply(host(test.renamed), 1, "")
			r.wait(time.Second)
			r.wait(time.Second)
			r.callsOn(1, test.first, test.old+" "+test.renamed)
			r.callsOn(500, test.restAfter, test.old+" "+test.renamed)
			if state := r.wait(2 * time.Minute); state.Stage != test.want {
				t.Errorf("got %+v, want stage %s", state, test.want)
			}
		})
	}
}

// TestSilence: a change after which clients nearly stop calling is taken back, by workload, and nothing but that change is to blame.
func TestSilence(t *testing.T) {
	type part struct{ before, after uint64 }
	type workload struct {
		name        string
		first, rest part
		// left is set if its client in the first part ends.
		left bool
	}
	for name, test := range map[string]struct {
		workloads []workload
		want      mesh.RolloutStage
		text      string
	}{
		"one stops, and another has most calls":      {[]workload{{"web", part{200, 0}, part{1000, 1000}, false}, {"batch", part{50_000, 50_000}, part{50_000, 50_000}, false}}, mesh.RolloutAborted, "workload demo/web: "},
		"one stops, and its client ends":             {[]workload{{"web", part{200, 200}, part{1000, 1000}, false}, {"batch", part{50_000, 0}, part{50_000, 50_000}, true}}, mesh.RolloutNone, ""},
		"its calls move to its other clients":        {[]workload{{"web", part{200, 200}, part{1000, 1000}, false}, {"leader", part{5000, 0}, part{0, 5000}, false}}, mesh.RolloutNone, ""},
		"its other clients stop, too":                {[]workload{{"web", part{200, 200}, part{1000, 1000}, false}, {"batch", part{5000, 0}, part{50_000, 0}, false}}, mesh.RolloutNone, ""},
		"one stops that has no other clients":        {[]workload{{"web", part{200, 200}, part{1000, 1000}, false}, {"one", part{5000, 0}, part{0, 0}, false}}, mesh.RolloutAborted, "workload demo/one: "},
		"one stops, and the others, who are no rest": {[]workload{{"web", part{200, 200}, part{1000, 100}, false}, {"one", part{5000, 0}, part{0, 0}, false}}, mesh.RolloutNone, ""},
		"several with few calls stop":                {[]workload{{"a", part{60, 0}, part{300, 300}, false}, {"b", part{60, 0}, part{300, 300}, false}, {"web", part{200, 200}, part{1000, 1000}, false}}, mesh.RolloutAborted, "workloads with few calls"},
		"no client is proved":                        {[]workload{{"unproved", part{200, 0}, part{1000, 1000}, false}}, mesh.RolloutAborted, "unproved"},
		"those not proved stop with a proved one":    {[]workload{{"unproved", part{200, 200}, part{1000, 0}, false}, {"web", part{200, 0}, part{1000, 1000}, false}}, mesh.RolloutAborted, "workload demo/web: "},
		"one stops, and its other clients grow":      {[]workload{{"web", part{1000, 0}, part{9000, 9600}, false}, {"batch", part{1000, 1000}, part{9000, 9000}, false}}, mesh.RolloutAborted, "workload demo/web: "},
		"there are no proved others":                 {[]workload{{"unproved", part{500, 500}, part{2000, 2000}, false}, {"one", part{5000, 0}, part{0, 0}, false}}, mesh.RolloutRunning, "there are no others that called before, with which to compare them: VirtualService demo/cart, workload demo/one: "},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReplica(t, true)
			r.apply(echoService+version("1s"), 1, mesh.ReasonPromoted)
			call := func(count func(part) uint64) {
				for _, w := range test.workloads {
					if n := count(w.first); n > 0 {
						r.callsFrom(w.name, 1, n, 0, "cart")
					}
					if n := count(w.rest); n > 0 {
						r.callsFrom(w.name, 500, n, 0, "cart")
					}
				}
			}
			for _, w := range test.workloads {
				r.connectFrom(w.name, 1, &snapshot.Versioned{Refs: []mesh.Ref{cart}})
			}
			r.wait(time.Second)
			for range 3 {
				call(func(p part) uint64 { return p.before })
				r.wait(time.Minute)
			}
			r.apply(version("2s"), 2, "")
			r.wait(time.Second)
			r.clients = nil
			for _, w := range test.workloads {
				if !w.left {
					r.connectFrom(w.name, 1, &snapshot.Versioned{Refs: []mesh.Ref{cart}})
				}
			}
			r.wait(time.Second)
			call(func(p part) uint64 { return p.after })
			if state := r.wait(time.Minute); state.Stage != test.want || !strings.Contains(state.Message, test.text) {
				t.Errorf("got %+v, want stage %s with %q", state, test.want, test.text)
			}
		})
	}
}

// callsOn is calls for a client whose route to the Service is made of several objects.
func (r *replica) callsOn(bucket uint16, n uint64, names string) {
	if n == 0 {
		return
	}
	route := []mesh.Ref{{Kind: "Service", Namespace: "demo", Name: "echo"}}
	for name := range strings.FieldsSeq(names) {
		route = append(route, mesh.Ref{Kind: "VirtualService", Namespace: "demo", Name: name})
	}
	r.callsAlong("web", bucket, n, 0, load.Rules{Cluster: route[:1], Routes: [][]mesh.Ref{route}})
}
