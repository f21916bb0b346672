//go:build spring

package spring

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mizzen-mesh/mizzen/test/authority"
	"github.com/mizzen-mesh/mizzen/test/controlplane"
	"github.com/mizzen-mesh/mizzen/test/spring/provider"
)

// encryptedNamespace is the namespace of the authority's identities.
const encryptedNamespace = "demo"

// encrypted is a Service whose pod expects TLS.
type encrypted struct {
	*provider.Pod
	port int
}

// peer is the header by which a pod tells the client's certificate: its identity, and a hash. It is empty without one.
const peer = "x-peer"

func (e encrypted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Header.Del(peer)
	if certificates := r.TLS.PeerCertificates; len(certificates) > 0 {
		r.Header.Set(peer, fmt.Sprintf("%s %x", certificates[0].URIs[0], sha256.Sum256(certificates[0].Raw)))
	}
	e.Pod.ServeHTTP(w, r)
}

// newEncrypted starts a pod with the service account orders, and writes its Service and the TLS settings of its rule.
func newEncrypted(t *testing.T, plane *plane, name string, config *tls.Config, settings string) encrypted {
	t.Helper()
	config.NextProtos = []string{"http/1.1"}
	listener := must(tls.Listen("tcp", "127.0.0.1:0", config))(t)
	e := encrypted{Pod: &provider.Pod{Name: name, Version: "v1"}}
	_, _ = fmt.Sscanf(listener.Addr().String(), "127.0.0.1:%d", &e.port)
	server := &http.Server{Handler: e, ErrorLog: log.New(io.Discard, "", 0)}
	server.SetKeepAlivesEnabled(!strings.HasPrefix(name, "rotating"))
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		if err := errors.Join(server.Close(), <-served); !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	plane.write(name+".yaml", fmt.Sprintf(`apiVersion: v1
kind: Service
metadata: {name: %[1]s, namespace: %[2]s}
spec: {selector: {app: %[1]s}, ports: [{name: http, port: 80, appProtocol: http}]}
---
apiVersion: v1
kind: Pod
metadata: {name: %[1]s, namespace: %[2]s, labels: {app: %[1]s}}
spec: {containers: [{name: app, image: app}], serviceAccountName: orders, nodeName: node-zone-1}
status: {podIP: 127.0.0.1}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: %[1]s, namespace: %[2]s, labels: {kubernetes.io/service-name: %[1]s}}
addressType: IPv4
ports: [{name: http, port: %[3]d}]
endpoints:
- {addresses: [127.0.0.1], conditions: {ready: true}, zone: zone-1, nodeName: node-zone-1, targetRef: {kind: Pod, namespace: %[2]s, name: %[1]s}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: %[1]s, namespace: %[2]s}
spec: {host: %[1]s, trafficPolicy: {tls: %[4]s}}
`, name, encryptedNamespace, e.port, settings))
	return e
}

// trustStore has the JVM trust the authority, for calls that the application encrypts itself.
func trustStore(t *testing.T, ca string) []string {
	t.Helper()
	store := filepath.Join(t.TempDir(), "trust.p12")
	keytool := filepath.Join(filepath.Dir(part(t, "jdk17")), "keytool")
	if resolved, err := filepath.EvalSymlinks(part(t, "jdk17")); err == nil {
		keytool = filepath.Join(filepath.Dir(resolved), "keytool")
	}
	output, err := exec.Command(keytool, "-importcert", "-noprompt", "-alias", "a", "-file", ca, "-keystore", store, "-storetype", "PKCS12", "-storepass", "changeit").CombinedOutput()
	if err != nil {
		t.Fatalf("keytool: %v\n%s", err, output)
	}
	return []string{"-Djavax.net.ssl.trustStore=" + store, "-Djavax.net.ssl.trustStorePassword=changeit", "-Djavax.net.ssl.trustStoreType=PKCS12"}
}

