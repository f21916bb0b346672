//go:build spring

package spring

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"regexp"
	"slices"
	"strings"
	"testing"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/proto"

	"github.com/mizzen-mesh/mizzen/test/spring/provider"
)

const (
	typeOfListeners = "type.googleapis.com/envoy.config.listener.v3.Listener"
	typeOfRoutes    = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
)

type editing = map[string]func(*testing.T, *discoveryv3.DiscoveryResponse) []byte

// attacks are played one after the other against one application under load.
var attacks = []attack{
	{name: "random bytes", raw: func(c net.Conn) {
		noise := make([]byte, 4096)
		for i := range noise {
			noise[i] = byte(rand.Int())
		}
		sends(noise)(c)
	}, line: "the server does not answer with HTTP/2"},
	{name: "random bytes after the settings", raw: func(c net.Conn) {
		noise := make([]byte, 4096)
		for i := range noise {
			noise[i] = byte(rand.Int()) | 0x80
		}
		sends(frame(settingsFrame, 0, 0), noise)(c)
	}, line: `the server sends a frame of \d+ bytes`},
	{name: "HTTP/1", raw: sends([]byte("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")), line: "the server answers with HTTP/1, not gRPC"},
	{name: "a frame of a wrong size", raw: sends(frame(settingsFrame, 0, 0), frame(resetFrame, 0, 1, 1, 2, 3)), line: "the server sends a frame of a wrong size"},
	{name: "GOAWAY", raw: sends(opened(), frame(goAwayFrame, 0, 0, 0, 0, 0, 1, 0, 0, 0, 11)), line: "the server sends GOAWAY with error 11"},
	{name: "RST_STREAM", raw: sends(opened(), frame(resetFrame, 0, 1, 0, 0, 0, 2)), line: "the server reset the stream with error 2"},
	{name: "a connection that is reset", raw: func(c net.Conn) {
		_, _ = io.ReadFull(c, make([]byte, 100))
		_ = c.(*net.TCPConn).SetLinger(0)
	}, line: "the server closed the connection"},
	{name: "headers of a megabyte", raw: sends(frame(settingsFrame, 0, 0), frame(headersFrame, 0, 1, bytes.Repeat(header("a", "b"), 2000)...),
		bytes.Repeat(frame(continuationFrame, 0, 1, bytes.Repeat(header("a", "b"), 2000)...), 100)), line: "the server sends headers of more than 65536 bytes"},
	{
		name: "CONTINUATION without end", raw: sends(frame(settingsFrame, 0, 0), frame(headersFrame, 0, 1), bytes.Repeat(frame(continuationFrame, 0, 1), 100000)),
		line: "the server sends headers in more than 64 frames",
	},
	{name: "UNIMPLEMENTED", raw: sends(frame(settingsFrame, 0, 0), trailers("12", "no such method")), line: "UNIMPLEMENTED: no such method"},
	{name: "UNAUTHENTICATED", raw: sends(frame(settingsFrame, 0, 0), trailers("16", "who%20are%20you")), line: "UNAUTHENTICATED: who are you"},
	{name: "a message of 100 MB", raw: sends(opened(), frame(dataFrame, 0, 1, 0, 6, 64, 0, 0, 1, 2, 3)), line: "the server sends a message of 104857600 bytes"},
	{name: "no answer", raw: sends(opened()), asks: true, line: "it accepts the connection and does not answer"},
	{name: "a truncated response", edit: editing{typeOfRoutes: func(t *testing.T, r *discoveryv3.DiscoveryResponse) []byte {
		whole := must(proto.Marshal(r))(t)
		return whole[:len(whole)-1]
	}}, line: "malformed protobuf"},
	{name: "a response of another type", silent: true, edit: editing{typeOfRoutes: func(t *testing.T, r *discoveryv3.DiscoveryResponse) []byte {
		r.TypeUrl = "type.googleapis.com/envoy.config.route.v3.Other"
		return must(proto.Marshal(r))(t)
	}}, line: "ignored what the control plane sends: a response of the type"},
	{name: "a listener of another type", silent: true, asks: true, edit: editing{typeOfListeners: func(t *testing.T, r *discoveryv3.DiscoveryResponse) []byte {
		for _, resource := range r.Resources {
			resource.TypeUrl = "type.googleapis.com/other"
		}
		return must(proto.Marshal(r))(t)
	}}, line: "rejected what the control plane sends; the last good version stays in effect: a resource has the type"},
	{name: "a bad resource among good ones", silent: true, edit: editing{typeOfRoutes: badRoutes}, line: "rejected what the control plane sends; .* has the unsupported field"},
}

// badRoutes has the routes of go-sc-b be of a kind that no control plane sends to this client.
func badRoutes(t *testing.T, r *discoveryv3.DiscoveryResponse) []byte {
	for _, resource := range r.Resources {
		table := &routev3.RouteConfiguration{}
		if err := proto.Unmarshal(resource.Value, table); err != nil {
			t.Error(err)
		}
		if strings.Contains(table.Name, "go-sc-b") {
			table.VirtualHosts[0].Routes[0].GetRoute().ClusterSpecifier = &routev3.RouteAction_ClusterHeader{ClusterHeader: "x"}
			resource.Value = must(proto.Marshal(table))(t)
		}
	}
	return must(proto.Marshal(r))(t)
}

