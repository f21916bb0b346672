// Package snapshottest has what the tests of snapshot and serving share.
package snapshottest

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
	"github.com/mizzen-mesh/mizzen/pkg/watch/files"
)

// Node makes a node with that user agent name and version, in the namespace demo.
func Node(name, version string) *corev3.Node {
	return &corev3.Node{
		UserAgentName: name, UserAgentVersionType: &corev3.Node_UserAgentVersion{UserAgentVersion: version},
		Metadata: Metadata("NAMESPACE", "demo"),
	}
}

// EchoObjects is the Service echo with two endpoints and one rule. The rule's kind and spec are to be filled in.
const EchoObjects = `apiVersion: v1
kind: Service
metadata: {name: echo, namespace: demo}
spec: {ports: [{name: grpc, port: 8080}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: echo-1, namespace: demo, labels: {kubernetes.io/service-name: echo}}
addressType: IPv4
ports: [{name: grpc, port: 8080}]
endpoints: [{addresses: [10.0.0.1], nodeName: a, zone: za}, {addresses: [10.0.0.2], nodeName: b, zone: zb}]
---
apiVersion: networking.istio.io/v1
kind: %s
metadata: {name: echo, namespace: demo}
spec: %s
`

// Metadata makes node metadata from alternating keys and values.
func Metadata(pairs ...string) *structpb.Struct {
	fields := map[string]*structpb.Value{}
	for i := 0; i < len(pairs); i += 2 {
		fields[pairs[i]] = structpb.NewStringValue(pairs[i+1])
	}
	return &structpb.Struct{Fields: fields}
}

var sourceText = regexp.MustCompile(` \([^ )]*\.yaml:\d+\)|[^ ]*\d{3}\.yaml(:\d+)?`)

// WithoutFiles removes file names from printed Problems, because a shuffled folder has the same objects in other
// files.
func WithoutFiles(problems string) string { return sourceText.ReplaceAllString(problems, "") }

var options = watch.Options{Domain: "cluster.local", RootNamespace: "istio-system"}

// InCluster marks an object as one of a remote cluster.
func InCluster(cluster, object string) string { return ofCluster + cluster + "\n" + object }

const ofCluster = "# cluster: "

// Load reads objects from folders, one for each cluster, in which each object is a file, in the given order.
func Load(t testing.TB, objects []string) *mesh.World {
	t.Helper()
	dirs := map[string]string{"": t.TempDir()}
	for i, text := range objects {
		cluster := ""
		if marked, ok := strings.CutPrefix(text, ofCluster); ok {
			cluster, _, _ = strings.Cut(marked, "\n")
		}
		if dirs[cluster] == "" {
			dirs[cluster] = t.TempDir()
		}
		if err := os.WriteFile(filepath.Join(dirs[cluster], fmt.Sprintf("%03d.yaml", i)), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	all := watch.NewChanges()
	for cluster, dir := range dirs {
		changes, err := files.Read(options, dir)
		if err != nil {
			t.Fatal(err)
		}
		for key, o := range changes.Objects {
			if cluster != "" {
				o.MoveTo(cluster, "")
				key = o.Key
			}
			all.Objects[key] = o
		}
		maps.Copy(all.Problems, changes.Problems)
	}
	return watch.Assemble(options.WithDefaults(), all)
}
