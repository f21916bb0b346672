//go:build spring

package spring

import (
	byteorder "encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/mizzen-mesh/mizzen/test/authority"
	"github.com/mizzen-mesh/mizzen/test/spring/provider"
)

// unfit is an application that starts with bad input.
type unfit struct {
	name string
	// prepare returns how it is started. The application has the service go-sc-a in its own discovery, too.
	prepare func(s *scenery) launch
	// lines are what the agent says about the input, once each.
	lines []string
	// meshed tells whether calls of go-sc-a follow the mesh. Otherwise the application's own discovery has them.
	meshed bool
	// then is what happens with the running application.
	then func(s *scenery)
}

// scenery is what an unfit application runs with.
type scenery struct {
	*scene
	plane *plane
	// pod is in the application's own discovery.
	pod *provider.Pod
	// file is what prepare wrote.
	file string
}

// TestHostileStart has applications start with bad input. They run, and the agent says once what is wrong.
func TestHostileStart(t *testing.T) {
	rare(t)
	for _, u := range unfits {
		t.Run(u.name, func(t *testing.T) {
			plane := newPlane(t)
			s := &scenery{plane: plane, pod: must(provider.Start("registered", "r"))(t)}
			t.Cleanup(func() { _ = s.pod.Refuse() })
			a := newService(t, plane, "go-sc-a", "", both, split(0, 100))
			plane.start()
			s.scene = &scene{t: t, service: a, library: "RestTemplate"}
			l := u.prepare(s)
			l.jar, l.jdk = "boot35", "jdk17"
			for _, name := range []string{"go-sc-a", "registered"} {
				l.args = append(l.args, fmt.Sprintf("--spring.cloud.discovery.client.simple.instances.%s[0].uri=http://%s", name, s.pod.Address()))
			}
			s.app = start(t, l)
			s.client = s.app.client("RestTemplate")
			s.version(call{URL: "/A"}, map[bool]string{true: "v2", false: "r"}[u.meshed])
			s.version(call{URL: "http://registered/A"}, "r")
			if u.then != nil {
				u.then(s)
			}
			s.version(call{URL: "http://registered/A"}, "r")
			for _, line := range u.lines {
				eventually(t, patience, func() error {
					if got := s.app.lines(0); len(about(got, line)) == 0 {
						return fmt.Errorf("got the lines %q, want %q", got, line)
					}
					return nil
				})
				if got := about(s.app.lines(0), line); len(got) != 1 {
					t.Errorf("got the lines %q, want one", got)
				}
			}
			if got := s.app.lines(0); len(got) > len(u.lines)+4 {
				t.Errorf("got the lines\n%s\nwant those about %q, and at most 4 others", strings.Join(got, "\n"), u.lines)
			}
		})
	}
}

// withPlane has the application find the control plane.
func (s *scenery) withPlane(options ...string) launch {
	return launch{options: options, env: []string{"GRPC_XDS_BOOTSTRAP_CONFIG=" + s.plane.bootstrap()}}
}

var unfits = []unfit{
	{name: "no bootstrap", prepare: func(*scenery) launch {
		return launch{env: []string{"GRPC_XDS_BOOTSTRAP=", "GRPC_XDS_BOOTSTRAP_CONFIG="}}
	}, lines: []string{"neither GRPC_XDS_BOOTSTRAP nor GRPC_XDS_BOOTSTRAP_CONFIG is set; the application runs without the mesh"}},
	{name: "a bootstrap that is cut off", prepare: func(s *scenery) launch {
		text := s.plane.bootstrap()
		return launch{env: []string{"GRPC_XDS_BOOTSTRAP_CONFIG=" + text[:len(text)/2]}}
	}, lines: []string{"GRPC_XDS_BOOTSTRAP_CONFIG: not JSON: .*; the application runs without the mesh"}},
	{name: "an empty token and a full disk", prepare: emptyToken, then: fillToken, lines: []string{
		"the token file .* is empty; nothing is known yet; trying again", ": connected$",
		"the last-good file .* cannot be written: .*No space left on device",
	}},
	{name: "two agents, 10,000 services, a megabyte, a folder that cannot be made", prepare: func(s *scenery) launch {
		s.plane.write("many.yaml", many())
		s.plane.write("large.yaml", large(s.pod.Port()))
		return s.withPlane("-javaagent:"+part(s.t, "agent"), "-Dmizzen.state=/proc/mizzen")
	}, meshed: true, then: askMany, lines: []string{"the agent was started twice; the second one does nothing", "the last-good file .* cannot be written"}},
	{name: "a balancer of the application", prepare: func(s *scenery) launch {
		l := s.withPlane()
		l.beside, l.args = ownBalancer(s.t), []string{fmt.Sprintf("--own.port=%d", s.pod.Port())}
		return l
	}, meshed: true, then: func(s *scenery) {
		s.version(call{URL: "http://of-its-own/A"}, "r")
		for _, service := range []string{"go-sc-a", "of-its-own"} {
			var chosen struct{ Port int }
			if err := s.app.get("/own?service="+service, &chosen); err != nil || chosen.Port != s.pod.Port() {
				s.t.Errorf("the application's balancer of %s chose %v, want its own pod: %v", service, chosen, err)
			}
		}
	}, lines: []string{"the application's own balancer, .* are not used"}},
	{name: "a clock that was set back by an hour", prepare: fromTheFuture, meshed: true, lines: []string{
		"is used until the control plane answers", "Connection refused; what is known stays in effect; trying again",
	}},
}

