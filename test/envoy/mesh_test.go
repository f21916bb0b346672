//go:build envoy

package envoy

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/test/controlplane"
)

// meshPlane is a running control plane that serves a folder.
type meshPlane struct {
	t   *testing.T
	dir string
	// xds and admin are its addresses. They stay the same after a restart.
	xds, admin string
	log        *controlplane.Buffer
	stop       func()
}

func startPlane(t *testing.T, objects string) *meshPlane {
	t.Helper()
	m := &meshPlane{t: t, dir: t.TempDir(), xds: "127.0.0.1:0", admin: "127.0.0.1:0", log: &controlplane.Buffer{}}
	m.write(objects)
	m.start()
	t.Cleanup(func() {
		m.stop()
		if t.Failed() {
			t.Logf("log of the control plane:\n%s", m.log)
		}
	})
	return m
}

func (m *meshPlane) start() {
	m.t.Helper()
	run := must(controlplane.Start(binary, m.log, "--files", m.dir, "--xds-address", m.xds, "--admin-address", m.admin, "--shutdown-grace", "500ms"))(m.t)
	m.xds, m.admin = run.XDS, run.Admin
	m.stop = sync.OnceFunc(func() {
		if err := run.Stop(); err != nil {
			m.t.Error(err)
		}
	})
}

// write replaces the objects.
func (m *meshPlane) write(text string) {
	m.t.Helper()
	if err := controlplane.Replace(m.dir, "objects.yaml", text); err != nil {
		m.t.Fatal(err)
	}
}

// clients returns the streams that the control plane knows.
func (m *meshPlane) clients() []serving.ClientState {
	m.t.Helper()
	out := must(exec.Command(binary, "inspect", "clients", "-o", "json", "--address", m.admin).Output())(m.t)
	var clients []serving.ClientState
	if err := json.Unmarshal(out, &clients); err != nil {
		m.t.Fatalf("inspect clients: %v\n%s", err, out)
	}
	return clients
}

// refused returns what a client refused, as the control plane knows it.
func (m *meshPlane) refused() error {
	m.t.Helper()
	for _, c := range m.clients() {
		for _, of := range c.Types {
			for name, why := range of.Refused {
				return fmt.Errorf("%s %q is refused: %s", of.Type, name, why)
			}
		}
	}
	return nil
}

// backend serves HTTP/1.1 and HTTP/2 in plaintext on one port, and answers with its name.
type backend struct {
	name string
	// address and port are where it listens. Each backend has its own address, as a pod has.
	address string
	port    int
	calls   atomic.Int64
	status  atomic.Int64
	// labels are those of its pod, beside its version.
	labels string
	// last is the last request.
	last atomic.Pointer[http.Request]
}

// addresses counts the backends.
var addresses atomic.Int64

func startBackend(t *testing.T, name string) *backend {
	t.Helper()
	return startBackendWith(t, name, nil)
}

// startBackendWith starts a backend that expects TLS, if config is not nil. Then each of its connections has few calls.
func startBackendWith(t *testing.T, name string, config *tls.Config) *backend {
	t.Helper()
	address := fmt.Sprintf("127.1.0.%d", addresses.Add(1)%250+1)
	listener := must(net.Listen("tcp", address+":8080"))(t)
	at := listener.Addr().(*net.TCPAddr)
	if config != nil {
		listener = tls.NewListener(listener, config)
	}
	b := &backend{name: name, address: address, port: at.Port}
	b.status.Store(http.StatusOK)
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{Protocols: &protocols, Handler: b}
	server.SetKeepAlivesEnabled(config == nil)
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(listener) })
	t.Cleanup(func() {
		_ = server.Close()
		serving.Wait()
	})
	return b
}

func (b *backend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.calls.Add(1)
	b.last.Store(r)
	w.Header().Set("Backend", b.name)
	w.WriteHeader(int(b.status.Load()))
	fmt.Fprintf(w, "%s %s", b.name, r.Proto)
}

// service writes the Service web with a port, and an EndpointSlice and a pod for each backend, whose version is its name.
func service(protocol string, backends ...*backend) string {
	const name, port = "web", 8080
	var b strings.Builder
	fmt.Fprintf(&b, "apiVersion: v1\nkind: Service\nmetadata: {name: %s, namespace: demo}\nspec: {clusterIP: 10.0.0.1, ports: [{name: %s, port: %d}]}\n", name, protocol, port)
	for _, one := range backends {
		fmt.Fprintf(&b, "---\napiVersion: v1\nkind: Pod\nmetadata: {name: %s-%s, namespace: demo, labels: {version: %[2]s%[4]s}}\nspec: {nodeName: node-1, serviceAccountName: %[1]s}\nstatus: {podIP: %[3]s, phase: Running}\n", name, one.name, one.address, one.labels)
		fmt.Fprintf(&b, "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: %s-%s, namespace: demo, labels: {kubernetes.io/service-name: %[1]s}}\naddressType: IPv4\n"+
			"endpoints: [{addresses: [%[5]s], conditions: {ready: true}, targetRef: {kind: Pod, name: %[1]s-%[2]s, namespace: demo}}]\nports: [{name: %[3]s, port: %[4]d}]\n", name, one.name, protocol, one.port, one.address)
	}
	return b.String()
}
