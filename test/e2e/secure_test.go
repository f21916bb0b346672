//go:build e2e

package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/xds"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/mizzen-mesh/mizzen/internal/bootstrap"
	"github.com/mizzen-mesh/mizzen/test/e2e/cluster"
)

const (
	audience     = "mizzen.dev"
	listenerType = "type.googleapis.com/envoy.config.listener.v3.Listener"
)

// startSecure runs a control plane that requires a proof of identity, on a plaintext and a TLS port.
func startSecure(t *testing.T, flags ...string) *controlPlane {
	t.Helper()
	p := startControlPlane(t, append([]string{
		"--identity", "proof", "--xds-tls-address", cluster.HostIP + ":0", "--tls-certificates", certificates(t, ""), "--state-dir", t.TempDir(),
	}, flags...)...)
	if p.xdsTLS == "" {
		t.Fatal("the ready line has no TLS address")
	}
	return p
}

// certificates makes a folder with a certificate for a SPIFFE ID, or for the control plane.
func certificates(t *testing.T, spiffeID string) string {
	t.Helper()
	dir := t.TempDir()
	if err := suite.cluster.WriteCertificate(dir, spiffeID); err != nil {
		t.Fatal(err)
	}
	return dir
}

// newPod creates a pod that only has an address and an identity.
func newPod(t *testing.T, namespace, name string) *corev1.Pod {
	t.Helper()
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"app": "caller"}},
		Spec:       corev1.PodSpec{NodeName: "node-a", Containers: []corev1.Container{{Name: "caller", Image: "caller"}}},
	}
	pods := suite.core.CoreV1().Pods(namespace)
	await(t, "pod created", func() error { // its service account must exist first
		_, err := pods.Create(t.Context(), pod, metav1.CreateOptions{})
		return err
	})
	await(t, "pod with an address", func() (err error) {
		if pod, err = pods.Get(t.Context(), name, metav1.GetOptions{}); err == nil && pod.Status.PodIP == "" {
			err = io.ErrNoProgress
		}
		return err
	})
	return pod
}

// token makes the API server issue a token that is bound to a pod, or to none.
func token(t *testing.T, namespace string, pod *corev1.Pod, audiences ...string) string {
	t.Helper()
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{Audiences: audiences}}
	if pod != nil {
		request.Spec.BoundObjectRef = &authenticationv1.BoundObjectReference{Kind: "Pod", APIVersion: "v1", Name: pod.Name, UID: pod.UID}
	}
	accounts := suite.core.CoreV1().ServiceAccounts(namespace)
	return must(accounts.CreateToken(t.Context(), "default", request, metav1.CreateOptions{}))(t).Status.Token
}

// inFile writes a text to a file and returns its path.
func inFile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// dialAs makes a gRPC client with that bootstrap.
func dialAs(t *testing.T, options bootstrap.Options, source, target string) testpb.TestServiceClient {
	t.Helper()
	config := must(bootstrap.JSON(options))(t)
	if source != "" {
		config = callFrom(t, config, source)
	}
	resolver := must(xds.NewXDSResolverWithConfigForTesting(config))(t)
	conn := must(grpc.NewClient("xds:///"+target, grpc.WithResolvers(resolver), grpc.WithTransportCredentials(insecure.NewCredentials())))(t)
	t.Cleanup(func() { _ = conn.Close() })
	return testpb.NewTestServiceClient(conn)
}

// fromPod is the name of credentials: plaintext from the address of a pod, which a real pod has anyway.
const fromPod = "plaintext_from_pod"

// podCredentials make gRPC connect from the address in a bootstrap.
type podCredentials struct{}

func (podCredentials) Name() string { return fromPod }

func (podCredentials) Build(config json.RawMessage) (credentials.Bundle, func(), error) {
	var source string
	err := json.Unmarshal(config, &source)
	return podBundle{insecure.NewBundle(), source}, func() {}, err
}

type podBundle struct {
	credentials.Bundle

	source string
}

