//go:build envoy

package envoy

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// throughProxy is an application that knows no mesh: it has http_proxy in its environment.
func throughProxy(t *testing.T, egress string) *http.Client {
	t.Helper()
	c := caller(false)
	c.Transport.(*http.Transport).Proxy = http.ProxyURL(must(url.Parse("http://" + egress))(t))
	return c
}

// everyBackend is a rule for all calls to the host web.
const everyBackend = "\n  - {route: [{destination: {host: web}}]}"

// TestEgress has an Envoy whose listener is on loopback and comes from the control plane, and applications that call by it: as a proxy, and
// with the host in a header.
func TestEgress(t *testing.T) {
	for _, as := range []protocol{delta, sotw} {
		t.Run(string(as), func(t *testing.T) {
			v1, v2 := startBackend(t, "v1"), startBackend(t, "v2")
			base := service("http", v1, v2) + `
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: front, namespace: demo}
spec: {hosts: [front.example.com, example.org], http: [{route: [{destination: {host: web}}]}]}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: outside, namespace: demo}
spec: {hosts: [example.net], ports: [{number: 80, name: http, protocol: HTTP, targetPort: 8080}], resolution: STATIC, endpoints: [{address: ` + v1.address + `}]}
`
			m := startPlane(t, base)
			egress := freeAddress(t)
			p := startEnvoyWith(t, m, as, place{namespace: "demo", egress: egress})
			proxied, c := throughProxy(t, egress), caller(false)

			t.Run("spellings", func(t *testing.T) { spellings(t, proxied, c, egress) })
			t.Run("unknown hosts", func(t *testing.T) {
				for _, host := range []string{"gone.demo:8080", "web.demo:81", "web.other", "example.com", "10.0.0.2:8080", "WEB.demo:8080"} {
					if r := call(t, c, egress, "/", "host="+host); r.status != http.StatusNotFound || !strings.Contains(r.body, "the mesh has no host "+host) {
						t.Errorf("%s: got %+v, want 404 that says so", host, r)
					}
				}
			})
			t.Run("http/1.0", func(t *testing.T) {
				connection := must(net.Dial("tcp", egress))(t)
				defer connection.Close()
				must(io.WriteString(connection, "GET / HTTP/1.0\r\nHost: web.demo\r\n\r\n"))(t)
				if answer := string(must(io.ReadAll(connection))(t)); !strings.Contains(answer, " 200 OK\r\n") {
					t.Errorf("got %q", answer)
				}
			})
			t.Run("websocket", func(t *testing.T) {
				r := call(t, c, egress, "/", "host=web.demo:8080", "Connection=Upgrade", "Upgrade=websocket")
				if seen := map[string]*backend{"v1": v1, "v2": v2}[r.backend]; seen == nil || seen.last.Load().Header.Get("Upgrade") != "websocket" {
					t.Errorf("got %+v, want that a backend is asked", r)
				}
			})
			t.Run("https_proxy", func(t *testing.T) {
				if r, err := proxied.Get("https://web.demo:8080/"); err == nil || !strings.Contains(err.Error(), "Not Found") {
					t.Errorf("got %v and error %v, want that the tunnel is refused", r, err)
				}
			})
			egressRules(t, m, base, c, egress)
			if err := p.rejected(); err != nil {
				t.Error(err)
			}
			if err := m.refused(); err != nil {
				t.Error(err)
			}
		})
	}
}

// spellings calls the host by all of its names.
func spellings(t *testing.T, proxied, c *http.Client, egress string) {
	for _, host := range []string{
		"web:8080", "web", "web.demo:8080", "web.demo", "web.demo.svc:8080", "web.demo.svc", "web.demo.svc.cluster.local:8080", "web.demo.svc.cluster.local",
		"web.demo.svc.cluster.local.:8080", "10.0.0.1:8080", "front.example.com", "front.example.com:80",
		// Names of two labels, which could be a Service and its namespace: of a VirtualService, and of a ServiceEntry.
		"example.org", "example.org:80", "example.net", "example.net:80",
	} {
		// An absolute URI in the request, as clients of proxies send it.
		if r := call(t, proxied, host, "/"); r.status != http.StatusOK || r.backend == "" {
			t.Errorf("http://%s/ by the proxy: got %+v", host, r)
		}
		if r := call(t, c, egress, "/", "host="+host); r.status != http.StatusOK || r.backend == "" {
			t.Errorf("host %s: got %+v", host, r)
		}
	}
}

// egressRules edits the rules of the host web.
func egressRules(t *testing.T, m *meshPlane, base string, c *http.Client, egress string) {
	const host = "host=web.demo:8080"
	answers := func(want string, headers ...string) func() error {
		return func() error {
			if got := tally(t, c, egress, 4, append(headers, host)...); got[want] != 4 {
				return fmt.Errorf("got %v, want %s", got, want)
			}
			return nil
		}
	}
	t.Run("weights", func(t *testing.T) {
		m.write(base + rules("", `
  - {match: [{headers: {user: {exact: ann}}}], route: [{destination: {host: web, subset: v2}}]}
  - {route: [{destination: {host: web, subset: v1}, weight: 75}, {destination: {host: web, subset: v2}, weight: 25}]}`))
		eventually(t, answers("v2", "user=ann"))
		if got := tally(t, c, egress, 400, host); got["v1"]+got["v2"] != 400 || got["v2"] < 60 || got["v2"] > 140 {
			t.Errorf("got %v, want about 100 of 400 from v2", got)
		}
	})
	t.Run("fault", func(t *testing.T) {
		m.write(base + rules("", "\n  - {fault: {abort: {httpStatus: 451, percentage: {value: 100}}}, route: [{destination: {host: web}}]}"))
		eventually(t, answers("451"))
	})
	t.Run("http/2", func(t *testing.T) {
		m.write(base + rules("", everyBackend))
		eventually(t, func() error {
			if r := call(t, caller(true), egress, "/", host); r.status != http.StatusOK {
				return fmt.Errorf("got %+v", r)
			}
			return nil
		})
	})
}

