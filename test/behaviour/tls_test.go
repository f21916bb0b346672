package behaviour

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	xdscreds "google.golang.org/grpc/credentials/xds"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/xds"

	"github.com/mizzen-mesh/mizzen/internal/bootstrap"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
	"github.com/mizzen-mesh/mizzen/test/authority"
)

// secureServer is a server that answers with the identity of its client.
type secureServer struct {
	testgrpc.UnimplementedTestServiceServer

	port  int
	calls atomic.Int32
}

func newSecureServer(t *testing.T, config *tls.Config) *secureServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	v := &secureServer{port: listener.Addr().(*net.TCPAddr).Port}
	server := grpc.NewServer(grpc.Creds(credentials.NewTLS(config)))
	testgrpc.RegisterTestServiceServer(server, v)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(listener)
	}()
	t.Cleanup(func() {
		server.Stop()
		<-ended
	})
	return v
}

func (v *secureServer) UnaryCall(ctx context.Context, _ *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
	v.calls.Add(1)
	who, _ := peer.FromContext(ctx)
	info, ok := who.AuthInfo.(credentials.TLSInfo)
	if !ok || len(info.State.PeerCertificates) == 0 {
		return &testgrpc.SimpleResponse{Username: "nobody"}, nil
	}
	return &testgrpc.SimpleResponse{Username: info.State.PeerCertificates[0].URIs[0].String()}, nil
}

// safe is the Service that these tests call. It has one pod with that account.
func safe(port int, account string) string {
	return fmt.Sprintf(`apiVersion: v1
kind: Service
metadata: {name: safe, namespace: demo}
spec: {ports: [{name: grpc, port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: safe-1, namespace: demo, labels: {kubernetes.io/service-name: safe}}
addressType: IPv4
ports: [{name: grpc, port: %d}]
endpoints: [{addresses: [127.0.0.1], targetRef: {kind: Pod, name: safe-%s, namespace: demo}}]
---
apiVersion: v1
kind: Pod
metadata: {name: safe-%[2]s, namespace: demo}
spec: {serviceAccountName: %[2]s}
`, port, account)
}

func encrypted(settings string) string {
	return "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: safe, namespace: demo}\nspec: {host: safe, trafficPolicy: {tls: {" +
		settings + "}}}\n"
}

// clientFiles are the certificates of a client with the account me.
func clientFiles(mesh *authority.Authority) bootstrap.Certificates {
	dir := mesh.Client()
	return bootstrap.Certificates{
		Certificate: filepath.Join(dir, "tls.crt"), Key: filepath.Join(dir, "tls.key"), Roots: filepath.Join(dir, "ca.crt"),
	}
}

// dialSafe connects a client with xDS credentials. They fall back to plain text if no rule requires encryption.
func (p *plane) dialSafe(providers map[string]bootstrap.Certificates) testgrpc.TestServiceClient {
	p.t.Helper()
	return p.dialSafeTo("safe", providers)
}

// dialSafeTo is dialSafe with another target.
func (p *plane) dialSafeTo(target string, providers map[string]bootstrap.Certificates) testgrpc.TestServiceClient {
	p.t.Helper()
	config, err := bootstrap.JSON(bootstrap.Options{ServerURI: p.xds, NodeID: p.t.Name(), Namespace: "demo", Certificates: providers})
	if err != nil {
		p.t.Fatal(err)
	}
	return p.dialByText(target, string(config), byXDS(p.t))
}

// dialByText connects a client with the text of a bootstrap.
func (p *plane) dialByText(target, text string, creds credentials.TransportCredentials) testgrpc.TestServiceClient {
	p.t.Helper()
	resolver, err := xds.NewXDSResolverWithConfigForTesting([]byte(text))
	if err != nil {
		p.t.Fatal(err)
	}
	channel, err := grpc.NewClient("xds:///"+target, grpc.WithResolvers(resolver), grpc.WithTransportCredentials(creds))
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = channel.Close() })
	return testgrpc.NewTestServiceClient(channel)
}

// byXDS are credentials that xDS decides about, and plaintext where it asks for no encryption.
func byXDS(t *testing.T) credentials.TransportCredentials {
	t.Helper()
	creds, err := xdscreds.NewClientCredentials(xdscreds.ClientOptions{FallbackCreds: insecure.NewCredentials()})
	if err != nil {
		t.Fatal(err)
	}
	return creds
}

