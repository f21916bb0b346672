//go:build envoy

package envoy

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"os"
	"testing"

	"github.com/mizzen-mesh/mizzen/test/authority"
)

// certified serves HTTP/1.1 and HTTP/2 over mTLS.
func certified(a *authority.Authority, account string) *tls.Config {
	config := a.Server(account)
	config.NextProtos = []string{"h2", "http/1.1"}
	return config
}

// TestMTLS has an Envoy with a certificate of the mesh, which calls servers that take only mTLS: because a DestinationRule says so, or
// because they are xDS servers of the mesh. An Envoy without a certificate, and one whose server is another account, make no call.
func TestMTLS(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("an Envoy with an /etc of its own needs root")
	}
	mesh := authority.New(t)
	const rule = `
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web, namespace: demo}
spec: {host: web, trafficPolicy: {tls: {mode: ISTIO_MUTUAL}}}
`
	const automatic = ", mizzen.dev/identity: spiffe, mizzen.dev/server: xds"
	for name, test := range map[string]struct {
		account, labels, rule, port string
		certified                   bool
		want                        int
	}{
		"a rule":                             {"web", "", rule, "http", true, http.StatusOK},
		"a rule, and HTTP/2":                 {"web", "", rule, "grpc", true, http.StatusOK},
		"a rule, without a certificate":      {"web", "", rule, "http", false, http.StatusServiceUnavailable},
		"a rule, and another account":        {"other", "", rule, "http", true, http.StatusServiceUnavailable},
		"a server of the mesh":               {"web", automatic, "", "grpc", true, http.StatusOK},
		"a server, without a certificate":    {"web", automatic, "", "grpc", false, http.StatusServiceUnavailable},
		"a server, and another account":      {"other", automatic, "", "grpc", true, http.StatusServiceUnavailable},
		"a server that declares no protocol": {"web", automatic, "", "any", true, http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			b := startBackendWith(t, "v1", certified(mesh, test.account))
			b.labels = test.labels
			m := startPlane(t, service(test.port, b)+test.rule)
			files, dir := mesh.Pod("demo", "edge"), ""
			if test.certified {
				dir = files.Dir
			}
			p := startEnvoyWith(t, m, delta, place{namespace: "demo", certificates: dir}, listener{name: "edge", routes: web})
			edge := p.address("edge")
			eventually(t, func() error {
				if r := call(t, caller(false), edge, "/"); r.status != test.want {
					return fmt.Errorf("got %+v, want %d", r, test.want)
				}
				return nil
			})
			if err := p.rejected(); err != nil {
				t.Error(err)
			}
			if test.want != http.StatusOK {
				if n := b.calls.Load(); n != 0 {
					t.Errorf("the server got %d calls, want none", n)
				}
				return
			}
			if got, want := b.last.Load().TLS.PeerCertificates[0].URIs[0].String(), "spiffe://cluster.local/ns/demo/sa/edge"; got != want {
				t.Errorf("the server sees %s, want %s", got, want)
			}
			before := b.last.Load().TLS.PeerCertificates[0].Raw
			files.Renew(mesh)
			eventually(t, func() error {
				call(t, caller(false), edge, "/")
				if bytes.Equal(b.last.Load().TLS.PeerCertificates[0].Raw, before) {
					return errors.New("the server still sees the first certificate")
				}
				return nil
			})
		})
	}
}
