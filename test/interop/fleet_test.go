//go:build interop

package interop

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/mizzen-mesh/mizzen/test/authority"
)

// fleet are xDS servers of a control plane. Each is the pod of a Service with its name in the namespace shop.
type fleet struct {
	t     *testing.T
	plane *plane
	mesh  *authority.Authority
	// members are by name.
	members map[string]*member
}

// member is one server and what its pod is.
type member struct {
	*server
	pod   pod
	files *authority.Files
	// hidden is whether it has no endpoint.
	hidden bool
}

// pod is what a server's pod was born with.
type pod struct {
	name    string
	service string
	version string
	// account is its service account; shopAccount if empty.
	account string
	// identity is whether it has a certificate, and xds whether it has the label of servers by xDS.
	identity, xds bool
}

// shopAccount is the service account of servers. Their node has an address that the probes of its kubelet come from.
const (
	shopAccount = "echo"
	nodeAddress = "127.0.0.9"
)

// nodeObject is the node of all servers.
const nodeObject = `apiVersion: v1
kind: Node
metadata: {name: node-a}
status: {addresses: [{type: InternalIP, address: ` + nodeAddress + `}]}
`

// labels are those of the pod, which its server sends to the control plane, too.
func (p pod) labels(kind *serverKind) map[string]string {
	labels := map[string]string{"app": "echo", "language": kind.name, "version": p.version}
	if p.identity {
		labels["mizzen.dev/identity"] = "spiffe"
	}
	if p.xds {
		labels["mizzen.dev/server"] = "xds"
	}
	return labels
}

// newFleet starts a control plane for servers.
func newFleet(t *testing.T, objects string) *fleet {
	t.Helper()
	return &fleet{t: t, plane: startPlane(t, "", objects), mesh: authority.New(t), members: map[string]*member{}}
}

// start starts a server. It has no endpoint before publish.
func (f *fleet) start(kind *serverKind, p pod) *member {
	f.t.Helper()
	m := &member{pod: p}
	if p.identity {
		m.files = f.mesh.Pod("shop", orElse(p.account, shopAccount))
	}
	port := serverPort(f.t)
	spec := clientSpec{Namespace: "shop", Account: orElse(p.account, shopAccount), Labels: p.labels(kind), Node: "node-a"}
	m.server = startServer(f.t, kind, port, serverBootstrap(f.t, f.plane.xds, p.name, m.files, spec), p.name, p.version)
	f.members[p.name] = m
	return m
}

// publish serves the Services, EndpointSlices and Pods of all members, and returns when they are served.
func (f *fleet) publish() {
	f.t.Helper()
	docs := []string{nodeObject}
	services := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(f.members)) {
		m := f.members[name]
		if !services[m.pod.service] {
			services[m.pod.service] = true
			docs = append(docs, fmt.Sprintf("apiVersion: v1\nkind: Service\nmetadata: {name: %s, namespace: shop}\n"+
				"spec: {selector: {app: echo}, ports: [{name: grpc, port: 80}]}\n", m.pod.service))
		}
		if !m.hidden {
			docs = append(docs, m.objects())
		}
	}
	f.plane.put("services.yaml", strings.Join(docs, "---\n"))
}

// any is one of the members.
func (f *fleet) any() *member {
	for _, m := range f.members {
		return m
	}
	return nil
}

func (m *member) objects() string {
	var labels []string
	for key, value := range m.pod.labels(m.kind) {
		labels = append(labels, fmt.Sprintf("%s: %q", key, value))
	}
	slices.Sort(labels)
	return fmt.Sprintf(`apiVersion: v1
kind: Pod
metadata: {name: %[1]s, namespace: shop, labels: {%[2]s}}
spec: {serviceAccountName: %[3]s, nodeName: node-a}
status: {podIP: 127.0.0.1}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: %[1]s, namespace: shop, labels: {kubernetes.io/service-name: %[4]s}}
addressType: IPv4
ports: [{name: grpc, port: %[5]d}]
endpoints: [{addresses: [127.0.0.1], conditions: {ready: true}, nodeName: node-a, targetRef: {kind: Pod, name: %[1]s, namespace: shop}}]
`, m.pod.name, strings.Join(labels, ", "), orElse(m.pod.account, shopAccount), m.pod.service, m.port)
}

// client starts a client of a service account of the namespace shop, with a certificate.
func (f *fleet) client(l *language, account string) *client {
	f.t.Helper()
	files := f.mesh.Pod("shop", account)
	spec := clientSpec{Namespace: "shop", Account: account, Labels: map[string]string{"app": account}}
	return startClient(f.t, l, serverBootstrap(f.t, f.plane.xds, l.name+"-"+account, files, spec), false)
}