// TestEncryptedCalls: with certificates of the mesh on both sides, or only on the server's side, calls succeed if
// both sides have the identity that the rule requires, and fail otherwise.
func TestEncryptedCalls(t *testing.T) {
	mesh, strangers := authority.New(t), authority.New(t)
	const me = "spiffe://cluster.local/ns/demo/sa/me"
	mine := clientFiles(mesh)
	roots := bootstrap.Certificates{Roots: mine.Roots}
	strict, open := mesh.Server("safe", "safe.demo.svc"), mesh.Server("safe", "safe.demo.svc")
	open.ClientAuth = tls.NoClientCert
	for name, test := range map[string]struct {
		server    *tls.Config
		rule      string
		providers map[string]bootstrap.Certificates
		who       string // the identity that the server sees
		failure   string
	}{
		"of a mesh": {
			server: strict, rule: "mode: ISTIO_MUTUAL", providers: map[string]bootstrap.Certificates{"default": mine}, who: me,
		},
		"of a mesh, another account": {
			server: mesh.Server("other"), rule: "mode: ISTIO_MUTUAL", providers: map[string]bootstrap.Certificates{"default": mine},
			failure: "do not match any of the accepted SANs",
		},
		"of another mesh": {
			server: strangers.Server("safe"), rule: "mode: ISTIO_MUTUAL", providers: map[string]bootstrap.Certificates{"default": mine},
			failure: "certificate signed by unknown authority",
		},
		"by name": {
			server: strict, rule: "mode: MUTUAL, credentialName: shop, subjectAltNames: [safe.demo.svc]",
			providers: map[string]bootstrap.Certificates{"shop": mine}, who: me,
		},
		"of the server alone": {
			server: open, rule: "mode: SIMPLE, credentialName: shop", providers: map[string]bootstrap.Certificates{"shop": roots}, who: "nobody",
		},
		"of the server alone, another name": {
			server: open, rule: "mode: SIMPLE, credentialName: shop, sni: safe.example.com", providers: map[string]bootstrap.Certificates{"shop": roots},
			failure: "do not match any of the accepted SANs",
		},
		"the machine's authorities": {
			server: open, rule: "mode: SIMPLE", providers: map[string]bootstrap.Certificates{"system": roots}, who: "nobody",
		},
		"not declared": {server: open, rule: "mode: SIMPLE, credentialName: shop", failure: "no targets to pick from"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlane(t, safe(newSecureServer(t, test.server).port, "safe"), encrypted(test.rule))
			resp, err := call(t, p.dialSafe(test.providers))
			failure := status.Convert(err).Message()
			if resp.GetUsername() != test.who || !strings.Contains(failure, test.failure) || (err != nil) != (test.failure != "") {
				t.Errorf("got %q and failure %q, want %q and %q", resp.GetUsername(), failure, test.who, test.failure)
			}
		})
	}
}

// TestOtherTrustDomain: servers of another trust domain, such as those of another cluster, are called if it is an alias.
func TestOtherTrustDomain(t *testing.T) {
	signed := authority.New(t) // for cluster.local
	server := newSecureServer(t, signed.Server("safe"))
	for aliases, failure := range map[string]string{"cluster.local": "", "b.example": "do not match any of the accepted SANs"} {
		p := newPlaneOf(t, watch.Options{Defaults: mesh.Defaults{TrustDomain: "a.example", TrustDomainAliases: aliases}}, safe(server.port, "safe"), encrypted("mode: ISTIO_MUTUAL"))
		_, err := call(t, p.dialSafe(map[string]bootstrap.Certificates{"default": clientFiles(signed)}))
		if got := status.Convert(err).Message(); (err != nil) != (failure != "") || !strings.Contains(got, failure) {
			t.Errorf("the alias %s: got failure %q, want %q", aliases, got, failure)
		}
	}
}

