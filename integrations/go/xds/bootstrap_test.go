package xds

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

func TestBootstraps(t *testing.T) {
	const start = `{"xds_servers": [{"server_uri": "a:1", "channel_creds": `
	for text, want := range map[string]string{
		`{`:  "parse the bootstrap",
		`{}`: "no xds_servers",
		`{"xds_servers": [{"channel_creds": [{"type": "insecure"}]}]}`:                                                     "no server_uri",
		start + `[{"type": "google_default"}]}]}`:                                                                          "insecure or tls",
		start + `[{"type": "tls", "config": {"ca_certificate_file": "/no/file"}}]}]}`:                                      "/no/file",
		start + `[{"type": "insecure"}], "call_creds": [{"type": "jwt_token_file", "config": {"jwt_token_file": "x"}}]}]}`: "beside channel_creds tls",
		start + `[{"type": "insecure"}]}], "node": {"id": 1}}`:                                                             "parse the node",
		start + `[{"type": "new"}, {"type": "insecure"}]}], "node": {"id": "n", "novel": 1}}`:                              "",
		start + `[{"type": "tls"}]}]}`:                                                                                     "",
	} {
		b, err := ParseBootstrap([]byte(text))
		if got := fmt.Sprint(err); want == "" && err != nil || !strings.Contains(got, want) {
			t.Errorf("%s: got %v and %q, want %q", text, b, got, want)
		}
	}
}

func TestBootstrapFromEnvironment(t *testing.T) {
	text := `{"xds_servers": [{"server_uri": "a:1", "channel_creds": [{"type": "insecure"}]}], "node": {"id": %q}}`
	t.Setenv(fileVariable, "")
	t.Setenv(textVariable, "")
	if _, err := BootstrapFromEnvironment(); err == nil || !strings.Contains(err.Error(), "controlplane bootstrap") {
		t.Errorf("got %v, want what to do", err)
	}
	t.Setenv(textVariable, fmt.Sprintf(text, "from the text"))
	if b, err := BootstrapFromEnvironment(); err != nil || b.node.GetId() != "from the text" {
		t.Errorf("got %v and %v", b, err)
	}
	file := filepath.Join(t.TempDir(), "bootstrap.json")
	write(t, file, fmt.Sprintf(text, "from the file"))
	t.Setenv(fileVariable, file)
	if b, err := BootstrapFromEnvironment(); err != nil || b.node.GetId() != "from the file" {
		t.Errorf("got %v and %v, want the file first", b, err)
	}
	t.Setenv(fileVariable, file+".gone")
	if b, err := BootstrapFromEnvironment(); err == nil {
		t.Errorf("got %v for a file that is not there, want an error", b)
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// guarded is a control plane that takes clients with a certificate and a token.
type guarded struct {
	discoveryv3.UnimplementedAggregatedDiscoveryServiceServer
	tokens chan string
}

func (g guarded) DeltaAggregatedResources(stream grpc.BidiStreamingServer[discoveryv3.DeltaDiscoveryRequest, discoveryv3.DeltaDiscoveryResponse]) error {
	md, _ := metadata.FromIncomingContext(stream.Context())
	g.tokens <- strings.Join(md.Get("authorization"), ",")
	return status.Error(codes.Unavailable, "that is all")
}

// TestEncryptedConnection proves an identity by a certificate and a token. Each stream has what the files have then.
func TestEncryptedConnection(t *testing.T) {
	dir := t.TempDir()
	authority, server := certificates(t, dir)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := guarded{tokens: make(chan string, 100)}
	s := grpc.NewServer(grpc.Creds(credentials.NewTLS(&tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{server}, ClientCAs: authority, ClientAuth: tls.RequireAndVerifyClientCert,
	})))
	discoveryv3.RegisterAggregatedDiscoveryServiceServer(s, g)
	go func() { _ = s.Serve(listener) }()
	t.Cleanup(s.Stop)

	first, second := token("first"), token("second")
	write(t, filepath.Join(dir, "token"), first)
	boot, err := ParseBootstrap([]byte(strings.ReplaceAll(fmt.Sprintf(`{"xds_servers": [{"server_uri": "passthrough:///%s",
		"channel_creds": [{"type": "tls", "config": {"ca_certificate_file": "DIR/ca.pem", "certificate_file": "DIR/cert.pem", "private_key_file": "DIR/key.pem"}}],
		"call_creds": [{"type": "jwt_token_file", "config": {"jwt_token_file": "DIR/token"}}]}]}`, listener.Addr()), "DIR", dir)))
	if err != nil {
		t.Fatal(err)
	}
	c, err := NewClient(Options{Bootstrap: boot})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	go func() { _ = c.Watch(t.Context(), "h:80") }()
	for _, want := range []string{first, second} {
		write(t, filepath.Join(dir, "token"), want)
		for late, got := time.After(20*time.Second), ""; got != "Bearer "+want; {
			select {
			case got = <-g.tokens:
			case <-late:
				t.Fatalf("got the token %q, want %q", got, want)
			}
		}
	}
}

// token is a JWT that expires in an hour.
func token(id string) string {
	part := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	return part(`{"alg":"none"}`) + "." + part(fmt.Sprintf(`{"jti":%q,"exp":%d}`, id, time.Now().Add(time.Hour).Unix())) + "." + part("x")
}

// certificates writes one certificate for 127.0.0.1, which is its own authority, for both sides.
func certificates(t *testing.T, dir string) (*x509.CertPool, tls.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	write(t, filepath.Join(dir, "ca.pem"), string(public))
	write(t, filepath.Join(dir, "cert.pem"), string(public))
	write(t, filepath.Join(dir, "key.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(public)
	return pool, pair
}
