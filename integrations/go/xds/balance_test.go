package xds

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/client_side_weighted_round_robin/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/ring_hash/v3"
	"google.golang.org/grpc/status"
)

func now() time.Time { return time.Now() }

func code(err error) string { return status.Code(err).String() }

const inLocalities = `"loadBalancingPolicy": {"policies": [{"typedExtensionConfig": {"name": "l", "typedConfig": {"@type": "type.googleapis.com/envoy.extensions.load_balancing_policies.wrr_locality.v3.WrrLocality",
	"endpointPickingPolicy": {"policies": [%s]}}}}]}`

// policy is one entry of a list of policies.
func policy(name string) string {
	words := strings.Split(name, "_")
	for i, w := range words {
		words[i] = strings.ToUpper(w[:1]) + w[1:]
	}
	return fmt.Sprintf(`{"typedExtensionConfig": {"name": "envoy.load_balancing_policies.%[1]s", "typedConfig": {"@type": "type.googleapis.com/envoy.extensions.load_balancing_policies.%[1]s.v3.%[2]s"}}}`,
		name, strings.Join(words, ""))
}

// newCluster has localities, each as PRIORITY WEIGHT ADDRESS=WEIGHT...
func newCluster(t *testing.T, settings string, localities ...string) *cluster {
	t.Helper()
	c := &cluster{name: "c"}
	read, err := readCluster("c", parsed[clusterv3.Cluster](t, `{"type": "EDS", "edsClusterConfig": {"edsConfig": {"ads": {}}}, `+settings+`}`))
	if err != nil {
		t.Fatal(err)
	}
	c.rebuild(read, newAssignment(t, localities...))
	return c
}

