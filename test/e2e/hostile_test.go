//go:build e2e

package e2e

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	corev1 "k8s.io/api/core/v1"

	"github.com/mizzen-mesh/mizzen/test/e2e/cluster"
)

// bystander is a client that calls continuously, and must not be affected by what others do to the control plane.
func bystander(t *testing.T, p *controlPlane, pod *corev1.Pod) *load {
	t.Helper()
	options, source := proofs["address"](t, p, pod)
	return startLoad(t, dialAs(t, options, source, "echo:50051"))
}

// hostile starts a control plane, and a namespace with a Service, a pod with a well-behaved client, and a pod for a
// hostile one.
func hostile(t *testing.T, flags ...string) (p *controlPlane, good, bad *corev1.Pod) {
	t.Helper()
	ns := newNamespace(t)
	newService(t, ns)
	newDeployment(t, ns, "v1", 1)
	good, bad = newPod(t, ns, "good"), newPod(t, ns, "bad")
	return startSecure(t, flags...), good, bad
}

// served checks that a new client gets a response quickly.
func served(t *testing.T, p *controlPlane, pod *corev1.Pod, during string) {
	t.Helper()
	start := time.Now()
	if err := (rawClient{source: pod.Status.PodIP}).request(t, p); err != nil {
		t.Errorf("a new client during %s: %v", during, err)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("a new client during %s got a response after %v", during, took)
	}
}

// raw is a codec that sends bytes unchanged.
type raw struct{}

func (raw) Marshal(v any) (mem.BufferSlice, error) {
	if text, ok := v.([]byte); ok {
		return mem.BufferSlice{mem.SliceBuffer(text)}, nil
	}
	return nil, fmt.Errorf("a %T is not bytes", v)
}

func (raw) Unmarshal(data mem.BufferSlice, v any) error {
	return proto.Unmarshal(data.Materialize(), v.(proto.Message))
}

func (raw) Name() string { return "proto" }

// TestMalformedRequests sends requests that clients never send. Each ends only its own stream, with a status that
// states the reason.
func TestMalformedRequests(t *testing.T) {
	p, good, bad := hostile(t)
	l := bystander(t, p, good)
	conn := rawClient{source: bad.Status.PodIP}.connect(t, p)
	send := func(method string, message []byte) error {
		stream := must(conn.NewStream(t.Context(), &grpc.StreamDesc{ClientStreams: true, ServerStreams: true},
			"/"+discoveryv3.AggregatedDiscoveryService_ServiceDesc.ServiceName+"/"+method, grpc.ForceCodecV2(raw{})))(t)
		_ = stream.SendMsg(message)
		return stream.RecvMsg(&discoveryv3.DiscoveryResponse{})
	}
	encode := func(r proto.Message) []byte { return must(proto.Marshal(r))(t) }
	names := func(count, size int) []string {
		all := make([]string, count)
		for i := range all {
			all[i] = fmt.Sprintf("%0*d", size, i)
		}
		return all
	}
	noise := make([]byte, 4096)
	for i := range noise {
		noise[i] = byte(rand.IntN(256))
	}
	noise[0] = 0xff // not a valid tag of a field
	cases := map[string]struct {
		message []byte
		code    codes.Code
		want    string
	}{
		"noise":            {noise, codes.Internal, "unmarshal"},
		"half a message":   {encode(&discoveryv3.DiscoveryRequest{TypeUrl: listenerType, ResourceNames: []string{"echo"}})[:20], codes.Internal, "unmarshal"},
		"nothing":          {nil, codes.InvalidArgument, "type URL"},
		"five megabytes":   {encode(&discoveryv3.DiscoveryRequest{TypeUrl: listenerType, ResourceNames: names(50, 100_000)}), codes.ResourceExhausted, "larger than max"},
		"too many names":   {encode(&discoveryv3.DiscoveryRequest{TypeUrl: listenerType, ResourceNames: names(50_001, 8)}), codes.ResourceExhausted, "limit of 50000"},
		"text not in UTF8": {[]byte("\x22\x03\xff\xfe\xfd"), codes.Internal, "UTF-8"},
	}
	for _, method := range []string{"StreamAggregatedResources", "DeltaAggregatedResources"} {
		for name, c := range cases {
			if method == "DeltaAggregatedResources" && (name == "too many names" || name == "half a message") {
				continue // its fields have different numbers
			}
			t.Run(method+" "+name, func(t *testing.T) {
				if err := send(method, c.message); status.Code(err) != c.code || !strings.Contains(err.Error(), c.want) {
					t.Errorf("got %.300v, want %v with %q", err, c.code, c.want)
				}
			})
		}
	}
	t.Run("huge names are names of nothing", func(t *testing.T) {
		v := rawClient{source: bad.Status.PodIP}
		for range 20 {
			if err := v.ask(v.open(t, conn), strings.Repeat("x", 1<<20)); err != nil {
				t.Errorf("got %.300v, want an answer", err)
			}
		}
	})
	served(t, p, good, "malformed requests")
	l.until(t, "calls after all of it", manyCalls)
	if got, most := p.metric(t, "process_resident_memory_bytes")>>20, 400; got > most {
		t.Errorf("the control plane uses %d MiB afterwards, want at most %d", got, most)
	}
}

