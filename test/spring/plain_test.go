//go:build spring

package spring

import (
	"slices"
	"strings"
	"testing"
)

// plainClients are clients of an application that have no balancer.
var plainClients = []string{"RestTemplate", "RestTemplate of the JDK", "RestClient", "WebClient", "Feign", "JDK", "JDK async"}

// plainScenarios are those of the matrix that clients without a balancer play, too; on the second JDK only the first ones.
var plainScenarios = strings.Fields(`split headers no-route
	change query path redirect direct rewrite edits body body-again timeout per-try-timeout retries refused abort delay port empty unknown`)

// TestPlain has clients without a balancer follow the mesh, if the settings say so. JDK 17 has names without a dot, and JDK 21
// a list of hosts.
func TestPlain(t *testing.T) {
	for jdk, setting := range map[string]string{"jdk17": "on", "jdk21": ""} {
		t.Run(jdk, func(t *testing.T) {
			part(t, jdk)
			plane := newPlane(t)
			services := map[string]*service{}
			for _, s := range played() {
				if i := slices.Index(plainScenarios, s.name); i < 0 || i > 2 && jdk != "jdk17" {
					continue
				}
				for _, c := range plainClients {
					name := strings.ReplaceAll(serviceName(s, c), " ", "-")
					services[s.name+c] = newService(t, plane, name, s.ports, s.pods, s.rules)
					if jdk == "jdk21" {
						setting += name + ","
					}
				}
			}
			other := newService(t, plane, "not-listed", "", "a:v1", "")
			plane.start()
			app := start(t, launch{
				jar: "plain35", jdk: jdk, options: []string{"-Dmizzen.plain=" + setting},
				env: []string{"GRPC_XDS_BOOTSTRAP_CONFIG=" + plane.bootstrap("--zone", "eu/zone-1")},
			})
			for _, c := range plainClients {
				t.Run(c, func(t *testing.T) {
					for _, s := range played() {
						service := services[s.name+c]
						if service == nil {
							continue
						}
						t.Run(s.name, func(t *testing.T) {
							t.Parallel()
							service.t = t
							s.play(&scene{t: t, service: service, app: app, client: app.client(c), train: "plain", library: "plain " + c})
						})
					}
				})
				s := &scene{t: t, service: other, app: app, client: app.client(c), library: c}
				if o := s.get(); ofVersion("v1")(o) != (setting == "on") {
					t.Errorf("%s, mizzen.plain=%s: a service that is not listed: got %v", c, setting, o)
				}
				// The call has an address: no one is asked.
				s.version(call{URL: "http://" + other.pod("a").Address() + "/A"}, "v1")
			}
		})
	}
}

// TestPlainOff has clients without a balancer call as they do without the agent.
func TestPlainOff(t *testing.T) {
	rare(t)
	plane := newPlane(t)
	service := newService(t, plane, "go-sc-a", "", "a:v1", "")
	plane.start()
	app := start(t, launch{jar: "plain35", jdk: "jdk17", env: []string{"GRPC_XDS_BOOTSTRAP_CONFIG=" + plane.bootstrap()}})
	for _, c := range plainClients {
		s := &scene{t: t, service: service, app: app, client: app.client(c), library: c}
		if o := s.get(); o.Status != 0 {
			t.Errorf("%s: got %v, want that the name has no address", c, o)
		}
	}
	s := &scene{t: t, service: service, app: app, client: app.client("balanced"), library: "balanced"}
	s.version(call{URL: "/A"}, "v1")
}

// ways are how the application makes calls on other threads.
var ways = []string{"async", "supplyAsync", "thenApplyAsync", "execute", "stream"}

// TestLaneThreads has the calls that an application makes on other threads in the lane of their request: with mizzen.lane.threads,
// with virtual threads, with the other agent, and not by default.
func TestLaneThreads(t *testing.T) {
	for _, run := range []struct {
		name, jdk string
		l         launch
		carried   bool
	}{
		{"jdk17", "jdk17", launch{options: []string{"-Dmizzen.lane.threads=on"}}, true},
		{"virtual threads", "jdk21", launch{options: []string{"-Dmizzen.lane.threads=on"}, args: []string{"--spring.threads.virtual.enabled=true"}}, true},
		{"jdk25", "jdk25", launch{options: []string{"-Dmizzen.lane.threads=on"}, args: []string{"--spring.threads.virtual.enabled=true"}}, true},
		{"default", "jdk17", launch{}, false},
		{"other agent", "jdk17", launch{options: []string{
			"-Dmizzen.lane.threads=on", "-Dotel.traces.exporter=none", "-Dotel.metrics.exporter=none", "-Dotel.logs.exporter=none",
		}}, true},
	} {
		t.Run(run.name, func(t *testing.T) {
			plane := newPlane(t)
			service := newService(t, plane, "go-sc-a", "", both, toV2(`{headers: {baggage: {regex: "(.*,)?lane=gray(,.*)?"}}}`))
			plane.start()
			l := run.l
			if run.name == "other agent" {
				l.options = append(l.options, "-javaagent:"+part(t, "otel"))
			}
			l.jar, l.jdk, l.env = "plain35", run.jdk, []string{"GRPC_XDS_BOOTSTRAP_CONFIG=" + plane.bootstrap()}
			app := start(t, l)
			gray := map[string]string{"baggage": "lane=gray"}
			for _, way := range ways {
				s := &scene{t: t, service: service, app: app, client: app.client("balanced@" + way), library: way}
				want := "v1"
				if run.carried {
					want = "v2"
				}
				load := s.load(call{URL: "/A"}) // without a lane, on the same threads
				for range 5 {
					if outcomes := s.do(call{URL: "/A", Count: 8, inbound: gray}); count(outcomes, ofVersion(want)) < 8 && (run.carried || way != "stream") {
						t.Errorf("%s in the lane: %d of 8 calls are answered by %s; the first: %v", way, count(outcomes, ofVersion(want)), want, outcomes[0])
					}
					s.share(s.do(call{URL: "/A", Count: 8}), way+" without a lane: v1", ofVersion("v1"), 1)
				}
				load()
			}
			if said := strings.Contains(app.log.String(), "mizzen.lane.threads has no effect"); said != (run.name == "other agent") {
				t.Errorf("the log says that the setting has no effect: %v", said)
			}
		})
	}
}
