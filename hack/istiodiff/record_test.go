package istiodiff

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"istio.io/istio/pilot/pkg/config/kube/crd"
	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pilot/pkg/networking/util"
	labelutil "istio.io/istio/pilot/pkg/serviceregistry/util/label"
	v3 "istio.io/istio/pilot/pkg/xds/v3"
	"istio.io/istio/pkg/config"
	"istio.io/istio/pkg/kube"
	"istio.io/istio/pkg/util/sets"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "write the record instead of comparing it")

const (
	record = "../../test/istiodiff/testdata/istiod.jsonl"
	rules  = "../../pkg/translate/inbound/testdata"
	// unsettled is an input to which istiod's answer depends on the order of events: whether it sends endpoints that terminate.
	unsettled = "pkg/translate/testdata/endpoint/draining"
)

// line is one line of the record.
type line struct {
	// Document is the path of the input in the repository, without .in.yaml.
	Document string `json:"document"`
	// Input is a hash of the document, in its first line.
	Input string `json:"input,omitempty"`
	// Refused says why Istio's webhook does not admit an object of the document. Then there is no resource.
	Refused string `json:"refused,omitempty"`
	// Server is set if the Resource is what istiod sends to a server; none means that the server is sent nothing.
	Server   *server         `json:"server,omitempty"`
	Resource json.RawMessage `json:"resource,omitempty"`
}

// TestRecord asks istiod about every input again. With -update it writes the record.
func TestRecord(t *testing.T) {
	var all bytes.Buffer
	for _, path := range documents(t) {
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.ToSlash(path), "../../"), ".in.yaml")
		if name == unsettled {
			continue
		}
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			about := ask
			if strings.HasPrefix(path, rules) {
				about = askRules
			}
			for i, l := range about(t, string(data)) {
				if l.Document = name; i == 0 {
					l.Input = fmt.Sprintf("%.6x", sha256.Sum256(data))
				}
				text, err := json.Marshal(l)
				if err != nil {
					t.Fatal(err)
				}
				all.Write(append(text, '\n'))
			}
		})
	}
	if *update {
		if err := os.WriteFile(record, all.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(record)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(all.Bytes(), want) {
		t.Errorf("istiod answers otherwise than %s says; run with -update and look at the difference", record)
	}
}

// documents are the paths of all inputs.
func documents(t *testing.T) (all []string) {
	for _, pattern := range []string{"../../pkg/translate/testdata/*/*.in.yaml", rules + "/*.in.yaml", "../../test/istiodiff/testdata/*.in.yaml"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, paths...)
	}
	if len(all) == 0 {
		t.Fatal("there are no documents")
	}
	return all
}

// ask returns what istiod answers to a gRPC client about all hosts of a document. The client is the document's own.
func ask(t *testing.T, document string) (lines []line) {
	client := clientOf(document)
	if client == nil {
		return nil
	}
	lines = []line{{}}
	objects, configs, refused := parse(document)
	for _, why := range refused {
		lines = append(lines, line{Refused: why})
	}
	server := newIstiod(t, complete(objects), configs)
	client.Labels = labelutil.AugmentLabels(client.Labels, cluster, util.LocalityToString(client.Locality), client.Metadata.NodeName, "")
	client = server.SetupProxy(client)
	resources := func(typeURL string, names []string) []proto.Message {
		all := server.ask(t, client, typeURL, names)
		for _, m := range all {
			lines = append(lines, line{Resource: pack(t, m)})
		}
		return all
	}
	follow := func(typeURL string, from []proto.Message, names func(proto.Message) []string) []proto.Message {
		all := sets.New[string]()
		for _, m := range from {
			all.InsertAll(names(m)...)
		}
		if all.IsEmpty() {
			return nil
		}
		return resources(typeURL, sets.SortedList(all))
	}
	listeners := resources(v3.ListenerType, nil)
	routes := follow(v3.RouteType, listeners, func(m proto.Message) []string {
		var manager hcmv3.HttpConnectionManager
		if err := m.(*listenerv3.Listener).GetApiListener().GetApiListener().UnmarshalTo(&manager); err != nil {
			t.Fatal(err)
		}
		return []string{manager.GetRds().GetRouteConfigName()}
	})
	clusters := follow(v3.ClusterType, routes, clustersOf)
	follow(v3.EndpointType, clusters, func(m proto.Message) []string {
		return []string{m.(*clusterv3.Cluster).GetEdsClusterConfig().GetServiceName()}
	})
	return append(lines, askServers(t, document)...)
}

// clustersOf lists the clusters that a RouteConfiguration names.
func clustersOf(m proto.Message) (names []string) {
	for _, host := range m.(*routev3.RouteConfiguration).GetVirtualHosts() {
		for _, r := range host.GetRoutes() {
			if name := r.GetRoute().GetCluster(); name != "" {
				names = append(names, name)
			}
			for _, c := range r.GetRoute().GetWeightedClusters().GetClusters() {
				names = append(names, c.GetName())
			}
		}
	}
	// A client ignores a route to a cluster that istiod makes for Envoy alone, such as BlackHoleCluster; istiod's generator does, too.
	return slices.DeleteFunc(names, func(n string) bool { return !strings.HasPrefix(n, "outbound|") })
}

