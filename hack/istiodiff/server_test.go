package istiodiff

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/proto"
	"istio.io/api/label"
	"istio.io/istio/pilot/pkg/model"
	v3 "istio.io/istio/pilot/pkg/xds/v3"
	"istio.io/istio/pkg/util/sets"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/yaml"
)

// server is a gRPC server that asks for its Listener.
type server struct {
	// Rule is the rule that is alone in the document, as POLICY#NUMBER; empty for the document as it is.
	Rule      string            `json:"rule,omitempty"`
	Name      string            `json:"name"`
	Namespace string            `json:"namespace"`
	Labels    map[string]string `json:"labels,omitempty"`
	Addresses []string          `json:"addresses"`
	Node      string            `json:"node,omitempty"`
	Port      int               `json:"port"`
}

// The labels by which a pod says to Mizzen that it has a certificate and is an xDS server. Istio's label says both.
const (
	identityLabel, identity = "mizzen.dev/identity", "spiffe"
	serverLabel, byXDS      = "mizzen.dev/server", "xds"
)

// listeningAddress starts the address in the name of a Listener that a document shows.
const listeningAddress = "xds.resource.listening_address="

// anyPort is the port of servers of which no document says one.
const anyPort = 50051

// askServers returns the Listeners that istiod sends to the servers of a document: to its pods, and to its client if that is a server.
func askServers(t *testing.T, document string) (lines []line) {
	objects, configs, _ := parse(document)
	for _, o := range objects {
		if pod, ok := o.(*corev1.Pod); ok && pod.Status.PodIP != "" {
			nameOf(&pod.ObjectMeta)
			lines = append(lines, line{Server: &server{
				Name: pod.Name, Namespace: pod.Namespace, Labels: pod.Labels, Addresses: []string{pod.Status.PodIP}, Node: pod.Spec.NodeName,
			}})
		}
	}
	if port, ok := serverPort(document); ok {
		client := clientOf(document)
		s := &server{Name: "server", Namespace: client.ConfigNamespace, Labels: client.Labels, Addresses: []string{"10.20.0.9"}, Node: client.Metadata.NodeName, Port: port}
		objects = append(objects, s.objects()...)
		lines = append(lines, line{Server: s})
	}
	if len(lines) == 0 {
		return nil
	}
	istiod := newIstiod(t, complete(objects), configs)
	lines = atPorts(istiod, lines)
	for i := range lines {
		lines[i].Resource = askServer(t, istiod, lines[i].Server)
	}
	return lines
}

// atPorts returns the servers with each of their ports: those of their Services, or any port if no Service has them.
func atPorts(istiod *istiod, servers []line) (all []line) {
	for _, l := range servers {
		if l.Server.Port != 0 {
			all = append(all, l)
			continue
		}
		ports := sets.New[int]()
		for _, target := range istiod.SetupProxy(l.Server.proxy()).ServiceTargets {
			ports.Insert(int(target.Port.TargetPort))
		}
		if ports.IsEmpty() {
			ports.Insert(anyPort)
		}
		for _, port := range sets.SortedList(ports) {
			one := *l.Server
			one.Port = port
			all = append(all, line{Server: &one})
		}
	}
	return all
}

func askServer(t *testing.T, istiod *istiod, s *server) []byte {
	name := fmt.Sprintf("xds.istio.io/grpc/lds/inbound/0.0.0.0:%d", s.Port)
	found := istiod.ask(t, istiod.SetupProxy(s.proxy()), v3.ListenerType, []string{name})
	if len(found) == 0 {
		return nil
	}
	return pack(t, found[0])
}

// proxy is the server for istiod.
func (s *server) proxy() *model.Proxy {
	labels := maps.Clone(s.Labels)
	if labels[identityLabel] == identity && labels[serverLabel] == byXDS {
		labels[label.SecurityTlsMode.Name] = "istio"
	}
	return &model.Proxy{
		ID: s.Name + "." + s.Namespace, ConfigNamespace: s.Namespace, IPAddresses: s.Addresses, Labels: labels,
		Metadata: &model.NodeMetadata{Generator: "grpc", ClusterID: cluster, Namespace: s.Namespace, NodeName: s.Node, Labels: labels},
	}
}

