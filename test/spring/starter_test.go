//go:build spring

package spring

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/mizzen-mesh/mizzen/test/authority"
)

// nothing is what the starter says beside the agent.
const nothing = "mizzen: the agent is in this JVM; mizzen-spring-cloud-starter does nothing. Use one of them"

// TestStarterBesideAgent has the starter leave an application to the agent.
func TestStarterBesideAgent(t *testing.T) {
	rare(t)
	for _, jar := range []string{"boot27-starter", "boot35-starter", "boot35-aot", "boot40-starter"} {
		t.Run(jar, func(t *testing.T) {
			plane := newPlane(t)
			service := newService(t, plane, "go-sc-a", "", both, split(0, 100))
			plane.start()
			app := start(t, launch{
				jar: jar, jdk: "jdk17", before: []string{"-javaagent:" + part(t, "agent")},
				env: []string{"GRPC_XDS_BOOTSTRAP_CONFIG=" + plane.bootstrap()},
			})
			for _, c := range []string{"RestTemplate", "WebClient", "Feign"} {
				s := &scene{t: t, service: service, app: app, client: app.client(c), library: c}
				s.version(call{URL: "/A"}, "v2")
			}
			if n := strings.Count(app.log.String(), nothing); n != 1 {
				t.Errorf("the starter said %d times %q, want once", n, nothing)
			}
		})
	}
}

// TestStarterSettings has settings come from Spring's Environment, also where beans were made ahead of time.
func TestStarterSettings(t *testing.T) {
	rare(t)
	for _, jar := range []string{"boot27-starter", "boot35-aot", "boot40-starter"} {
		t.Run(jar, func(t *testing.T) {
			plane := newPlane(t)
			service := newService(t, plane, "go-sc-a", "", both, split(0, 100))
			newService(t, plane, "nobody", "", "a:v1", "")
			plane.start()
			app := start(t, launch{jar: jar, jdk: "jdk17", args: []string{
				"--GRPC_XDS_BOOTSTRAP_CONFIG=" + plane.bootstrap(), "--mizzen.mode.nobody=off", "--mizzen.names=orders:go-sc-a",
			}})
			off := start(t, launch{jar: jar, jdk: "jdk17", args: []string{"--GRPC_XDS_BOOTSTRAP_CONFIG=" + plane.bootstrap(), "--mizzen.agent=off"}})
			for _, c := range []string{"RestTemplate", "WebClient", "Feign"} {
				s := &scene{t: t, service: service, app: app, client: app.client(c), library: c}
				s.version(call{URL: "http://orders/A"}, "v2")
				s.fails(s.once(call{URL: "http://nobody/A"}))
				s = &scene{t: t, app: off, client: off.client(c), library: c}
				s.fails(s.once(call{URL: "http://nobody/A"}))
			}
			if log, want := off.log.String(), "mizzen: mizzen-spring-cloud-starter is off by mizzen.agent; the application runs without the mesh"; !strings.Contains(log, want) || strings.Contains(log, "connected") {
				t.Errorf("got the log %q, want %q in it and no connection", log, want)
			}
		})
	}
}

// TestStarterAuthority sets the option that HttpURLConnection needs to send another Host header.
func TestStarterAuthority(t *testing.T) {
	rare(t)
	plane := newPlane(t)
	service := newService(t, plane, "go-sc-a", "", "a:v1", route("rewrite: {authority: b.example}"))
	plane.start()
	app := start(t, launch{
		jar: "boot35-starter", jdk: "jdk17", options: []string{"-Dsun.net.http.allowRestrictedHeaders=true"},
		env: []string{"GRPC_XDS_BOOTSTRAP_CONFIG=" + plane.bootstrap()},
	})
	for _, c := range []string{"RestTemplate", "Feign"} {
		s := &scene{t: t, service: service, app: app, client: app.client(c), library: c}
		if a := s.status(call{URL: "/A"}, 200).answer(); a.Host != "b.example" {
			t.Errorf("%s: the pod got the host %q, want b.example", c, a.Host)
		}
	}
	if log := app.log.String(); strings.Contains(log, "HttpURLConnection") {
		t.Errorf("got a line about HttpURLConnection in the log %q, want none", log)
	}
}

// TestStarterEncryptedCalls has calls fail that the mesh encrypts: without the agent no client library has its certificates.
func TestStarterEncryptedCalls(t *testing.T) {
	rare(t)
	for jar, clients := range map[string][]string{"boot35-starter": {"RestTemplate", "RestClient", "WebClient", "Feign"}, "gateway35-starter": {"gateway"}} {
		t.Run(jar, func(t *testing.T) {
			mesh := authority.New(t)
			files := mesh.Client()
			plane := newPlane(t)
			mutual := newEncrypted(t, plane, "mutual", optional(mesh.Server("orders", "localhost")), "{mode: ISTIO_MUTUAL}")
			plane.start()
			app := start(t, launch{
				jar: jar, jdk: "jdk17", args: gatewayArgs(jar, []string{"mutual.demo"}), options: trustStore(t, filepath.Join(files, "ca.crt")),
				env: []string{"GRPC_XDS_BOOTSTRAP_CONFIG=" + plane.bootstrap("--certificates", files)},
			})
			for _, c := range clients {
				encryptedCalls{t, app.client(c)}.fails("http://mutual.demo/A", mutual)
			}
			if log, want := app.log.String(), "the certificate providers of the bootstrap are not used"; !strings.Contains(log, want) {
				t.Errorf("got the log %q, want %q in it", log, want)
			}
		})
	}
}

// TestStarterGatewayWebMVC has a gateway that only asks its balancer for an instance.
func TestStarterGatewayWebMVC(t *testing.T) {
	rare(t)
	plane := newPlane(t)
	service := newService(t, plane, "go-sc-a", "", both, toV2(`{headers: {x-lane: {exact: gray}}}`))
	newService(t, plane, "shares", "", both, split(50, 50))
	plane.start()
	app := start(t, launch{
		jar: "gateway-mvc35-starter", jdk: "jdk17", args: gatewayArgs("gateway-mvc35-starter", []string{"go-sc-a", "shares"}),
		env: []string{"GRPC_XDS_BOOTSTRAP_CONFIG=" + plane.bootstrap()},
	})
	s := &scene{t: t, service: service, app: app, client: gateway{app}, library: "gateway-mvc"}
	s.version(call{URL: "/A"}, "v1")
	s.version(call{URL: "/A", Headers: map[string]string{"x-lane": "gray"}}, "v2")
	s.share(s.do(call{URL: "http://shares/A", Count: 200}), "v2", ofVersion("v2"), 0.5)
	s.fails(s.once(call{URL: "http://nobody/A"}))
	if log, want := app.log.String(), "but not its timeouts, retries, faults, rewrites, redirects and header changes"; !strings.Contains(log, want) {
		t.Errorf("got the log %q, want %q in it", log, want)
	}
}