// TestWrongPort connects clients and other programs to the wrong port, and sends invalid data.
func TestWrongPort(t *testing.T) {
	p, good, bad := hostile(t)
	// There is no stream, so the client gets no reason.
	shutOut := func(v rawClient, p *controlPlane) error {
		_, err := discoveryv3.NewAggregatedDiscoveryServiceClient(v.connect(t, p)).StreamAggregatedResources(t.Context())
		return err
	}
	if err := shutOut(rawClient{source: bad.Status.PodIP}, &controlPlane{xds: p.xdsTLS}); status.Code(err) != codes.Unavailable {
		t.Errorf("plaintext to the TLS port: got %v, want Unavailable", err)
	}
	if err := shutOut(rawClient{secure: true}, &controlPlane{xdsTLS: p.xds}); status.Code(err) != codes.Unavailable {
		t.Errorf("TLS to the plaintext port: got %v, want Unavailable", err)
	}
	old := rawClient{}.config(t)
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	if _, err := tls.Dial("tcp", p.xdsTLS, old); err == nil {
		t.Error("TLS 1.1 is accepted")
	}
	stranger := rawClient{secure: true, certificates: foreignCertificate(t)}
	if err := shutOut(stranger, p); status.Code(err) != codes.Unavailable {
		t.Errorf("a certificate of an unknown authority: got %v, want Unavailable", err)
	}
	for name, text := range map[string]string{
		"HTTP/1.1":       "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"half a preface": "PRI * HTTP/2.0\r\n",
		"noise":          strings.Repeat("\x00\xff\x17", 1000),
	} {
		for _, address := range []string{p.xds, p.xdsTLS} {
			conn := must(net.Dial("tcp", address))(t)
			_, _ = io.WriteString(conn, text)
			_ = conn.(*net.TCPConn).CloseWrite()
			_ = conn.SetReadDeadline(time.Now().Add(patience))
			if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%s to %s: the connection stays open", name, address)
			}
			_ = conn.Close()
		}
	}
	served(t, p, good, "nonsense")
}