// ownRoutes has an application call a server over TLS of its own, as the service own.
func ownRoutes(t *testing.T, jar string, port int, services []string) []string {
	t.Helper()
	address := fmt.Sprintf("https://localhost:%d", port)
	args := gatewayArgs(jar, append(services, "own"))
	if args == nil {
		return []string{"--spring.cloud.discovery.client.simple.instances.own[0].uri=" + address, "--own.ribbon.listOfServers=" + address, "--own.ribbon.IsSecure=true"}
	}
	key, text, _ := strings.Cut(args[0], "=")
	properties := map[string]string{}
	if err := json.Unmarshal([]byte(text), &properties); err != nil {
		t.Fatal(err)
	}
	for name, value := range properties {
		if value == "lb://own" {
			properties[name] = address
		}
	}
	return []string{key + "=" + string(must(json.Marshal(properties))(t))}
}

// TestEncryptedCalls has applications call services whose rules demand TLS.
func TestEncryptedCalls(t *testing.T) {
	for _, s := range stacks() {
		if dependent(s.jar) || s.jar == "zuul23" {
			continue // their calls fail: see TestStarterEncryptedCalls and TestEncryptedCallsOfZuul
		}
		t.Run(s.jar, func(t *testing.T) {
			jdk := s.jdks[len(s.jdks)-1]
			part(t, jdk)
			mesh := authority.New(t)
			files := mesh.Client()
			plane := newPlane(t)
			mutual := newEncrypted(t, plane, "mutual", optional(mesh.Server("orders", "localhost")), "{mode: ISTIO_MUTUAL}")
			newEncrypted(t, plane, "named", mesh.Server("other", "db.example"), "{mode: MUTUAL, credentialName: files, subjectAltNames: [db.example], sni: db.sni}")
			wrong := newEncrypted(t, plane, "wrong", mesh.Server("intruder", "localhost"), "{mode: ISTIO_MUTUAL}")
			stranger := newEncrypted(t, plane, "stranger", authority.New(t).Server("orders", "localhost"), "{mode: ISTIO_MUTUAL}")
			rotating := newEncrypted(t, plane, "rotating", mesh.Server("orders"), "{mode: ISTIO_MUTUAL}")
			plane.start()
			services := []string{"mutual.demo", "named.demo", "wrong.demo", "stranger.demo", "rotating.demo"}
			app := start(t, launch{
				jar: s.jar, jdk: jdk, args: ownRoutes(t, s.jar, mutual.port, services), options: trustStore(t, filepath.Join(files, "ca.crt")),
				env: []string{"GRPC_XDS_BOOTSTRAP_CONFIG=" + plane.bootstrap("--zone", "eu/zone-1", "--certificates", files, "--certificates", "files="+files, "--certificate-refresh", "1s")},
			})
			for _, library := range s.clients {
				t.Run(library, func(t *testing.T) {
					c := encryptedCalls{t, app.client(library)}
					c.presents("http://mutual.demo/A", identity)
					c.presents("http://named.demo/A", identity)
					c.fails("http://wrong.demo/A", wrong)
					c.fails("http://stranger.demo/A", stranger)
					// The application's own TLS to the same address has no certificate, whatever connections there are.
					for range 3 {
						c.presents("http://own/A", "")
						c.presents("http://mutual.demo/A", identity)
					}
					if o := c.get("http://mutual.demo/A?x=1"); o.answer().Host != fmt.Sprintf("127.0.0.1:%d", mutual.port) || o.answer().Query != "x=1" {
						t.Errorf("got %v, want the endpoint's address in Host", o)
					}
				})
			}
			t.Run("rotation", func(t *testing.T) {
				for _, library := range s.clients {
					c := encryptedCalls{t, app.client(library)}
					c.rotates(mesh, files, app, rotating)
				}
			})
		})
	}
}

// TestEncryptedCallsOfZuul has calls fail that Zuul would have to encrypt: its HTTP client cannot be given certificates.
func TestEncryptedCallsOfZuul(t *testing.T) {
	rare(t)
	mesh, plane := authority.New(t), newPlane(t)
	mutual := newEncrypted(t, plane, "mutual", optional(mesh.Server("orders", "localhost")), "{mode: ISTIO_MUTUAL}")
	plane.start()
	app := start(t, launch{
		jar: "zuul23", jdk: "jdk11", args: gatewayArgs("zuul23", []string{"sealed"}), options: []string{"-Dmizzen.names=sealed:mutual.demo"},
		env: []string{"GRPC_XDS_BOOTSTRAP_CONFIG=" + plane.bootstrap("--zone", "eu/zone-1", "--certificates", mesh.Client())},
	})
	encryptedCalls{t, app.client("zuul")}.fails("http://sealed/A", mutual)
}