// TestEgressWithoutInterruption has applications that call without a pause, while hosts come and go and the control plane restarts.
func TestEgressWithoutInterruption(t *testing.T) {
	for _, as := range []protocol{delta, sotw} {
		t.Run(string(as), func(t *testing.T) {
			v1, v2 := startBackend(t, "v1"), startBackend(t, "v2")
			base := service("http", v1, v2)
			m := startPlane(t, base+rules("", everyBackend))
			egress := freeAddress(t)
			p := startEnvoyWith(t, m, as, place{namespace: "demo", egress: egress})
			another := strings.NewReplacer("name: web", "name: other", "service-name: web", "service-name: other", "10.0.0.1", "10.0.0.9").Replace(base)
			eventually(t, func() error {
				if r := call(t, caller(false), egress, "/", "host=web"); r.status != http.StatusOK {
					return fmt.Errorf("got %+v", r)
				}
				return nil
			})
			failed, calls := callAlways(t, egress)
			reaches := func(want int) func() error {
				return func() error {
					if r := call(t, caller(false), egress, "/", "host=other.demo:8080"); r.status != want {
						return fmt.Errorf("got %+v, want %d", r, want)
					}
					return nil
				}
			}
			for range 3 {
				m.write(base + "\n---\n" + another + rules("", "\n  - {route: [{destination: {host: web, subset: v1}}]}"))
				eventually(t, reaches(http.StatusOK))
				m.write(base + rules("", "\n  - {route: [{destination: {host: web, subset: v2}}]}"))
				eventually(t, reaches(http.StatusNotFound))
			}
			m.stop()
			before := calls.Load()
			eventually(t, func() error {
				if n := calls.Load() - before; n < 50 {
					return fmt.Errorf("%d calls without a control plane", n)
				}
				return nil
			})
			m.start()
			m.write(base + "\n---\n" + another + rules("", everyBackend))
			eventually(t, reaches(http.StatusOK))
			if errs := failed(); len(errs) > 0 {
				t.Errorf("%d calls of %d failed; the first: %s", len(errs), calls.Load(), errs[0])
			}
			t.Logf("%d calls", calls.Load())
			if err := p.rejected(); err != nil {
				t.Error(err)
			}
			if err := m.refused(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestEgressOfAnotherPort has applications that name no port, and a Service that gets the port 80, which they mean from then on.
func TestEgressOfAnotherPort(t *testing.T) {
	for _, as := range []protocol{delta, sotw} {
		t.Run(string(as), func(t *testing.T) {
			base := service("http", startBackend(t, "v1"))
			m := startPlane(t, base)
			egress := freeAddress(t)
			p := startEnvoyWith(t, m, as, place{namespace: "demo", egress: egress})
			const port = "ports: [{name: http, port: 8080}"
			two := strings.ReplaceAll(base, ", "+port, ", "+port+", {name: web, port: 80}") // of the Service
			two = strings.ReplaceAll(two, "\n"+port, "\n"+port+", {name: web, port: 8080}") // of its endpoints
			reaches := func(want int) func() error {
				return func() error {
					if r := call(t, caller(false), egress, "/", "host=web:80"); r.status != want {
						return fmt.Errorf("got %+v, want %d", r, want)
					}
					return nil
				}
			}
			eventually(t, reaches(http.StatusNotFound))
			failed, calls := callAlways(t, egress)
			for range 10 {
				m.write(two)
				eventually(t, reaches(http.StatusOK))
				m.write(base)
				eventually(t, reaches(http.StatusNotFound))
			}
			if errs := failed(); len(errs) > 0 {
				t.Errorf("%d calls of %d failed; the first: %s", len(errs), calls.Load(), errs[0])
			}
			if err := p.rejected(); err != nil {
				t.Error(err)
			}
		})
	}
}

// callAlways calls the host web, by some of its names in turn, until failed is called, which returns what went wrong.
func callAlways(t *testing.T, egress string) (failed func() []string, calls *atomic.Int64) {
	t.Helper()
	calls = &atomic.Int64{}
	done := make(chan struct{})
	var (
		callers sync.WaitGroup
		errs    []string
	)
	names := []string{"web", "web:8080", "web.demo.svc.cluster.local:8080", "10.0.0.1:8080"}
	callers.Go(func() {
		c := caller(false)
		for i := 0; ; i++ {
			select {
			case <-done:
				return
			default:
			}
			host := names[i%len(names)]
			if err := answered(c, egress, host); err != nil {
				errs = append(errs, err.Error())
			}
			calls.Add(1)
		}
	})
	stop := sync.OnceFunc(func() {
		close(done)
		callers.Wait()
	})
	t.Cleanup(stop)
	return func() []string { stop(); return errs }, calls
}

// answered returns an error unless a backend answers a call.
func answered(c *http.Client, egress, host string) error {
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://"+egress+"/", nil)
	if err != nil {
		return err
	}
	r.Host = host
	response, err := c.Do(r)
	if err != nil {
		return fmt.Errorf("%s: %w", host, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%d %q", response.StatusCode, body)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", host, err)
	}
	return nil
}
