package explain

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/durationpb"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/test/seeds"
)

// randomRules are the VirtualServices of a random world, by namespace/name.
type randomRules struct {
	*rand.Rand

	specs map[string]*networking.VirtualService
	// rules counts the rules, so that each has a timeout of its own by which its calls are known.
	rules int
}

func pick[T any](r *randomRules, from ...T) T { return from[r.IntN(len(from))] }

// newRandomRules makes VirtualServices that cover, hide and exclude each other often.
func newRandomRules(seed uint64) *randomRules {
	r := &randomRules{Rand: rand.New(rand.NewPCG(seed, 1)), specs: map[string]*networking.VirtualService{}}
	for i := range 1 + r.IntN(3) {
		spec := &networking.VirtualService{Hosts: pick(r, []string{"echo.demo"}, []string{"echo.demo"}, []string{"echo.demo", "other.demo"},
			[]string{"*.demo.svc.cluster.local"}, []string{"other.demo", "*.demo.svc.cluster.local"})}
		spec.ExportTo = pick(r, nil, nil, []string{"."}, []string{"shop"})
		spec.Gateways = pick(r, nil, nil, []string{"mesh", "edge"})
		r.fill(spec, true)
		r.specs[pick(r, "demo", "demo", "shop")+"/v"+strconv.Itoa(i)] = spec
	}
	delegate := &networking.VirtualService{}
	r.fill(delegate, false)
	r.specs["demo/d"] = delegate
	return r
}

func (r *randomRules) fill(spec *networking.VirtualService, root bool) {
	for range r.IntN(5) {
		r.rules++
		rule := &networking.HTTPRoute{Timeout: durationpb.New(1e9 * 0)}
		rule.Timeout.Seconds = int64(r.rules)
		for range r.IntN(4) {
			rule.Match = append(rule.Match, r.match())
		}
		if root && r.IntN(4) == 0 {
			rule.Delegate = &networking.Delegate{Name: "d", Namespace: "demo"}
		} else {
			rule.Route = []*networking.HTTPRouteDestination{{Destination: &networking.Destination{Host: "echo.demo.svc.cluster.local", Port: &networking.PortSelector{Number: 80}}}}
		}
		spec.Http = append(spec.Http, rule)
	}
	if root && r.IntN(4) == 0 {
		for range 1 + r.IntN(2) {
			rule := &networking.TCPRoute{Route: []*networking.RouteDestination{{Destination: &networking.Destination{Host: pick(r, "echo.demo", "other.demo"), Port: &networking.PortSelector{Number: 80}}}}}
			if r.IntN(2) == 0 {
				rule.Match = []*networking.L4MatchAttributes{{Port: pick[uint32](r, 0, 80, 82), SourceNamespace: pick(r, "", "shop")}}
			}
			spec.Tcp = append(spec.Tcp, rule)
		}
	}
}

func (r *randomRules) match() *networking.HTTPMatchRequest {
	exact := func(text string) *networking.StringMatch {
		return &networking.StringMatch{MatchType: &networking.StringMatch_Exact{Exact: text}}
	}
	prefix := func(text string) *networking.StringMatch {
		return &networking.StringMatch{MatchType: &networking.StringMatch_Prefix{Prefix: text}}
	}
	regex := func(text string) *networking.StringMatch {
		return &networking.StringMatch{MatchType: &networking.StringMatch_Regex{Regex: text}}
	}
	m := &networking.HTTPMatchRequest{
		Uri:           pick(r, nil, nil, prefix("/"), prefix("/a.B/"), exact("/a.B/C"), exact("/A.b/c"), regex("/a.B/.*"), regex(".*"), exact("/page")),
		IgnoreUriCase: r.IntN(6) == 0,
		Port:          pick[uint32](r, 0, 0, 0, 80, 81, 82, 7),
	}
	if r.IntN(4) == 0 {
		m.SourceNamespace = pick(r, "demo", "shop")
	}
	if r.IntN(4) == 0 {
		m.SourceLabels = pick(r, map[string]string{"app": "front"}, map[string]string{"app": "back"})
	}
	if r.IntN(4) == 0 {
		m.Gateways = pick(r, []string{"mesh"}, []string{"edge"}, []string{"mesh", "edge"})
	}
	if r.IntN(3) == 0 {
		m.Headers = map[string]*networking.StringMatch{"x": pick(r, exact("1"), prefix("1"), &networking.StringMatch{})}
	}
	if r.IntN(6) == 0 {
		m.WithoutHeaders = map[string]*networking.StringMatch{"x": pick(r, exact("1"), &networking.StringMatch{})}
	}
	if r.IntN(8) == 0 {
		m.Authority = pick(r, exact("echo.demo.svc.cluster.local"), prefix("other"))
	}
	if r.IntN(12) == 0 {
		m.Method = pick(r, exact("POST"), exact("GET"))
	}
	return m
}

const randomServices = `apiVersion: v1
kind: Service
metadata: {name: echo, namespace: demo}
spec: {ports: [{name: main, port: 80}, {name: tcp-main, port: 81}, {name: grpc, port: 82}]}
---
apiVersion: v1
kind: Service
metadata: {name: other, namespace: demo}
spec: {ports: [{name: tcp-main, port: 80}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: mesh-of-d, namespace: demo}
spec: {hosts: [unknown.example.com], http: [{delegate: {name: d}}]}
`

