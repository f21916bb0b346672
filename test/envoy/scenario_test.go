//go:build envoy

package envoy

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// web is the table that the listeners of these tests follow.
const web = "outbound|8080||web.demo.svc.cluster.local"

// caller calls an Envoy, by HTTP/1.1 or HTTP/2.
func caller(http2 bool) *http.Client {
	var protocols http.Protocols
	protocols.SetHTTP1(!http2)
	protocols.SetUnencryptedHTTP2(http2)
	return &http.Client{
		Transport: &http.Transport{Protocols: &protocols}, Timeout: 10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// reply is what a call came to.
type reply struct {
	status  int
	backend string
	header  http.Header
	body    string
}

func call(t *testing.T, c *http.Client, address, path string, headers ...string) reply {
	t.Helper()
	return send(t, c, http.MethodGet, address, path, headers...)
}

// send does the same with any method. The header host is what the call asks for.
func send(t *testing.T, c *http.Client, method, address, path string, headers ...string) reply {
	t.Helper()
	r := must(http.NewRequestWithContext(context.Background(), method, "http://"+address+path, nil))(t)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, "=")
		if name == "host" {
			r.Host = value
			continue
		}
		r.Header.Add(name, value)
	}
	response := must(c.Do(r))(t)
	defer response.Body.Close()
	body := must(io.ReadAll(bufio.NewReader(response.Body)))(t)
	return reply{response.StatusCode, response.Header.Get("Backend"), response.Header, string(body)}
}

// tally makes calls and counts them by backend, or by status where no backend answered.
func tally(t *testing.T, c *http.Client, address string, n int, headers ...string) map[string]int {
	t.Helper()
	count := map[string]int{}
	for range n {
		r := call(t, c, address, "/", headers...)
		if r.backend == "" {
			r.backend = fmt.Sprint(r.status)
		}
		count[r.backend]++
	}
	return count
}

// rules are the objects of the host web in these tests: its subsets, with a traffic policy, and the rules under http.
func rules(policy, http string) string {
	return fmt.Sprintf(`
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web, namespace: demo}
spec: {host: web, %s subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: demo}
spec:
  hosts: [web]
  http:
%s`, policy, http)
}