// lines returns what the agent has written since the log had this length.
func (a *application) lines(from int) []string {
	return regexp.MustCompile("(?m)^mizzen: .*$").FindAllString(a.log.String()[from:], -1)
}

// about returns the lines that a regular expression matches.
func about(lines []string, expression string) []string {
	matches := regexp.MustCompile(expression)
	return slices.DeleteFunc(slices.Clone(lines), func(line string) bool { return !matches.MatchString(line) })
}

// TestHostileStream has garbage come on the stream, while an application calls without a pause. No call fails, the agent writes
// one line about each kind, and it follows again after it.
func TestHostileStream(t *testing.T) {
	plane := newPlane(t)
	a := newService(t, plane, "go-sc-a", "", both, split(100, 0))
	b := newService(t, plane, "go-sc-b", "", both, split(100, 0))
	plane.start()
	relay := newRelay(t, plane, nil)
	app := start(t, launch{
		jar: "boot35", jdk: "jdk17", options: []string{"-Dmizzen.reconnect.max=300ms", "-Dmizzen.wait=300ms"}, args: registered(t, "new", len(attacks)),
		env: []string{"GRPC_XDS_BOOTSTRAP_CONFIG=" + plane.bootstrap("--server-uri", fmt.Sprintf("127.0.0.1:%d", relay.port()))},
	})
	s := &scene{t: t, service: a, app: app, client: app.client("RestTemplate"), library: "RestTemplate"}
	s.version(call{URL: "/A"}, "v1")
	s.version(call{URL: "http://go-sc-b/A"}, "v1")
	web := &scene{t: t, service: a, app: app, client: app.client("WebClient"), library: "WebClient"}
	web.version(call{URL: "/A"}, "v1")
	stops := []func() int{s.load(call{URL: "/A"}), web.load(call{URL: "/A"})}
	for i, attack := range attacks {
		t.Run(attack.name, func(t *testing.T) {
			s := &scene{t: t, service: a, app: app, client: app.client("RestTemplate"), library: "RestTemplate"}
			a.t, b.t = t, t
			s.withstands(relay, attack, fmt.Sprintf("new-%d", i), b)
		})
	}
	a.t, b.t = t, t
	for _, stop := range stops {
		t.Logf("%d calls under load", stop())
	}
}

// registered has the application's own discovery know a pod by these names: NAME-0, NAME-1, ...
func registered(t *testing.T, name string, n int) (args []string) {
	t.Helper()
	pod := must(provider.Start("registered", "r"))(t)
	t.Cleanup(func() { _ = pod.Refuse() })
	for i := range n {
		args = append(args, fmt.Sprintf("--spring.cloud.discovery.client.simple.instances.%s-%d[0].uri=http://%s", name, i, pod.Address()))
	}
	return args
}

// withstands plays an attack.
func (s *scene) withstands(relay *relay, a attack, unknown string, other *service) {
	s.t.Helper()
	from := len(s.app.log.String())
	relay.set(a)
	if a.asks {
		eventually(s.t, patience, func() error { return relay.attacked(1) })
		s.version(call{URL: "http://" + unknown + "/A"}, "r")
	} else if a.raw != nil {
		eventually(s.t, patience, func() error { return relay.attacked(4) })
	} else {
		other.rules(split(50, 50))
		other.rules(split(0, 100))
	}
	eventually(s.t, patience, func() error {
		if lines := s.app.lines(from); len(about(lines, a.line)) == 0 {
			return fmt.Errorf("got the lines %q, want %q", lines, a.line)
		}
		return nil
	})
	if a.edit != nil && a.silent && !a.asks {
		s.version(call{URL: "http://go-sc-b/A"}, "v1")
	}
	relay.set(attack{})
	for _, version := range []string{"v2", "v1"} {
		s.rules(split(map[string]int{"v1": 100}[version], map[string]int{"v2": 100}[version]))
		eventually(s.t, patience, func() error {
			if o := s.get(); !ofVersion(version)(o) {
				return fmt.Errorf("after the attack: got %v, want %s", o, version)
			}
			return nil
		})
	}
	other.rules(split(100, 0))
	eventually(s.t, patience, func() error {
		if o := s.once(call{URL: "http://go-sc-b/A"}); !ofVersion("v1")(o) {
			return fmt.Errorf("after the attack: got %v, want v1", o)
		}
		return nil
	})
	want := []string{a.line, ": connected$"}
	if a.silent {
		want = want[:1]
	} else if a.asks {
		want = append(want, "the server closed the connection") // without an answer, at the end of the attack
	}
	if a.asks {
		want = append(want, "the control plane has not answered for \""+unknown)
	}
	s.app.said(s.t, from, want...)
}

// said waits for one line of the agent about each of these, and fails if there are others.
func (a *application) said(t *testing.T, from int, want ...string) {
	t.Helper()
	eventually(t, patience, func() error {
		if lines := a.lines(from); len(lines) < len(want) {
			return fmt.Errorf("got the lines %q, want %q", lines, want)
		}
		return nil
	})
	lines := a.lines(from)
	for _, line := range want {
		if n := len(about(lines, line)); n != 1 {
			t.Errorf("got %d lines about %q, want 1", n, line)
		}
	}
	if len(lines) != len(want) {
		t.Errorf("got the lines\n%s\nwant only those about %q", strings.Join(lines, "\n"), want)
	}
}
