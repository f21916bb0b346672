package istiodiff

import (
	"bufio"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/cors/v3" // for the record
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/path/match/uri_template/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/retry/priority/previous_priorities/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
	"github.com/mizzen-mesh/mizzen/pkg/watch/files"
)

// difference is one concern of one call that istiod and Mizzen answer differently.
type difference struct {
	document, dialed string
	call             call
	concern          string
	ours, theirs     string
	// refused is set if Istio's webhook does not admit an object of the document.
	refused bool
}

// recorded is what istiod answers to one document.
type recorded struct {
	// input is a hash of the document that istiod was asked about.
	input     string
	refused   []string
	resources map[string]proto.Message
	servers   []*server
	// unadmitted has the rules of which each is not admitted alone.
	unadmitted map[string]bool
}

// readRecord reads what hack/istiodiff wrote.
func readRecord(t *testing.T) map[string]*recorded {
	t.Helper()
	file, err := os.Open("testdata/istiod.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	all := map[string]*recorded{}
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var line struct {
			Document, Input, Refused string
			Server                   *server
			Resource                 json.RawMessage
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		r := all[line.Document]
		if r == nil {
			r = &recorded{resources: map[string]proto.Message{}, unadmitted: map[string]bool{}}
			all[line.Document] = r
		}
		if line.Input != "" {
			r.input = line.Input
		}
		switch m := unpack(t, line.Resource); {
		case line.Refused != "" && line.Server != nil:
			r.unadmitted[line.Server.Rule] = true
		case line.Refused != "":
			r.refused = append(r.refused, line.Refused)
		case line.Server != nil:
			line.Server.listener, _ = m.(*listenerv3.Listener)
			line.Server.refused = r.unadmitted[line.Server.Rule] || len(r.refused) > 0
			r.servers = append(r.servers, line.Server)
		case m != nil:
			r.resources[key(m)] = m
		}
	}
	if lines.Err() != nil || len(all) == 0 {
		t.Fatal(lines.Err(), len(all))
	}
	return all
}

// unpack returns the resource of a line; nil if it has none.
func unpack(t *testing.T, text json.RawMessage) proto.Message {
	t.Helper()
	if text == nil {
		return nil
	}
	var packed anypb.Any
	if err := protojson.Unmarshal(text, &packed); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	m, err := packed.UnmarshalNew()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func key(m proto.Message) string {
	switch m := m.(type) {
	case *listenerv3.Listener:
		return snapshot.ListenerType.Name() + m.GetName()
	case *routev3.RouteConfiguration:
		return snapshot.RouteType.Name() + m.GetName()
	case *clusterv3.Cluster:
		return snapshot.ClusterType.Name() + m.GetName()
	case *endpointv3.ClusterLoadAssignment:
		return snapshot.EndpointType.Name() + m.GetClusterName()
	}
	return ""
}

func (r *recorded) answer(t snapshot.Type, name string) proto.Message {
	return r.resources[t.Name()+name]
}

// names are the names that clients may dial of istiod.
func (r *recorded) names() (all []string) {
	for k := range r.resources {
		if name, ok := strings.CutPrefix(k, snapshot.ListenerType.Name()); ok {
			all = append(all, name)
		}
	}
	return all
}

// clientOf makes the client that a document names in its comments, as the goldens do.
func clientOf(document string) mesh.Client {
	c := mesh.Client{Namespace: "default"}
	labels := map[string]string{}
	for text := range strings.Lines(document) {
		comment, ok := strings.CutPrefix(strings.TrimSpace(text), "# ")
		if !ok {
			break
		}
		if as, ok := strings.CutPrefix(comment, "as: "); ok {
			workload, place, _ := strings.Cut(as, " ")
			place, c.Node, _ = strings.Cut(place, " ")
			var app string
			c.Namespace, app, _ = strings.Cut(workload, "/")
			c.Locality.Region, c.Locality.Zone, _ = strings.Cut(place, "/")
			if app != "" {
				labels["app"] = app
			}
		}
		if pairs, ok := strings.CutPrefix(comment, "labels: "); ok {
			for pair := range strings.FieldsSeq(pairs) {
				key, value, _ := strings.Cut(pair, "=")
				labels[key] = value
			}
		}
		if names, ok := strings.CutPrefix(comment, "certificates: "); ok {
			c.Providers = mesh.MakeProviders(strings.Fields(names)...)
		}
	}
	if len(labels) > 0 {
		c.Labels = mesh.MakeLabels(labels)
	}
	return c
}

// load reads the objects of a document.
func load(t *testing.T, path string) *snapshot.Snapshot {
	t.Helper()
	world, err := files.Load(watch.Options{Defaults: mesh.Defaults{EndpointLabels: mesh.MakeLabelKeys("lane", "version")}}, path)
	if err != nil {
		t.Fatal(err)
	}
	return snapshot.New(world)
}

// mizzenOf is what Mizzen answers to a client.
func mizzenOf(s *snapshot.Snapshot, client mesh.Client) side {
	return func(t snapshot.Type, name string) proto.Message {
		v := s.Resource(t, name, client)
		_, server := snapshot.ServerPort(t, name)
		if v == nil || v.NotFound && !v.StandIn && (server || t == snapshot.ClusterType || t == snapshot.EndpointType) {
			return nil
		}
		m, err := v.Any().UnmarshalNew()
		if err != nil {
			panic(err)
		}
		return m
	}
}

// compare returns the differences of one document, and how many calls were compared.
func compare(t *testing.T, document, path string, theirs *recorded) (all []difference, calls int) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	client := clientOf(string(data))
	s := load(t, path)
	ours := mizzenOf(s, client)
	names := append(s.Names(snapshot.ListenerType, client), theirs.names()...)
	slices.Sort(names)
	for _, dialed := range slices.Compact(names) {
		table, _ := routesOf(ours, dialed, outcome{})
		recorded, _ := routesOf(theirs.answer, dialed, outcome{})
		for _, c := range probes(table, recorded) {
			calls++
			a, b := follow(ours, dialed, c), follow(theirs.answer, dialed, c)
			a["rejected"] = "" // Each kind of client is sent a form that it takes: TestGoldensPassLint.
			for _, concern := range slices.Sorted(keys(a)) {
				// What only one of them has follows from another destination.
				if other, ok := b[concern]; ok && other != a[concern] {
					name, _, _ := strings.Cut(concern, " ")
					all = append(all, difference{document, dialed, c, name, a[concern], other, len(theirs.refused) > 0})
				}
			}
		}
	}
	return all, calls
}