// identity is the account that the authority's clients have.
const identity = "spiffe://cluster.local/ns/demo/sa/me"

// optional has a server accept clients with and without a certificate.
func optional(config *tls.Config) *tls.Config {
	config.ClientAuth = tls.VerifyClientCertIfGiven
	return config
}

type encryptedCalls struct {
	t      *testing.T
	client client
}

func (c encryptedCalls) get(url string) outcome {
	c.t.Helper()
	return must(c.client.do(call{URL: url}))(c.t)[0]
}

// presents makes a call that must be answered, and returns what the client presented.
func (c encryptedCalls) presents(url, want string) string {
	c.t.Helper()
	o := c.get(url)
	presented := o.answer().Headers[peer]
	if o.Status != http.StatusOK || !strings.HasPrefix(presented, want) || want == "" && presented != "" {
		c.t.Errorf("GET %s: got %v and the certificate %q, want 200 and %q", url, o, presented, want)
	}
	return presented
}

// fails makes a call that must not reach the pod.
func (c encryptedCalls) fails(url string, e encrypted) {
	c.t.Helper()
	if o := c.get(url); o.Status != 0 && o.Status < http.StatusInternalServerError {
		c.t.Errorf("GET %s: got %v, want a failure", url, o)
	}
	if got := e.Take(); len(got) > 0 {
		c.t.Errorf("GET %s: the pod got %v", url, got)
	}
}

// rotates replaces the certificate, then breaks it, then mends it.
func (c encryptedCalls) rotates(mesh *authority.Authority, files string, app *application, pod encrypted) {
	c.t.Helper()
	url := "http://" + pod.Name + ".demo/A"
	old := c.presents(url, identity)
	fresh := mesh.Client()
	for _, name := range []string{"tls.crt", "tls.key"} {
		replace(c.t, filepath.Join(files, name), must(os.ReadFile(filepath.Join(fresh, name)))(c.t))
	}
	eventually(c.t, patience, func() error {
		if presented := c.presents(url, identity); presented == old {
			return errors.New("the old certificate is presented")
		}
		return nil
	})
	key := must(os.ReadFile(filepath.Join(files, "tls.key")))(c.t)
	before := strings.Count(app.log.String(), "the certificates before it stay in effect")
	replace(c.t, filepath.Join(files, "tls.key"), []byte("broken"))
	eventually(c.t, patience, func() error {
		c.presents(url, identity)
		if n := strings.Count(app.log.String(), "the certificates before it stay in effect"); n == before {
			return errors.New("the broken file is not reported")
		}
		return nil
	})
	replace(c.t, filepath.Join(files, "tls.key"), key)
	eventually(c.t, patience, func() error {
		c.presents(url, identity)
		if !strings.Contains(app.log.String()[strings.LastIndex(app.log.String(), "stay in effect"):], "the files can be used now") {
			return errors.New("the mended file is not reported")
		}
		return nil
	})
}

func replace(t *testing.T, file string, content []byte) {
	t.Helper()
	if err := controlplane.Replace(filepath.Dir(file), filepath.Base(file), string(content)); err != nil {
		t.Fatal(err)
	}
}

// TestWithoutCertificates has an application without certificates fail, and never call in plain text.
func TestWithoutCertificates(t *testing.T) {
	plane := newPlane(t)
	mesh := authority.New(t)
	pod := newEncrypted(t, plane, "mutual", mesh.Server("orders"), "{mode: ISTIO_MUTUAL}")
	plane.start()
	app := start(t, launch{jar: "boot35", jdk: "jdk17", env: []string{"GRPC_XDS_BOOTSTRAP_CONFIG=" + plane.bootstrap("--zone", "eu/zone-1")}})
	for _, library := range []string{"RestTemplate", "RestClient", "WebClient", "Feign"} {
		encryptedCalls{t, app.client(library)}.fails("http://mutual.demo/A", pod)
	}
}