// emptyToken has the application connect by TLS with a token that is not there yet, and the last-good file on a full disk.
func emptyToken(s *scenery) launch {
	mesh := authority.New(s.t)
	config := mesh.Server("plane", "localhost")
	config.ClientAuth = 0
	relay := newRelay(s.t, s.plane, config)
	dir := s.t.TempDir()
	s.file = filepath.Join(dir, "token")
	if err := os.WriteFile(s.file, nil, 0o600); err != nil {
		s.t.Fatal(err)
	}
	text := s.plane.bootstrap("--server-uri", fmt.Sprintf("localhost:%d", relay.port()), "--tls-ca", filepath.Join(mesh.Client(), "ca.crt"), "--token", s.file)
	// A file system that is full, for which a test needs the rights of root.
	full := s.t.TempDir()
	if output, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=4k", "mizzen", full).CombinedOutput(); err != nil {
		s.t.Skipf("NOT RUN: mount a small file system: %v\n%s", err, output)
	}
	s.t.Cleanup(func() {
		if output, err := exec.Command("umount", "-l", full).CombinedOutput(); err != nil {
			s.t.Errorf("umount: %v\n%s", err, output)
		}
	})
	if err := os.WriteFile(filepath.Join(full, "large"), make([]byte, 4096), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return launch{options: []string{"-Dmizzen.reconnect.max=300ms", "-Dmizzen.state=" + full}, env: []string{"GRPC_XDS_BOOTSTRAP_CONFIG=" + text}}
}

func fillToken(s *scenery) {
	if err := os.WriteFile(s.file, []byte("token\n"), 0o600); err != nil {
		s.t.Fatal(err)
	}
	eventually(s.t, patience, func() error {
		if o := s.get(); !ofVersion("v2")(o) {
			return fmt.Errorf("with a token: got %v, want v2", o)
		}
		return nil
	})
}

// many has 10,000 services.
func many() string {
	var text strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&text, "apiVersion: v1\nkind: Service\nmetadata: {name: many-%d, namespace: %s}\nspec: {ports: [{name: http, port: 80}]}\n---\n", i, namespace)
	}
	return text.String()
}

// large has a service with routes of a megabyte. The last one goes to a pod.
func large(port int) string {
	var text strings.Builder
	fmt.Fprintf(&text, `apiVersion: v1
kind: Service
metadata: {name: large, namespace: %[1]s}
spec: {ports: [{name: http, port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: large, namespace: %[1]s, labels: {kubernetes.io/service-name: large}}
addressType: IPv4
ports: [{name: http, port: %[2]d}]
endpoints: [{addresses: [127.0.0.1], conditions: {ready: true}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: large, namespace: %[1]s}
spec:
  hosts: [large]
  http:
`, namespace, port)
	for i := range 1000 {
		fmt.Fprintf(&text, "  - {match: [{uri: {prefix: /%d/%s}}], directResponse: {status: 503}}\n", i, strings.Repeat("long", 250))
	}
	return text.String() + "  - route: [{destination: {host: large}}]\n"
}