// TestBackendTLSPolicy: servers are verified by their name. Without a way to do that, calls fail.
func TestBackendTLSPolicy(t *testing.T) {
	mesh := authority.New(t)
	open := mesh.Server("safe", "safe.demo.svc")
	open.ClientAuth = tls.NoClientCert
	system := map[string]bootstrap.Certificates{"system": {Roots: clientFiles(mesh).Roots}}
	for name, test := range map[string]struct {
		target, validation, more string
		providers                map[string]bootstrap.Certificates
		failure                  string
	}{
		"by its name":      {validation: "wellKnownCACertificates: System, hostname: safe.demo.svc", providers: system},
		"by another name":  {validation: "wellKnownCACertificates: System, hostname: other.example.com", providers: system, failure: "do not match any of the accepted SANs"},
		"by a listed name": {validation: "wellKnownCACertificates: System, hostname: other.example.com, subjectAltNames: [{type: Hostname, hostname: safe.demo.svc}]", providers: system},
		"by an identity":   {validation: "wellKnownCACertificates: System, hostname: other.example.com, subjectAltNames: [{type: URI, uri: 'spiffe://cluster.local/ns/demo/sa/safe'}]", providers: system},
		"on its port":      {target: ", sectionName: grpc", validation: "wellKnownCACertificates: System, hostname: safe.demo.svc", providers: system},
		"beside other settings of a client's namespace": {
			validation: "wellKnownCACertificates: System, hostname: safe.demo.svc", providers: system,
			more: "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: safe, namespace: demo}\nspec: {host: safe, trafficPolicy: {loadBalancer: {simple: RANDOM}}}\n",
		},
		"certificates that clients do not get": {validation: "caCertificateRefs: [{group: '', kind: ConfigMap, name: a}], hostname: safe.demo.svc", providers: system, failure: "no targets to pick from"},
		"not declared":                         {validation: "wellKnownCACertificates: System, hostname: safe.demo.svc", failure: "no targets to pick from"},
	} {
		t.Run(name, func(t *testing.T) {
			policy := "apiVersion: gateway.networking.k8s.io/v1\nkind: BackendTLSPolicy\nmetadata: {name: safe, namespace: demo}\n" +
				"spec: {targetRefs: [{group: '', kind: Service, name: safe" + test.target + "}], validation: {" + test.validation + "}}\n"
			p := newPlane(t, safe(newSecureServer(t, open).port, "safe"), policy, test.more)
			resp, err := call(t, p.dialSafe(test.providers))
			failure := status.Convert(err).Message()
			if (err != nil) != (test.failure != "") || !strings.Contains(failure, test.failure) {
				t.Errorf("got %q and failure %q, want failure %q", resp.GetUsername(), failure, test.failure)
			}
		})
	}
}

// TestCallsAreNeverWeaker: a server that accepts plain text gets no call that must be encrypted, from any client.
func TestCallsAreNeverWeaker(t *testing.T) {
	plain := newBackend(t, "a", "v1")
	p := newPlane(t, safe(plain.port, "safe"), encrypted("mode: ISTIO_MUTUAL"))
	for name, client := range map[string]testgrpc.TestServiceClient{
		"nothing declared":                   p.dial("safe"),
		"nothing declared, xDS credentials":  p.dialSafe(nil),
		"declared, and the server is plain":  p.dialSafe(map[string]bootstrap.Certificates{"default": clientFiles(authority.New(t))}),
		"another provider, and no such rule": p.dialSafe(map[string]bootstrap.Certificates{"shop": clientFiles(authority.New(t))}),
	} {
		if resp, err := call(t, client); err == nil {
			t.Errorf("%s: the call went to %v", name, resp)
		}
	}
	if attempts, _ := plain.seen(); len(attempts) > 0 {
		t.Errorf("the server saw %d calls in plain text", len(attempts))
	}
}

// TestEncryptionFollowsTheRule: encryption starts and stops with the rule, and pods with another account are accepted
// as soon as they exist.
func TestEncryptionFollowsTheRule(t *testing.T) {
	mesh := authority.New(t)
	before, after, plain := newSecureServer(t, mesh.Server("a")), newSecureServer(t, mesh.Server("b")), newBackend(t, "plain", "v1")
	p := newPlane(t, safe(plain.port, "a"))
	client := p.dialSafe(map[string]bootstrap.Certificates{"default": clientFiles(mesh)})
	reaches := func(wished string, ok func(*testgrpc.SimpleResponse) bool) {
		t.Helper()
		until(t, client, wished, func(r *testgrpc.SimpleResponse, err error) bool { return err == nil && ok(r) })
	}
	reaches("plain text", func(r *testgrpc.SimpleResponse) bool { return r.GetHostname() == "plain" })
	p.write("objects.yaml", safe(before.port, "a"), encrypted("mode: ISTIO_MUTUAL"))
	reaches("encryption", func(r *testgrpc.SimpleResponse) bool { return strings.HasSuffix(r.GetUsername(), "/sa/me") })
	p.write("objects.yaml", safe(after.port, "b"), encrypted("mode: ISTIO_MUTUAL"))
	until(t, client, "pods of another account", func(_ *testgrpc.SimpleResponse, err error) bool {
		return err == nil && after.calls.Load() > 0
	})
	p.write("objects.yaml", safe(plain.port, "b"))
	reaches("plain text again", func(r *testgrpc.SimpleResponse) bool { return r.GetHostname() == "plain" })
}