// foreignCertificate is a certificate with a valid SPIFFE ID by an unknown authority.
func foreignCertificate(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := cluster.WriteForeignCertificate(dir, "spiffe://cluster.local/ns/default/sa/default"); err != nil {
		t.Fatal(err)
	}
	// The client still trusts the control plane.
	genuine := must(os.ReadFile(certificates(t, "") + "/ca.crt"))(t)
	if err := os.WriteFile(dir+"/ca.crt", genuine, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestSlowLoris opens connections without a handshake, handshakes without a stream, and streams without a request.
// Other clients are not affected, and what can be closed is closed.
func TestSlowLoris(t *testing.T) {
	const many, most = 300, 50
	p, good, bad := hostile(t, "--max-streams-per-client", fmt.Sprint(most))
	l := bystander(t, p, good)
	silent := make([]net.Conn, 0, 2*many)
	for _, address := range []string{p.xds, p.xdsTLS} {
		for range many {
			conn := must(net.Dial("tcp", address))(t)
			t.Cleanup(func() { _ = conn.Close() })
			silent = append(silent, conn)
		}
	}
	config := rawClient{}.config(t)
	for range many {
		conn := must(tls.Dial("tcp", p.xdsTLS, config))(t)
		t.Cleanup(func() { _ = conn.Close() })
	}
	v := rawClient{source: bad.Status.PodIP}
	conn := v.connect(t, p)
	idle := make([]adsStream, 0, 2*most)
	for range 2 * most {
		idle = append(idle, v.open(t, conn))
	}
	served(t, p, good, "connections and streams without anything on them")
	await(t, "streams beyond those of one client refused", func() error {
		if got := p.refused(t, "limit"); got != most {
			return fmt.Errorf("%d refused, want %d", got, most)
		}
		return nil
	})
	refused := 0
	for _, stream := range idle {
		if err := v.ask(stream, "echo"); status.Code(err) == codes.ResourceExhausted && strings.Contains(err.Error(), "--max-streams-per-client") {
			refused++
		}
	}
	if refused != most {
		t.Errorf("got %d streams refused with a reason, want %d", refused, most)
	}
	start := time.Now()
	for _, conn := range silent {
		_ = conn.SetReadDeadline(start.Add(30 * time.Second))
		if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal("a connection without a handshake is open after 30 s")
		}
	}
	t.Logf("connections without a handshake were closed within %v", time.Since(start).Round(time.Second))
	l.until(t, "calls after all of it", manyCalls)
}

// TestFlood opens more streams than allowed, and sends requests faster than they are read.
func TestFlood(t *testing.T) {
	const all, each = 40, 10
	p, good, bad := hostile(t, "--max-streams", fmt.Sprint(all), "--max-streams-per-client", fmt.Sprint(each))
	l := bystander(t, p, good)
	v := rawClient{source: bad.Status.PodIP}
	conn := v.connect(t, p)
	for range 10 * each {
		go func() { _ = v.ask(v.open(t, conn), "echo") }()
	}
	await(t, "streams of one client refused", func() error {
		if got := p.refused(t, "limit"); got != 9*each {
			return fmt.Errorf("%d refused, want %d", got, 9*each)
		}
		return nil
	})
	served(t, p, good, "a flood of streams")

	t.Run("requests", func(t *testing.T) {
		// 100 requests a second are read, after a burst of 2,000.
		const requests, burst, rate = 2300, 2000, 100
		stream := rawClient{source: good.Status.PodIP}.open(t, rawClient{source: good.Status.PodIP}.connect(t, p))
		start := time.Now()
		for i := range requests {
			request := &discoveryv3.DiscoveryRequest{TypeUrl: listenerType, ResourceNames: []string{fmt.Sprint("name-", i)}}
			if err := stream.Send(request); err != nil {
				t.Fatal(err)
			}
		}
		last := fmt.Sprint("name-", requests-1)
		for found := false; !found; {
			answer := must(stream.Recv())(t)
			for _, resource := range answer.GetResources() {
				found = found || bytes.Contains(resource.GetValue(), []byte(last))
			}
			request := &discoveryv3.DiscoveryRequest{TypeUrl: listenerType, ResourceNames: []string{last}, VersionInfo: answer.GetVersionInfo(), ResponseNonce: answer.GetNonce()}
			if err := stream.Send(request); err != nil {
				t.Fatal(err)
			}
		}
		if took, want := time.Since(start), time.Duration(requests-burst)*time.Second/rate; took < want*9/10 {
			t.Errorf("%d requests were read within %v, want %v at least", requests, took, want)
		}
	})
	l.until(t, "calls after all of it", manyCalls)
}

// TestAdminStaysInThePod connects from another address: health and metrics are served on their own address, and
// nothing else.
func TestAdminStaysInThePod(t *testing.T) {
	const open = cluster.HostIP + ":15020"
	p := startSecure(t, "--metrics-address", open)
	_, port, err := net.SplitHostPort(p.admin)
	if err != nil {
		t.Fatal(err)
	}
	if conn, err := net.Dial("tcp", net.JoinHostPort(cluster.HostIP, port)); err == nil {
		_ = conn.Close()
		t.Error("the admin address can be reached from another address")
	}
	for path, want := range map[string]int{
		"/metrics": http.StatusOK, "/healthz": http.StatusOK, "/readyz": http.StatusOK,
		"/api/clients": http.StatusNotFound, "/api/resources": http.StatusNotFound, "/api/explain": http.StatusNotFound,
		"/debug/pprof/": http.StatusNotFound, "/debug/pprof/heap": http.StatusNotFound,
	} {
		request := must(http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+open+path, http.NoBody))(t)
		response := must(http.DefaultClient.Do(request))(t)
		_ = response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("%s: got %d, want %d", path, response.StatusCode, want)
		}
	}
}