// askMany asks for many services, by names that are not names of Services, too.
func askMany(s *scenery) {
	s.version(call{URL: "http://large/A"}, "r")
	s.version(call{URL: "http://GO-SC-A/A"}, "v2")
	s.version(call{URL: "http://go-sc-a.Shop/A"}, "v2")
	if o := s.once(call{URL: "http://go_sc_a/A"}); !strings.Contains(o.Error, "valid hostname") {
		s.t.Errorf("got %v, want what Spring says of a name with underscores", o)
	}
	for _, name := range []string{"go_sc_a", "..", "%20", "a%2Fb", "%C3%A4", strings.Repeat("x", 2000)} {
		var instances []string
		if err := s.app.get("/instances?service="+name, &instances); err != nil || len(instances) != 0 {
			s.t.Errorf("the service %.20q has the instances %v, %v; want none", name, instances, err)
		}
	}
	from := time.Now()
	for i := range 300 {
		var instances []string
		if err := s.app.get(fmt.Sprintf("/instances?service=many-%d", i), &instances); err != nil || len(instances) != 0 {
			s.t.Fatalf("many-%d has the instances %v, %v; want none", i, instances, err)
		}
	}
	s.t.Logf("300 services were asked for within %v", time.Since(from))
	s.rules(split(100, 0))
	s.follows(call{URL: "/A"}, "v1 beside many services", ofVersion("v1"))
}

// ownBalancer compiles the classes that an application has beside its jar.
func ownBalancer(t *testing.T) (dir string) {
	t.Helper()
	jar, classes := t.TempDir(), t.TempDir()
	for _, cmd := range []*exec.Cmd{
		exec.Command("python3", "-m", "zipfile", "-e", part(t, "boot35"), jar),
		exec.Command("javac", "-nowarn", "-proc:none", "-parameters", "--release", "17", "-cp", filepath.Join(jar, "BOOT-INF", "lib", "*"), "-d", classes, "apps/own/demo/OwnBalancer.java"),
	} {
		if output, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", cmd, err, output)
		}
	}
	return classes
}

// fromTheFuture has an application write a last-good file, and sets the times in it on by an hour: for the next one, the clock was
// set back. The control plane is away then.
func fromTheFuture(s *scenery) launch {
	dir := s.t.TempDir()
	l := s.withPlane("-Dmizzen.state=" + dir)
	l.jar, l.jdk = "boot35", "jdk17"
	edited := time.Now()
	app := start(s.t, l)
	s.app, s.client = app, app.client("RestTemplate")
	s.version(call{URL: "/A"}, "v2")
	eventually(s.t, patience, func() error { return saved(dir, edited) })
	app.stop()
	s.plane.kill()
	files := must(filepath.Glob(filepath.Join(dir, "*.mizzen")))(s.t)
	file := must(os.ReadFile(files[0]))(s.t)
	const magic, checksum = 9, 4
	later, n := setOn(file[magic:len(file)-checksum], time.Hour)
	if n == 0 {
		s.t.Fatal("the last-good file has no resources")
	}
	file = append(file[:magic:magic], later...)
	if err := os.WriteFile(files[0], byteorder.BigEndian.AppendUint32(file, crc32.ChecksumIEEE(file)), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return l
}

// setOn adds to the times of the resources in a last-good file: the field 3 of the messages 3 in the messages 1. It returns how many there are.
func setOn(file []byte, d time.Duration) (out []byte, resources int) {
	var edit func(message []byte, path string) []byte
	edit = func(message []byte, path string) (out []byte) {
		for len(message) > 0 {
			number, kind, n := protowire.ConsumeTag(message)
			size := protowire.ConsumeFieldValue(number, kind, message[n:])
			value := message[n : n+size]
			switch at := fmt.Sprint(path, number); at {
			case "1", "13":
				inner, _ := protowire.ConsumeBytes(value)
				value = protowire.AppendBytes(nil, edit(inner, at))
			case "133":
				millis, _ := protowire.ConsumeVarint(value)
				value = protowire.AppendVarint(nil, millis+uint64(d.Milliseconds()))
				resources++
			}
			out = append(append(out, message[:n]...), value...)
			message = message[n+size:]
		}
		return out
	}
	return edit(file, ""), resources
}