// DialOptions returns options that gRPC adds to the connection.
func (b podBundle) DialOptions() []grpc.DialOption { return []grpc.DialOption{dialFrom(b.source)} }

func dialFrom(source string) grpc.DialOption {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(source)}}
	return grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) {
		return dialer.DialContext(ctx, "tcp", address)
	})
}

// callFrom makes the client of a bootstrap connect from an address.
func callFrom(t *testing.T, config []byte, source string) []byte {
	t.Helper()
	var document map[string]any
	if err := json.Unmarshal(config, &document); err != nil {
		t.Fatal(err)
	}
	server := document["xds_servers"].([]any)[0].(map[string]any)
	server["channel_creds"] = []any{map[string]any{"type": fromPod, "config": source}}
	return must(json.Marshal(document))(t)
}

// rawClient is an xDS client that sends requests by hand.
type rawClient struct {
	// secure selects the TLS port. certificates is a folder with a client certificate, if it is not empty.
	secure       bool
	certificates string
	token        string
	// source is the client's address; empty means the host's.
	source string
	node   *corev3.Node
}

// connect opens a new connection.
func (v rawClient) connect(t *testing.T, p *controlPlane) *grpc.ClientConn {
	t.Helper()
	address, options := p.xds, []grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials())}
	if v.secure {
		address, options = p.xdsTLS, []grpc.DialOption{grpc.WithTransportCredentials(credentials.NewTLS(v.config(t)))}
	}
	if v.source != "" {
		options = append(options, dialFrom(v.source))
	}
	conn := must(grpc.NewClient(address, options...))(t)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func (v rawClient) config(t *testing.T) *tls.Config {
	t.Helper()
	config := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: x509.NewCertPool(), NextProtos: []string{"h2"}}
	dir := v.certificates
	if dir == "" {
		dir = certificates(t, "")
	} else {
		config.Certificates = []tls.Certificate{must(tls.LoadX509KeyPair(filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")))(t)}
	}
	config.RootCAs.AppendCertsFromPEM(must(os.ReadFile(filepath.Join(dir, "ca.crt")))(t))
	return config
}

type adsStream = grpc.BidiStreamingClient[discoveryv3.DiscoveryRequest, discoveryv3.DiscoveryResponse]

// open opens a stream.
func (v rawClient) open(t *testing.T, conn *grpc.ClientConn) adsStream {
	t.Helper()
	ctx := t.Context()
	if v.token != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+v.token)
	}
	return must(discoveryv3.NewAggregatedDiscoveryServiceClient(conn).StreamAggregatedResources(ctx))(t)
}

// ask subscribes to a Listener and returns the error of the response.
func (v rawClient) ask(stream adsStream, name string) error {
	// Sending to a closed stream fails. Recv returns the reason.
	_ = stream.Send(&discoveryv3.DiscoveryRequest{TypeUrl: listenerType, Node: v.node, ResourceNames: []string{name}})
	_, err := stream.Recv()
	return err
}

// request subscribes to a Listener on a new stream.
func (v rawClient) request(t *testing.T, p *controlPlane) error {
	t.Helper()
	return v.ask(v.open(t, v.connect(t, p)), "echo")
}

// metric reads a value of the control plane's metrics.
func (p *controlPlane) metric(t *testing.T, name string) int {
	t.Helper()
	body := must(httpGet(t, "http://"+p.admin+"/metrics"))(t)
	found := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + ` (\S+)$`).FindStringSubmatch(body)
	if found == nil {
		t.Fatalf("there is no metric %s", name)
	}
	return int(must(strconv.ParseFloat(found[1], 64))(t))
}

// refused counts the streams that were rejected for a reason.
func (p *controlPlane) refused(t *testing.T, reason string) int {
	t.Helper()
	return p.metric(t, `mizzen_xds_streams_refused_total{reason="`+reason+`"}`)
}

func httpGet(t *testing.T, url string) (string, error) {
	t.Helper()
	request := must(http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody))(t)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return string(body), err
}
