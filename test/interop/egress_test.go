//go:build interop

package interop

import (
	"crypto/tls"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/mizzen-mesh/mizzen/test/authority"
)

// outside is a gRPC server outside of the mesh. It notes how clients connect.
type outside struct {
	net.Listener
	port int

	mu sync.Mutex
	// names are the server names that clients sent, empty ones included. plaintext counts the connections that began
	// with something else than TLS.
	names     []string
	plaintext int
}

// newOutside serves until the test ends. A nil config is plaintext.
func newOutside(t *testing.T, config *tls.Config) *outside {
	t.Helper()
	o := &outside{Listener: must(net.Listen("tcp", "127.0.0.1:0"))(t)}
	o.port = o.Addr().(*net.TCPAddr).Port
	b := &backend{name: "outside"}
	options := []grpc.ServerOption{grpc.ForceServerCodec(raw{}), grpc.UnknownServiceHandler(b.handle)}
	if config != nil {
		config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.names = append(o.names, hello.ServerName)
			return nil, nil
		}
		options = append(options, grpc.Creds(credentials.NewTLS(config)))
	}
	server := grpc.NewServer(options...)
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(o) })
	t.Cleanup(func() {
		server.Stop()
		serving.Wait()
	})
	return o
}

// Accept notes whether the connection begins with TLS.
func (o *outside) Accept() (net.Conn, error) {
	conn, err := o.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &firstByte{Conn: conn, server: o}, nil
}

// firstByte is a connection that tells the server what it begins with.
type firstByte struct {
	net.Conn
	server *outside
	once   sync.Once
}

func (c *firstByte) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.once.Do(func() {
			const handshake = 22
			if p[0] != handshake {
				c.server.mu.Lock()
				defer c.server.mu.Unlock()
				c.server.plaintext++
			}
		})
	}
	return n, err
}

// take returns what was noted since the last call of take.
func (o *outside) take() (names []string, plaintext int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	names, plaintext = slices.Compact(slices.Sorted(slices.Values(o.names))), o.plaintext
	o.names, o.plaintext = nil, 0
	return names, plaintext
}

// egressServices are the Services of which the servers are outside of the mesh, with their rules. The server of trusted ones
// has certificates for these names, the first for clients that send no name: first.example.com, one.example.com,
// two.example.com, *.wild.example.com, own.demo.svc.cluster.local.
var egressServices = map[string]string{
	"first": "{mode: SIMPLE, sni: first.example.com}",
	"one":   "{mode: SIMPLE, sni: one.example.com}",
	"two":   "{mode: SIMPLE, sni: two.example.com}",
	"wild":  "{mode: SIMPLE, sni: any.wild.example.com}",
	"own":   "{mode: SIMPLE}",
	"dns":   "{mode: SIMPLE, sni: two.example.com}",
	// A wildcard is read in two ways: see docs/FIELDS.md.
	"star":    `{mode: SIMPLE, sni: any.wild.example.com, subjectAltNames: ["*.wild.example.com"]}`,
	"covered": `{mode: SIMPLE, sni: one.example.com, subjectAltNames: ["*.example.com"]}`,
	// These must fail with all clients.
	"wrong":   "{mode: SIMPLE, sni: one.example.com, subjectAltNames: [two.example.com]}",
	"unknown": "{mode: SIMPLE, sni: unknown.example.com}",
	"foreign": "{mode: SIMPLE, sni: first.example.com}",
	"plain":   "{mode: SIMPLE, sni: first.example.com}",
}

// egressObjects are the Services and their rules. dns is an ExternalName; the others have an endpoint.
func egressObjects(ports map[string]int) string {
	var docs []string
	for _, name := range slices.Sorted(maps.Keys(egressServices)) {
		if name == "dns" {
			docs = append(docs, fmt.Sprintf("apiVersion: v1\nkind: Service\nmetadata: {name: dns, namespace: demo}\n"+
				"spec: {type: ExternalName, externalName: localhost, ports: [{name: grpc, port: %d}]}\n", ports[name]))
		} else {
			docs = append(docs, fmt.Sprintf(`apiVersion: v1
kind: Service
metadata: {name: %[1]s, namespace: demo}
spec: {ports: [{name: grpc, port: 443}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: %[1]s-1, namespace: demo, labels: {kubernetes.io/service-name: %[1]s}}
addressType: IPv4
ports: [{name: grpc, port: %[2]d}]
endpoints: [{addresses: [127.0.0.1]}]
`, name, ports[name]))
		}
		docs = append(docs, fmt.Sprintf("apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: %[1]s, namespace: demo}\n"+
			"spec: {host: %[1]s, trafficPolicy: {tls: %[2]s}}\n", name, egressServices[name]))
	}
	return strings.Join(docs, "---\n")
}

// egressClient is how a client is started.
type egressClient struct {
	name string
	spec clientSpec
	// env has the variables of its process.
	env []string
	// answered are the Services that it can call, by language. It gets UNAVAILABLE from all others.
	answered map[string][]string
}