// objects are the pod and a Service with its port. istiod answers no server that is behind no Service.
func (s *server) objects() []runtime.Object {
	meta := metav1.ObjectMeta{Name: s.Name, Namespace: s.Namespace, Labels: s.Labels}
	return []runtime.Object{
		&corev1.Pod{
			ObjectMeta: meta, Spec: corev1.PodSpec{NodeName: s.Node},
			Status: corev1.PodStatus{Phase: corev1.PodRunning, PodIP: s.Addresses[0], PodIPs: []corev1.PodIP{{IP: s.Addresses[0]}}},
		},
		&corev1.Service{ObjectMeta: meta, Spec: corev1.ServiceSpec{
			Selector: s.Labels, Ports: []corev1.ServicePort{{Name: "grpc", Port: int32(s.Port), TargetPort: intstr.FromInt(s.Port)}},
		}},
	}
}

// serverPort is the port of the server that a document shows.
func serverPort(document string) (int, bool) {
	for text := range strings.Lines(document) {
		show, ok := strings.CutPrefix(strings.TrimSpace(text), "# show: ")
		if _, address, found := strings.Cut(show, listeningAddress); ok && found {
			address, _, _ = strings.Cut(address, " ")
			port, err := strconv.Atoi(address[strings.LastIndexByte(address, ':')+1:])
			return port, err == nil
		}
	}
	return 0, false
}

// askRules returns the Listener of one server for each rule of a document of AuthorizationPolicies that is alone, and for the document.
func askRules(t *testing.T, document string) (lines []line) {
	s := server{
		Name: "server", Namespace: "shop", Labels: map[string]string{"app": "cart", serverLabel: byXDS, identityLabel: identity},
		Addresses: []string{"10.20.0.9"}, Port: anyPort,
	}
	for text := range strings.Lines(document) {
		option, ok := strings.CutPrefix(strings.TrimSpace(text), "# ")
		if !ok {
			break
		}
		name, value, _ := strings.Cut(option, ": ")
		switch name {
		case "port":
			s.Port, _ = strconv.Atoi(value)
		case "plaintext":
			delete(s.Labels, identityLabel)
		case "addresses":
			s.Addresses = strings.Fields(value)
		case "trust domain", "aliases": // settings other than the defaults
			return nil
		}
	}
	lines = []line{{}}
	for rule, text := range rulesOf(t, document) {
		one := s
		one.Rule = rule
		_, configs, refused := parse(text)
		for _, why := range refused {
			lines = append(lines, line{Refused: why, Server: &one})
		}
		istiod := newIstiod(t, one.objects(), configs)
		lines = append(lines, line{Server: &one, Resource: askServer(t, istiod, &one)})
	}
	slices.SortStableFunc(lines[1:], func(a, b line) int { return strings.Compare(ruleOf(a), ruleOf(b)) })
	return lines
}

func ruleOf(l line) string {
	if l.Server == nil {
		return ""
	}
	return "." + l.Server.Rule
}

// rulesOf returns a document, and a document for each rule of its policies, which has no other one.
func rulesOf(t *testing.T, document string) map[string]string {
	all := map[string]string{"": document}
	for _, text := range strings.Split(document, "\n---\n") {
		var policy struct {
			Metadata struct{ Name string }
			Spec     struct{ Rules []any }
		}
		var whole map[string]any
		if yaml.Unmarshal([]byte(text), &policy) != nil || yaml.Unmarshal([]byte(text), &whole) != nil {
			continue
		}
		for i, rule := range policy.Spec.Rules {
			whole["spec"].(map[string]any)["rules"] = []any{rule}
			alone, err := yaml.Marshal(whole)
			if err != nil {
				t.Fatal(err)
			}
			all[fmt.Sprintf("%s#%d", policy.Metadata.Name, i)] = string(alone)
		}
	}
	return all
}

// ask returns what istiod's generator sends to a client for the names.
func (s *istiod) ask(t *testing.T, client *model.Proxy, typeURL string, names []string) (all []proto.Message) {
	watched := &model.WatchedResource{TypeUrl: typeURL, ResourceNames: sets.New(names...)}
	found, _, err := s.generators[typeURL].Generate(client, watched, &model.PushRequest{Push: s.PushContext(), Forced: true})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(found, func(a, b *discoveryv3.Resource) int { return strings.Compare(a.Name, b.Name) })
	for _, r := range found {
		m, err := r.GetResource().UnmarshalNew()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}
