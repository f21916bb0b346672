package bench

import (
	"fmt"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/structpb"
	security "istio.io/api/security/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

const (
	serverNamespaces = 10
	serverWorkloads  = 200
	serverPort       = 50051
)

// BenchmarkPolicyChange publishes a policy that changed to 2,000 servers of 200 workloads, each with a policy of its own
// and those of its namespace and of the mesh. The servers that it applies to make and acknowledge their responses.
func BenchmarkPolicyChange(b *testing.B) {
	for _, of := range []string{"mesh", "namespace", "workload"} {
		b.Run("of="+of, func(b *testing.B) {
			f := newServers(b, 10*serverWorkloads)
			b.ReportAllocs()
			b.ResetTimer()
			before := cpu()
			for n := range b.N {
				f.change(of, n)
			}
			b.StopTimer()
			b.ReportMetric(float64((cpu()-before).Microseconds())/1000/float64(b.N), "ms-cpu/op")
			f.check(b)
			b.ReportMetric(float64(f.answered)/float64(b.N), "responses/op")
		})
	}
}

// TestPolicyChange checks the same for fewer servers: a change is sent to the servers that it concerns, and what equal
// servers share is made once, also after changes elsewhere.
func TestPolicyChange(t *testing.T) {
	f := newServers(t, 2*serverWorkloads)
	for n := range 2 * serverNamespaces {
		for _, of := range []string{"workload", "namespace", "mesh"} {
			f.change(of, n)
		}
	}
	for n := range serverWorkloads {
		f.change("workload", n)
	}
	f.check(t)
}

// servers is a Store with streams of gRPC servers that have received their resources.
type servers struct {
	registry  *prometheus.Registry
	store     *serving.Store
	world     *mesh.World
	policies  map[string][]*mesh.AuthorizationPolicy
	sessions  []*server
	edits     int
	marshaled float64
	// answered and want are the actual and the expected number of responses, and made the expected number of resources.
	answered, want, made int
}

func newServers(b testing.TB, streams int) *servers {
	b.Helper()
	f := &servers{registry: prometheus.NewRegistry(), policies: map[string][]*mesh.AuthorizationPolicy{}}
	f.world = &mesh.World{Revision: 1, Domain: "cluster.local", RootNamespace: "istio-system"}
	f.put("istio-system", mesh.EveryPod())
	for i := range serverNamespaces {
		f.put(namespaceOf(i), mesh.EveryPod())
	}
	for i := range serverWorkloads {
		f.put(namespaceOf(i), mesh.PodSelectors{{"app": appOf(i)}})
	}
	for namespace := range f.policies {
		f.bind(namespace)
	}
	f.store = serving.NewStore(serving.Options{Registry: f.registry})
	f.store.Publish(f.world)
	for id := range streams {
		f.sessions = append(f.sessions, newServer(b, f.store, id))
	}
	f.marshaled = marshaled(b, f.registry)
	return f
}

func namespaceOf(workload int) string { return fmt.Sprint("bench-", workload%serverNamespaces) }
func appOf(workload int) string       { return fmt.Sprint("app-", workload) }

// put adds a policy to a namespace.
func (f *servers) put(namespace string, selected mesh.PodSelectors) {
	f.policies[namespace] = append(f.policies[namespace], f.policy(namespace, fmt.Sprint("policy-", len(f.policies[namespace])), selected))
}

// policy makes a policy that differs from all earlier ones.
func (f *servers) policy(namespace, name string, selected mesh.PodSelectors) *mesh.AuthorizationPolicy {
	f.edits++
	return &mesh.AuthorizationPolicy{
		Ref:      mesh.Ref{Kind: "AuthorizationPolicy", Namespace: namespace, Name: name},
		Selected: selected,
		Spec: &security.AuthorizationPolicy{Rules: []*security.Rule{
			{
				From: []*security.Rule_From{{Source: &security.Source{Principals: []string{"cluster.local/ns/a/sa/b", "cluster.local/ns/c/sa/d"}}}},
				To:   []*security.Rule_To{{Operation: &security.Operation{Paths: []string{"/bench.Service/Get", fmt.Sprintf("/bench.Change/%07d", f.edits)}}}},
			},
			{
				From: []*security.Rule_From{{Source: &security.Source{Namespaces: []string{"monitoring"}}}},
				To:   []*security.Rule_To{{Operation: &security.Operation{Paths: []string{"/grpc.health.v1.Health/*"}}}},
			},
		}},
	}
}

func (f *servers) bind(namespace string) {
	f.world.Security = f.world.Security.With(map[string]*mesh.SecurityPolicies{namespace: {AuthorizationPolicies: f.policies[namespace]}}, nil)
}

// change replaces a policy, and lets the servers make and acknowledge their responses.
func (f *servers) change(of string, n int) {
	namespace, at, key := namespaceOf(n), 1+n%serverWorkloads/serverNamespaces, mesh.NamespaceKey(namespaceOf(n))
	concerned, made := len(f.sessions)/serverWorkloads, 1
	switch of {
	case "namespace":
		at, concerned, made = 0, len(f.sessions)/serverNamespaces, serverWorkloads/serverNamespaces
	case "mesh":
		namespace, at, key, concerned, made = "istio-system", 0, mesh.WholeMesh(), len(f.sessions), serverWorkloads
	}
	now := append([]*mesh.AuthorizationPolicy{}, f.policies[namespace]...)
	now[at] = f.policy(namespace, now[at].Ref.Name, now[at].Selected)
	f.policies[namespace] = now
	next := *f.world
	f.world = &next
	f.bind(namespace)
	f.world.Revision++
	f.world.Changed = []mesh.Key{key}
	f.store.Publish(f.world)
	f.want, f.made = f.want+concerned, f.made+made
	for _, s := range f.sessions {
		for s.respond(snapshot.RouteType, resource.InboundRouteName(serverPort)) {
			f.answered++
		}
	}
}

// check verifies that the changes were sent only to the servers that they concern, and that what equal servers share was
// made once.
func (f *servers) check(b testing.TB) {
	b.Helper()
	if f.answered != f.want {
		b.Errorf("%d responses, want %d: exactly the servers that the policies apply to", f.answered, f.want)
	}
	if got := marshaled(b, f.registry) - f.marshaled; got != float64(f.made) {
		b.Errorf("%v resources were marshaled, want %d: one for each workload", got, f.made)
	}
}

// server is the stream of a server without a connection.
type server struct {
	session *serving.Session
	nonces  map[snapshot.Type]string
}

func newServer(b testing.TB, store *serving.Store, id int) *server {
	b.Helper()
	workload := id % serverWorkloads
	labels, err := structpb.NewStruct(map[string]any{"app": appOf(workload), mesh.LabelIdentity: mesh.IdentitySPIFFE, mesh.LabelServer: mesh.ServerXDS})
	if err != nil {
		b.Fatal(err)
	}
	node := &corev3.Node{Id: fmt.Sprint(id), UserAgentName: "gRPC Go", UserAgentVersionType: &corev3.Node_UserAgentVersion{UserAgentVersion: grpc.Version}, Metadata: &structpb.Struct{Fields: map[string]*structpb.Value{
		"NAMESPACE": structpb.NewStringValue(namespaceOf(workload)), "LABELS": structpb.NewStructValue(labels),
		"CERTIFICATE_PROVIDERS": structpb.NewStringValue(mesh.MeshProvider),
	}}}
	s := &server{session: store.Open(serving.ClientInfoOf(node, "", ""), nil), nonces: map[snapshot.Type]string{}}
	b.Cleanup(s.session.Close)
	for t, name := range map[snapshot.Type]string{snapshot.ListenerType: fmt.Sprintf("grpc/server?xds.resource.listening_address=0.0.0.0:%d", serverPort), snapshot.RouteType: resource.InboundRouteName(serverPort)} {
		s.ask(t, name)
		if !s.respond(t, name) {
			b.Fatalf("the first request for %s was not answered", name)
		}
	}
	return s
}

func (s *server) ask(t snapshot.Type, name string) {
	s.session.Request(&serving.Request{Type: t, Names: []string{name}, Nonce: s.nonces[t]})
}

// respond makes and acknowledges the response that is due, if there is one.
func (s *server) respond(t snapshot.Type, name string) bool {
	r := s.session.Next()
	if r == nil {
		return false
	}
	s.nonces[t] = r.Nonce
	s.ask(t, name)
	return true
}

// cpu returns the CPU time of this process so far, which depends less on what else the machine does than time does.
func cpu() time.Duration {
	var used unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &used); err != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