const (
	// rootsFile is replaced by the file with the roots of the machine.
	rootsFile           = "ROOTS"
	systemRootsVariable = "GRPC_EXPERIMENTAL_XDS_SYSTEM_ROOT_CERTS="
	sniVariable         = "GRPC_EXPERIMENTAL_XDS_SNI="
)

// What clients can call that name the server, in most languages and in Java, and that do not.
var (
	named     = []string{"dns", "first", "one", "own", "star", "two", "wild"}
	namedJava = []string{"covered", "dns", "first", "one", "own", "star", "two"}
	unnamed   = []string{"first"}
)

var egressClients = []egressClient{
	{
		"both declared",
		clientSpec{SystemRoots: true, SNI: true},
		[]string{systemRootsVariable + "true", sniVariable + "true"},
		map[string][]string{"go": named, "java": namedJava, "python": named},
	},
	{
		"roots alone declared",
		clientSpec{SystemRoots: true},
		[]string{systemRootsVariable + "true"},
		map[string][]string{"go": unnamed, "java": namedJava, "python": named},
	},
	{
		// Nothing states that the application uses xDS credentials, whatever the variables are.
		"nothing declared", clientSpec{}, []string{systemRootsVariable + "true", sniVariable + "true"}, nil,
	},
	{
		"certificates declared",
		clientSpec{Certificates: []string{"default"}},
		nil,
		map[string][]string{"java": namedJava, "python": named},
	},
	{
		// The roots of the machine, in a file that a provider watches.
		"a provider",
		clientSpec{Authorities: "system=" + rootsFile},
		[]string{sniVariable + "true"},
		map[string][]string{"go": named, "python": named, "node": unnamed},
	},
	{
		"declared and not set",
		clientSpec{SystemRoots: true, SNI: true},
		[]string{systemRootsVariable + "false", sniVariable + "false"},
		map[string][]string{"python": unnamed},
	},
}

// TestEgress calls servers outside of the mesh, whose authority is a root of the client's machine. Whatever a client declares
// and supports, the server that it reaches has the right name, and no call is sent in plain text.
func TestEgress(t *testing.T) {
	roots := authority.New(t)
	// The certificates of the mesh are of another authority.
	mesh := authority.New(t)
	trusted := newOutside(t, roots.Outside("first.example.com", "one.example.com", "two.example.com", "*.wild.example.com", "own.demo.svc.cluster.local"))
	servers := map[string]*outside{"foreign": newOutside(t, authority.New(t).Outside("first.example.com")), "plain": newOutside(t, nil)}
	ports := map[string]int{}
	for name := range egressServices {
		ports[name] = trusted.port
		if other := servers[name]; other != nil {
			ports[name] = other.port
		}
	}
	env, file := roots.SystemRoots()
	for _, l := range languages {
		for _, c := range egressClients {
			if c.spec.Authorities != "" && l.name == "java" {
				continue // It rejects such a bootstrap.
			}
			t.Run(l.name+"/"+strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
				p := startPlane(t, "", egressObjects(ports))
				p.certificates = mesh.Client()
				spec, started := c.spec, *l
				spec.Namespace = "demo"
				spec.Authorities = strings.ReplaceAll(spec.Authorities, rootsFile, file)
				started.env = slices.Concat(l.env, env, c.env)
				client := startClient(t, &started, p.bootstrap(spec), false)
				for _, name := range slices.Sorted(maps.Keys(egressServices)) {
					c.check(t, client, name, slices.Contains(c.answered[l.name], name))
				}
				names, plaintext := trusted.take()
				for _, server := range servers {
					_, more := server.take()
					plaintext += more
				}
				if c.answered[l.name] == nil && l.name != "node" && c.name != "declared and not set" && !strings.Contains(string(p.inspect("problems")), systemRootsVariable[:len(systemRootsVariable)-1]) {
					t.Errorf("no Problem names the variable that the client does not declare:\n%s", p.inspect("problems"))
				}
				t.Logf("server names sent: %q", names)
				if plaintext != 0 {
					t.Errorf("got %d connections in plain text, want none", plaintext)
				}
			})
		}
	}
}

func (c *egressClient) check(t *testing.T, client *client, name string, answered bool) {
	t.Helper()
	outcomes := must(client.call(&callSpec{To: name, Method: defaultMethod, Count: 1, Parallel: 1, Timeout: duration(20 * time.Second)}))(t)
	const unavailable = 14
	switch got := outcomes[0]; {
	case answered && got.Code != 0:
		t.Errorf("%s: got %d %s, want an answer", name, got.Code, got.Text)
	case !answered && got.Code != unavailable:
		t.Errorf("%s: got %d %s, want UNAVAILABLE", name, got.Code, got.Text)
	default:
		t.Logf("%s: %d %s", name, got.Code, got.Text)
	}
}