// clientOf makes the client from the comments of a document; nil if it is not one of gRPC.
func clientOf(document string) *model.Proxy {
	p := &model.Proxy{
		ConfigNamespace: "default",
		Metadata:        &model.NodeMetadata{Generator: "grpc", ClusterID: cluster},
		Labels:          map[string]string{},
		Locality:        &corev3.Locality{},
	}
	for text := range strings.Lines(document) {
		comment, ok := strings.CutPrefix(strings.TrimSpace(text), "# ")
		if !ok {
			break
		}
		if as, ok := strings.CutPrefix(comment, "as: "); ok {
			workload, place, _ := strings.Cut(as, " ")
			place, node, _ := strings.Cut(place, " ")
			namespace, app, _ := strings.Cut(workload, "/")
			p.ConfigNamespace, p.Metadata.NodeName = namespace, node
			p.Locality.Region, p.Locality.Zone, _ = strings.Cut(place, "/")
			if app != "" {
				p.Labels["app"] = app
			}
		}
		if labels, ok := strings.CutPrefix(comment, "labels: "); ok {
			for pair := range strings.FieldsSeq(labels) {
				key, value, _ := strings.Cut(pair, "=")
				p.Labels[key] = value
			}
		}
		if kind, ok := strings.CutPrefix(comment, "client: "); ok && !strings.HasPrefix(kind, "gRPC") {
			return nil
		}
	}
	p.Metadata.Namespace, p.Metadata.Labels = p.ConfigNamespace, p.Labels
	return p
}

// parse returns the objects of a document, and why others are not admitted.
func parse(document string) (objects []runtime.Object, configs []config.Config, refused []string) {
	for _, text := range strings.Split(document, "\n---\n") {
		var head struct {
			APIVersion, Kind string
			Metadata         struct{ Name, Namespace string }
		}
		if err := yaml.Unmarshal([]byte(text), &head); err != nil {
			refused = append(refused, err.Error())
			continue
		}
		why := func(err error) {
			errors := strings.Split(err.Error(), "\n\t* ") // in any order
			slices.Sort(errors[1:])
			refused = append(refused, fmt.Sprintf("%s %s/%s: %s", head.Kind, head.Metadata.Namespace, head.Metadata.Name, strings.TrimSpace(strings.Join(errors, "; "))))
		}
		if strings.Contains(head.APIVersion, "istio.io/") {
			found, _, err := crd.ParseInputs(text)
			if err != nil {
				why(err)
			}
			for _, c := range found {
				if c.Namespace == "" {
					c.Namespace = "default"
				}
				c.Domain = "cluster.local" // where short names of hosts are
				configs = append(configs, c)
			}
			continue
		}
		object, _, err := kube.IstioCodec.UniversalDeserializer().Decode([]byte(text), nil, nil)
		if err != nil {
			why(err)
			continue
		}
		if m, ok := object.(metav1.Object); ok && m.GetNamespace() == "" {
			m.SetNamespace(namespaceOf(head.Kind))
		}
		completeRoute(object)
		objects = append(objects, object)
	}
	return objects, configs, refused
}

// namespaceOf is the namespace of objects that state none.
func namespaceOf(kind string) string {
	switch kind {
	case "Node", "Namespace", "GatewayClass":
		return ""
	}
	return "default"
}

// pack returns a resource as JSON in one line, with its type and without what no client of gRPC reads.
func pack(t *testing.T, m proto.Message) json.RawMessage {
	switch m := m.(type) {
	case *listenerv3.Listener:
		if m.AdditionalAddresses = nil; len(m.GetFilterChains()) == 0 {
			m.Address = nil
		}
	case *clusterv3.Cluster:
		m.Metadata, m.AltStatName = nil, ""
	case *routev3.RouteConfiguration:
		for _, host := range m.GetVirtualHosts() {
			for _, r := range host.GetRoutes() {
				r.Metadata, r.Decorator = nil, nil
				if p := r.GetRoute().GetRetryPolicy(); p != nil {
					p.RetryHostPredicate, p.HostSelectionRetryMaxAttempts = nil, 0
				}
			}
		}
	case *endpointv3.ClusterLoadAssignment:
		for _, group := range m.GetEndpoints() {
			for _, e := range group.GetLbEndpoints() {
				e.Metadata = nil
			}
			slices.SortFunc(group.GetLbEndpoints(), func(a, b *endpointv3.LbEndpoint) int {
				return strings.Compare(a.GetEndpoint().GetAddress().String(), b.GetEndpoint().GetAddress().String())
			})
		}
	}
	text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, text); err != nil {
		t.Fatal(err)
	}
	typed := fmt.Sprintf(`{"@type":%q,`, "type.googleapis.com/"+string(m.ProtoReflect().Descriptor().FullName()))
	return json.RawMessage(typed + strings.TrimPrefix(compact.String(), "{"))
}