func newAssignment(t *testing.T, localities ...string) *assignment {
	t.Helper()
	var all []string
	for _, l := range localities {
		words := strings.Fields(l)
		var members []string
		for _, m := range words[2:] {
			address, weight, _ := strings.Cut(m, "=")
			members = append(members, fmt.Sprintf(`{"healthStatus": "HEALTHY", "loadBalancingWeight": %s, "endpoint": {"address": {"socketAddress": {"address": %q, "portValue": 80}}}}`, weight, address))
		}
		all = append(all, fmt.Sprintf(`{"priority": %s, "loadBalancingWeight": %s, "lbEndpoints": [%s]}`, words[0], words[1], strings.Join(members, ",")))
	}
	a, err := readAssignment("c", parsed[endpointv3.ClusterLoadAssignment](t, `{"endpoints": [`+strings.Join(all, ",")+`]}`))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// shares returns how many of 1000 picks each endpoint gets.
func shares(t *testing.T, c *cluster) map[string]int {
	t.Helper()
	got := map[string]int{}
	for range 1000 {
		e, err := c.pick(nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		got[strings.TrimSuffix(e.address, ":80")]++
	}
	return got
}

func TestBalancing(t *testing.T) {
	round := fmt.Sprintf(inLocalities, policy("round_robin"))
	for name, test := range map[string]struct {
		settings   string
		localities []string
		want       map[string]int
	}{
		"evenly":                  {round, []string{"0 1 a=1 b=1"}, map[string]int{"a": 500, "b": 500}},
		"by weight":               {round, []string{"0 1 a=3 b=1"}, map[string]int{"a": 750, "b": 250}},
		"localities by weight":    {round, []string{"0 3 a=1", "0 1 b=1 c=1"}, map[string]int{"a": 750, "b": 125, "c": 125}},
		"no weight, no calls":     {round, []string{"0 0 a=1", "0 1 b=1"}, map[string]int{"b": 1000}},
		"without localities":      {`"loadBalancingPolicy": {"policies": [` + policy("round_robin") + `]}`, []string{"0 3 a=1", "0 1 b=1"}, map[string]int{"a": 500, "b": 500}},
		"the first priority":      {round, []string{"0 1 a=1", "1 1 b=1"}, map[string]int{"a": 1000}},
		"an empty priority":       {round, []string{"0 1", "1 1 b=1"}, map[string]int{"b": 1000}},
		"least request":           {fmt.Sprintf(inLocalities, policy("least_request")), []string{"0 1 a=1 b=1"}, map[string]int{"a": 500, "b": 500}},
		"the first that is known": {fmt.Sprintf(inLocalities, policy("client_side_weighted_round_robin")+","+policy("round_robin")), []string{"0 1 a=1 b=1"}, map[string]int{"a": 500, "b": 500}},
		"the enum":                {`"lbPolicy": "ROUND_ROBIN"`, []string{"0 3 a=1", "0 1 b=1"}, map[string]int{"a": 750, "b": 250}},
	} {
		t.Run(name, func(t *testing.T) {
			got := shares(t, newCluster(t, test.settings, test.localities...))
			for address, want := range test.want {
				allowed := 2.0 // of rounding
				if strings.HasPrefix(name, "least") {
					allowed = 100
				}
				if math.Abs(float64(got[address]-want)) > allowed {
					t.Errorf("got %v, want %v", got, test.want)
				}
			}
			if len(got) != len(test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestPickFirst(t *testing.T) {
	c := newCluster(t, `"loadBalancingPolicy": {"policies": [`+policy("pick_first")+`]}`, "0 1 a=1 b=1 c=1")
	first := slices.Collect(maps.Keys(shares(t, c)))
	if len(first) != 1 {
		t.Fatalf("got %v, want one endpoint", first)
	}
	e, err := c.pick(nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	e.connectFailed(now())
	second := slices.Collect(maps.Keys(shares(t, c)))
	if len(second) != 1 || second[0] == first[0] {
		t.Errorf("got %v after %v failed, want another one", second, first)
	}
}

// TestUnreachable has endpoints that cannot be reached come last, over priorities and changes, until one call works again.
func TestUnreachable(t *testing.T) {
	c := newCluster(t, fmt.Sprintf(inLocalities, policy("round_robin")), "0 1 a=1 b=1", "1 1 c=1")
	down := func(address string) {
		for _, e := range c.endpoints {
			if e.address == address+":80" {
				e.connectFailed(now())
			}
		}
	}
	only := func(want ...string) {
		t.Helper()
		if got := slices.Sorted(maps.Keys(shares(t, c))); !slices.Equal(got, want) {
			t.Errorf("got calls to %v, want %v", got, want)
		}
	}
	down("a")
	only("b")
	down("b")
	only("c")
	c.rebuild(c.settings, newAssignment(t, "0 1 a=1 b=1", "1 1 c=1 d=1"))
	only("c", "d")
	for _, address := range []string{"c", "d"} {
		down(address)
	}
	only("a", "b")
	c.endpoints["b:80"].connected()
	only("b")
	rest := func() time.Duration { return time.Until(time.Unix(0, c.endpoints["a:80"].downUntil.Load())) }
	for range 20 {
		down("a")
	}
	if got := rest(); got > longestRest || got < longestRest/2 {
		t.Errorf("got a rest of %v after many failures, want %v", got, longestRest)
	}
}

func TestLeastRequestPrefersTheIdle(t *testing.T) {
	c := newCluster(t, fmt.Sprintf(inLocalities, policy("least_request")), "0 1 a=1 b=1")
	c.endpoints["a:80"].inFlight.Store(5)
	if got := shares(t, c); got["b"] < 600 {
		t.Errorf("got %v, want most calls at the idle endpoint", got)
	}
}

func TestLimit(t *testing.T) {
	c := newCluster(t, `"circuitBreakers": {"thresholds": [{"maxRequests": 2}]}`, "0 1 a=1")
	r := &Route{cluster: c}
	_, end, err := r.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err = r.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.Begin(t.Context()); code(err) != "Unavailable" {
		t.Errorf("got %v for the third call at once, want UNAVAILABLE", err)
	}
	end(Outcome{})
	if _, _, err := r.Begin(t.Context()); err != nil {
		t.Errorf("got %v after a call ended, want none", err)
	}
}

func TestClustersThatFailCalls(t *testing.T) {
	for name, test := range map[string]struct {
		settings   string
		localities []string
		want       string
	}{
		"TLS":          {`"transportSocket": {"name": "tls"}`, []string{"0 1 a=1"}, "TLS settings"},
		"no endpoints": {`"lbPolicy": "ROUND_ROBIN"`, nil, "no endpoints"},
	} {
		t.Run(name, func(t *testing.T) {
			if e, err := newCluster(t, test.settings, test.localities...).pick(nil, 0); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v and %v, want %q", e, err, test.want)
			}
		})
	}
	c := newCluster(t, `"lbPolicy": "ROUND_ROBIN"`, "0 1 a=1")
	dropped := newAssignment(t, "0 1 a=1")
	dropped.drops = []float64{1}
	c.rebuild(c.settings, dropped)
	if _, err := c.pick(nil, 0); code(err) != "Unavailable" {
		t.Errorf("got %v, want the call dropped", err)
	}
}

func TestRejectedClusters(t *testing.T) {
	for name, text := range map[string]string{
		"a type":         `{"type": "STATIC"}`,
		"another source": `{"type": "EDS", "edsClusterConfig": {"edsConfig": {"path": "/x"}}}`,
		"a policy":       `{"type": "EDS", "edsClusterConfig": {"edsConfig": {"ads": {}}}, "loadBalancingPolicy": {"policies": [` + policy("client_side_weighted_round_robin") + `]}}`,
		"an enum":        `{"type": "EDS", "edsClusterConfig": {"edsConfig": {"ads": {}}}, "lbPolicy": "MAGLEV"}`,
		"two names":      `{"type": "LOGICAL_DNS", "loadAssignment": {"endpoints": [{"lbEndpoints": [{}, {}]}]}}`,
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := readCluster("c", parsed[clusterv3.Cluster](t, text)); err == nil {
				t.Errorf("got %+v, want an error", got)
			}
		})
	}
	if _, err := readAssignment("c", parsed[endpointv3.ClusterLoadAssignment](t, `{"endpoints": [{"priority": 1, "loadBalancingWeight": 1}]}`)); err == nil {
		t.Error("got no error for a priority without those before")
	}
}

func TestByDNS(t *testing.T) {
	read, err := readCluster("c", parsed[clusterv3.Cluster](t, `{"type": "LOGICAL_DNS", "loadAssignment": {"endpoints": [{"lbEndpoints": [
		{"endpoint": {"address": {"socketAddress": {"address": "api.example.com", "portValue": 443}}}}]}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{name: "c"}
	c.rebuild(read, read.own)
	if e, err := c.pick(nil, 0); err != nil || e.address != "api.example.com:443" {
		t.Errorf("got %v and %v, want the name", e, err)
	}
}