func (r *randomRules) snapshot(t *testing.T) *snapshot.Snapshot {
	t.Helper()
	text := randomServices
	for _, key := range slices.Sorted(func(yield func(string) bool) {
		for key := range r.specs {
			if !yield(key) {
				return
			}
		}
	}) {
		namespace, name, _ := strings.Cut(key, "/")
		spec, err := protojson.Marshal(r.specs[key])
		if err != nil {
			t.Fatal(err)
		}
		text += fmt.Sprintf("---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: %s, namespace: %s}\nspec: %s\n", name, namespace, spec)
	}
	return world(t, text)
}

// withoutEffect finds the fields of the parts that a Problem calls unreachable, never used or without effect.
var withoutEffect = regexp.MustCompile(`^spec\.(?:(http|tcp)(?:\[(\d+)\](?:\.match\[(\d+)\](?:\.port)?)?)?|hosts\[(\d+)\])$`)

// remove removes the part that a Problem is about, and reports whether the Problem is about such a part.
func (r *randomRules) remove(p mesh.Problem) bool {
	spec := r.specs[p.Object.Key()]
	part := withoutEffect.FindStringSubmatch(p.Field)
	if p.Severity == mesh.Info || part == nil || spec == nil {
		return false
	}
	switch p.Code {
	case mesh.CodeUnreachable, mesh.CodeConflict, mesh.CodeNoSuchPort:
	default:
		return false
	}
	number := func(text string) int { n, _ := strconv.Atoi(text); return n }
	rule, match := number(part[2]), number(part[3])
	switch {
	case part[4] != "":
		spec.Hosts = slices.Delete(spec.Hosts, number(part[4]), number(part[4])+1)
		if len(spec.GetHosts()) == 0 {
			delete(r.specs, p.Object.Key())
		}
	case part[1] == "http" && part[2] == "":
		spec.Http = nil
	case part[2] == "":
		spec.Tcp = nil
	case part[1] == "http" && part[3] != "" && len(spec.GetHttp()[rule].GetMatch()) > 1:
		spec.GetHttp()[rule].Match = slices.Delete(spec.GetHttp()[rule].GetMatch(), match, match+1)
	case part[1] == "http":
		spec.Http = slices.Delete(spec.GetHttp(), rule, rule+1)
	case part[3] != "" && len(spec.GetTcp()[rule].GetMatch()) > 1:
		spec.GetTcp()[rule].Match = slices.Delete(spec.GetTcp()[rule].GetMatch(), match, match+1)
	default:
		spec.Tcp = slices.Delete(spec.GetTcp(), rule, rule+1)
	}
	return true
}

// outcomes describes where every call of a few clients goes.
func outcomes(t *testing.T, s *snapshot.Snapshot) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, namespace := range []string{"demo", "shop", "till"} {
		for _, app := range []string{"front", "back"} {
			for _, to := range []string{"echo.demo:80", "echo.demo:81", "echo.demo:82", "other.demo:80"} {
				for _, call := range []string{"/a.B/C", "/a.B/D", "/x.Y/Z"} {
					for _, x := range []string{"", "1", "12"} {
						q := Question{To: to, Call: call, Headers: map[string]string{}, Client: mesh.Client{
							Namespace: namespace, Labels: mesh.MakeLabels(map[string]string{"app": app}),
						}}
						if x != "" {
							q.Set("x", x)
						}
						a, err := Explain(s, q)
						if err != nil {
							t.Fatal(err)
						}
						goes := a.Outcome
						for _, c := range a.Clusters {
							goes += " " + c.Name
						}
						if n := len(a.Routes); n > 0 && a.Routes[n-1].Taken {
							goes += " " + strings.Join(a.Routes[n-1].Settings, ",")
						}
						all[strings.Join([]string{namespace, app, to, call, x}, " ")] = goes
					}
				}
			}
		}
	}
	return all
}

// TestRemovalOfWhatHasNoEffect removes what Problems call unreachable, never used or without effect, one after the other:
// no call of any client goes elsewhere.
func TestRemovalOfWhatHasNoEffect(t *testing.T) {
	removed := map[mesh.Code]int{}
	for seed := range seeds.Of(200) {
		r := newRandomRules(seed)
		before := r.snapshot(t)
		var with map[string]string
		for range 20 {
			i := slices.IndexFunc(before.Problems(), r.remove)
			if i < 0 {
				break
			}
			problem := before.Problems()[i]
			removed[problem.Code]++
			if with == nil {
				with = outcomes(t, before)
			}
			after := r.snapshot(t)
			without := outcomes(t, after)
			if diff := cmp.Diff(with, without); diff != "" {
				t.Fatalf("seed %d: without %s %s %s: %s, calls go elsewhere (-with +without):\n%s", seed, problem.Object, problem.Field, problem.Code, problem.Message, diff)
			}
			before, with = after, without
		}
	}
	for _, code := range []mesh.Code{mesh.CodeUnreachable, mesh.CodeConflict, mesh.CodeNoSuchPort} {
		if want := seeds.Count(10); removed[code] < want {
			t.Errorf("only %d parts with a Problem %s were removed, want %d: the rules are not random enough", removed[code], code, want)
		}
	}
}