// TestRules has an Envoy, whose listener follows the routes of a Service, and follows edits of its rules with both protocols of
// discovery. Backends count the calls, too.
func TestRules(t *testing.T) {
	for _, as := range []protocol{delta, sotw} {
		t.Run(string(as), func(t *testing.T) {
			v1, v2 := startBackend(t, "v1"), startBackend(t, "v2")
			base := service("http", v1, v2)
			m := startPlane(t, base)
			p := startEnvoy(t, m, as, "demo", listener{name: "edge", routes: web})
			edge, c := p.address("edge"), caller(false)
			// edit serves rules, and waits until calls show them.
			edit := func(t *testing.T, policy, http string, shows func() error) {
				t.Helper()
				m.write(base + rules(policy, http))
				eventually(t, shows)
			}
			answers := func(want string, headers ...string) func() error {
				return func() error {
					if got := tally(t, c, edge, 4, headers...); got[want] != 4 {
						return fmt.Errorf("got %v, want %s", got, want)
					}
					return nil
				}
			}

			t.Run("balance", func(t *testing.T) {
				eventually(t, func() error {
					if got := tally(t, c, edge, 10); got["v1"] != 5 || got["v2"] != 5 {
						return fmt.Errorf("got %v, want 5 each", got)
					}
					return nil
				})
			})
			t.Run("headers and subsets", func(t *testing.T) {
				edit(t, "", `
  - {match: [{headers: {user: {exact: ann}}}], route: [{destination: {host: web, subset: v2}}]}
  - {route: [{destination: {host: web, subset: v1}}]}`, answers("v1"))
				for header, want := range map[string]string{"user=ann": "v2", "user=bob": "v1"} {
					if err := answers(want, header)(); err != nil {
						t.Errorf("%s: %v", header, err)
					}
				}
			})
			t.Run("split", func(t *testing.T) {
				edit(t, "", `
  - {match: [{uri: {prefix: /}}], route: [{destination: {host: web, subset: v1}, weight: 75}, {destination: {host: web, subset: v2}, weight: 25}]}`, func() error {
					if got := tally(t, c, edge, 20); got["v2"] == 0 {
						return fmt.Errorf("got %v", got)
					}
					return nil
				})
				before := v2.calls.Load()
				got := tally(t, c, edge, 400)
				if served := int(v2.calls.Load() - before); got["v2"] != served || served < 60 || served > 140 || got["v1"]+got["v2"] != 400 {
					t.Errorf("got %v, and v2 served %d; want about 100 of 400", got, served)
				}
			})
			t.Run("edits of calls", func(t *testing.T) {
				edit(t, "", `
  - {match: [{uri: {prefix: /old}}], redirect: {uri: /new, redirectCode: 302}}
  - match: [{uri: {prefix: /a/}, queryParams: {v: {exact: "1"}}}]
    rewrite: {uri: /b/}
    headers: {request: {set: {x-share: "50% of %REQ(user)%"}}, response: {add: {x-seen: "yes"}}}
    route: [{destination: {host: web, subset: v1}}]
  - {match: [{uri: {prefix: /answer}}], directResponse: {status: 418, body: {string: tea}}}
  - {route: [{destination: {host: web, subset: v2}}]}`, answers("v2"))
				if r := call(t, c, edge, "/old"); r.status != 302 || !strings.HasSuffix(r.header.Get("Location"), "/new") {
					t.Errorf("got %+v, want a redirect to /new", r)
				}
				if r := call(t, c, edge, "/answer"); r.status != 418 || r.body != "tea" {
					t.Errorf("got %+v, want 418 and tea", r)
				}
				r := call(t, c, edge, "/a/x?v=1", "user=ann")
				if seen := v1.last.Load(); r.backend != "v1" || r.header.Get("X-Seen") != "yes" || seen.URL.Path != "/b/x" || seen.Header.Get("X-Share") != "50% of ann" {
					t.Errorf("got %+v, and v1 saw %s with %v", r, seen.URL, seen.Header)
				}
			})
			t.Run("fault", func(t *testing.T) {
				edit(t, "", `
  - {fault: {abort: {httpStatus: 451, percentage: {value: 100}}}, route: [{destination: {host: web}}]}`, answers("451"))
			})
			t.Run("retry and timeout", func(t *testing.T) {
				v1.status.Store(http.StatusServiceUnavailable)
				defer v1.status.Store(http.StatusOK)
				edit(t, "", `
  - {retries: {attempts: 2, retryOn: "5xx", backoff: 1ms}, route: [{destination: {host: web}}]}`, answers("v2"))
			})
			t.Run("outlier", func(t *testing.T) {
				v1.status.Store(http.StatusServiceUnavailable)
				defer v1.status.Store(http.StatusOK)
				edit(t, "trafficPolicy: {outlierDetection: {consecutive5xxErrors: 2, interval: 100ms, baseEjectionTime: 1h, maxEjectionPercent: 50}},", `
  - {retries: {attempts: 0}, route: [{destination: {host: web}}]}`, func() error {
					if got := tally(t, c, edge, 20); got["v2"] != 20 {
						return fmt.Errorf("got %v, want v2 alone", got)
					}
					return nil
				})
			})
			t.Run("ring", func(t *testing.T) {
				edit(t, "trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: user}}},", `
  - {route: [{destination: {host: web}}]}`, func() error {
					used := map[string]bool{}
					for i := range 20 {
						got := tally(t, c, edge, 3, fmt.Sprintf("user=%d", i))
						if len(got) != 1 {
							return fmt.Errorf("calls of one user went to %v", got)
						}
						for name := range got {
							used[name] = true
						}
					}
					if len(used) != 2 {
						return fmt.Errorf("all users went to %v", used)
					}
					return nil
				})
			})
			t.Run("missing destination", func(t *testing.T) {
				edit(t, "", `
  - {route: [{destination: {host: gone}}]}`, answers("503"))
			})
			t.Run("churn", func(t *testing.T) {
				m.write(service("http", v1))
				eventually(t, answers("v1"))
				m.write(service("http", v2))
				eventually(t, answers("v2"))
			})
			if err := p.rejected(); err != nil {
				t.Error(err)
			}
			if err := m.refused(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestClustersAlone has routes of the operator that name clusters of the mesh: the whole Service, and a subset.
func TestClustersAlone(t *testing.T) {
	v1, v2 := startBackend(t, "v1"), startBackend(t, "v2")
	m := startPlane(t, service("http", v1, v2)+rules("", "  - {route: [{destination: {host: web, subset: v1}}]}"))
	p := startEnvoy(t, m, delta, "edge", listener{name: "v2", cluster: "outbound|8080|v2|web.demo.svc.cluster.local"}, listener{name: "all", cluster: web})
	eventually(t, func() error {
		if got := tally(t, caller(false), p.address("v2"), 4); got["v2"] != 4 {
			return fmt.Errorf("got %v, want v2", got)
		}
		if got := tally(t, caller(false), p.address("all"), 4); got["v1"] != 2 {
			return fmt.Errorf("got %v, want both: routes of the mesh are not for these calls", got)
		}
		return nil
	})
	if n := p.stats("rds.*update_success"); len(n) != 0 {
		t.Errorf("got routes %v of the control plane, want none", n)
	}
}

// TestProtocols has ports that declare HTTP/1.1, gRPC and nothing, called by both versions of HTTP.
func TestProtocols(t *testing.T) {
	b := startBackend(t, "v1")
	for declared, want := range map[string][2]string{"http": {"HTTP/1.1", "HTTP/1.1"}, "grpc": {"HTTP/2.0", "HTTP/2.0"}, "any": {"HTTP/1.1", "HTTP/2.0"}} {
		t.Run(declared, func(t *testing.T) {
			m := startPlane(t, service(declared, b))
			p := startEnvoy(t, m, delta, "demo", listener{name: "edge", routes: web})
			for i, http2 := range []bool{false, true} {
				eventually(t, func() error {
					if r := call(t, caller(http2), p.address("edge"), "/"); r.body != "v1 "+want[i] {
						return fmt.Errorf("got %+v, want %s", r, want[i])
					}
					return nil
				})
			}
		})
	}
}

// TestRestart has an Envoy that goes on with calls while the control plane is away, is sent nothing that it has when it returns, and
// follows the next change at once.
func TestRestart(t *testing.T) {
	v1, v2 := startBackend(t, "v1"), startBackend(t, "v2")
	m := startPlane(t, service("http", v1))
	p := startEnvoy(t, m, delta, "demo", listener{name: "edge", routes: web})
	edge, c := p.address("edge"), caller(false)
	eventually(t, func() error {
		if got := tally(t, c, edge, 2); got["v1"] != 2 {
			return fmt.Errorf("got %v", got)
		}
		return nil
	})
	const updates = `^(cluster_manager\.cds|cluster\.outbound.*|http\.edge\.rds\..*)\.update_success$`
	before := p.stats(updates)
	m.stop()
	if got := tally(t, c, edge, 20); got["v1"] != 20 {
		t.Errorf("got %v without a control plane", got)
	}
	m.start()
	eventually(t, func() error {
		if n := p.stats("control_plane.connected_state")["control_plane.connected_state"]; n != 1 {
			return fmt.Errorf("the Envoy is not connected")
		}
		if len(m.clients()) != 1 {
			return fmt.Errorf("the control plane knows no client")
		}
		return nil
	})
	m.write(service("http", v1, v2))
	eventually(t, func() error {
		if got := tally(t, c, edge, 4); got["v2"] == 0 {
			return fmt.Errorf("got %v, want the new endpoint, too", got)
		}
		return nil
	})
	for name, n := range p.stats(updates) {
		// The answer to the first request for clusters is empty; the endpoints changed once.
		want := before[name]
		if strings.HasPrefix(name, "cluster") {
			want++
		}
		if n != want {
			t.Errorf("%s is %d, want %d", name, n, want)
		}
	}
}

// TestUnknown has listeners with routes of a Service that does not exist, and of one that the namespace does not see: calls fail.
func TestUnknown(t *testing.T) {
	m := startPlane(t, service("http", startBackend(t, "v1"))+`
---
apiVersion: v1
kind: Service
metadata: {name: hidden, namespace: demo, annotations: {networking.istio.io/exportTo: .}}
spec: {ports: [{port: 80}]}
`)
	p := startEnvoy(t, m, delta, "edge", listener{name: "gone", routes: "outbound|80||gone.demo.svc.cluster.local"}, listener{name: "hidden", routes: "outbound|80||hidden.demo.svc.cluster.local"})
	for _, name := range []string{"gone", "hidden"} {
		if r := call(t, caller(false), p.address(name), "/"); r.status != http.StatusNotFound {
			t.Errorf("%s: got %+v, want 404", name, r)
		}
	}
	for _, name := range p.names("/config_dump?resource=dynamic_active_clusters&mask=cluster.name") {
		if strings.Contains(name, "hidden") {
			t.Errorf("got cluster %s, which is exported to its own namespace alone", name)
		}
	}
}
