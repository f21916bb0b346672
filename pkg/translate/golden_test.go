// Not while fuzzing: all that is linked is instrumented for it, and these tests link a whole Kubernetes client.
//go:build !fuzzing

package translate_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/internal/render"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/translate"
	"github.com/mizzen-mesh/mizzen/pkg/translate/fields"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
	"github.com/mizzen-mesh/mizzen/pkg/watch/files"
)

// maxGoldenLines limits the length of inputs, so that they are easy to read.
const maxGoldenLines = 120

// golden is one input: YAML that can be applied to a cluster. Its first line is a comment with a sentence. The next
// lines can be comments with options:
//
//	# as: NAMESPACE/APP REGION/ZONE NODE   the client; only NAMESPACE is required; default: default
//	# client: KIND                         the client's kind, such as mizzen-java-agent, with the features of a current version;
//	                                       default: a gRPC client with every feature
//	# version: TEXT                        the version of the client; it has the features of that version
//	# egress: ADDRESS:PORT                 where an Envoy listens for applications beside it; default: none
//	# id: TEXT                             the client's node ID; default: none
//	# certificates: NAME NAME…             the certificate providers that the client declares; default: none
//	# show: TYPE,TYPE NAME…                the resources in the output, or "problems" for none; default: all
type golden struct {
	path   string // of the input
	client mesh.Client
	types  []snapshot.Type
	names  []string
	// problemsOnly is set if the output has no resources.
	problemsOnly bool
}

func TestGoldens(t *testing.T) {
	for _, g := range goldens(t) {
		t.Run(g.path, func(t *testing.T) {
			out, err := render.Snapshot(g.snapshot(t), render.Options{Client: g.client, Types: g.types, Names: g.names})
			if err != nil {
				t.Fatal(err)
			}
			if g.problemsOnly {
				out.Resources = nil
			}
			got, err := out.YAML()
			if err != nil {
				t.Fatal(err)
			}
			if translate.Updating() {
				if err := os.WriteFile(g.output(), got, 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(g.output())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(got), string(want)); diff != "" {
				t.Errorf("run with -update if this is meant (-got +want):\n%s", diff)
			}
		})
	}
}

func TestGoldensHaveInputs(t *testing.T) {
	for _, path := range glob(t, "testdata/*/*.out.yaml") {
		if _, err := os.Stat(strings.TrimSuffix(path, ".out.yaml") + ".in.yaml"); err != nil {
			t.Errorf("%s: this output has no input; delete it", path)
		}
	}
}

// TestEveryCodeHasAGolden checks that goldens show every code, except those that goldens cannot show.
func TestEveryCodeHasAGolden(t *testing.T) {
	elsewhere := map[mesh.Code]string{
		mesh.CodeUnreadable:        "files only",
		mesh.CodeUnknownKind:       "files only",
		mesh.CodeUnknownField:      "files only",
		mesh.CodeDuplicateObject:   "files only",
		mesh.CodeTooLarge:          "reading only",
		mesh.CodeRefused:           "clients only",
		mesh.CodeNotInForce:        "clients only",
		mesh.CodeCallersRefused:    "clients only",
		mesh.CodeTooManyEdges:      "clients only",
		mesh.CodeHeldBack:          "bugs of the control plane",
		mesh.CodeInternal:          "bugs of the control plane",
		mesh.CodeEndpointsVanished: "changes only",
		mesh.CodeLastGood:          "restarts only",
		mesh.CodeSourceLost:        "clusters only",
	}
	shown := map[mesh.Code]bool{}
	for _, g := range goldens(t) {
		for _, p := range g.snapshot(t).Problems() {
			shown[p.Code] = true
		}
	}
	for _, code := range []mesh.Code{
		mesh.CodeInvalidValue, mesh.CodeInvalidRegex, mesh.CodeNoWeight, mesh.CodeNoSuchHost, mesh.CodeNoSuchPort, mesh.CodeNoSuchSubset,
		mesh.CodeNoSuchDelegate,
		mesh.CodeConflict, mesh.CodeUnreachable, mesh.CodeUnsupported, mesh.CodeApproximated,
		mesh.CodeClosed, mesh.CodeNoIdentity, mesh.CodeNotEnforced, mesh.CodeTokensNotChecked, mesh.CodeNoPods,
	} {
		if !shown[code] {
			t.Errorf("no golden shows a Problem %s", code)
		}
	}
	for code := range shown {
		if why, listed := elsewhere[code]; listed {
			t.Errorf("a golden shows a Problem %s, but the list above says: %s", code, why)
		}
	}
}

// TestEveryLeafHasAGolden checks the leaves that the field table names. The goldens of the Gateway API are in a folder for each kind.
func TestEveryLeafHasAGolden(t *testing.T) {
	for _, row := range fields.Rows() {
		if row.Leaf != "" && !strings.Contains(row.Golden, "route/") && !strings.HasPrefix(row.Golden, "backendtlspolicy/") && len(glob(t, "testdata/"+row.Leaf+"/*.in.yaml")) == 0 {
			t.Errorf("%s: its leaf %s has no golden", row.Field, row.Leaf)
		}
	}
}

// TestGoldensPassLint checks every resource in its form for unknown clients with translatetest.Complaints. Those for HTTP
// clients are checked with the constraints of Envoy's API.
func TestGoldensPassLint(t *testing.T) {
	for _, g := range goldens(t) {
		s := g.snapshot(t)
		family := g.client.Kind.Family()
		if family == mesh.FamilyGRPC {
			g.client.Missing = mesh.FeaturesMissingIn(mesh.UnknownClient, "")
		}
		for _, resourceType := range snapshot.Types {
			for _, name := range s.Names(resourceType, g.client) {
				message, err := s.Resource(resourceType, name, g.client).Any().UnmarshalNew()
				if err != nil {
					t.Fatal(err)
				}
				if family != mesh.FamilyGRPC {
					if broken := translate.Constraints(message); broken != nil {
						t.Errorf("%s: %s breaks a constraint of Envoy's API: %v", g.path, name, broken)
					}
					continue
				}
				for _, complaint := range translate.Lint(resource.Resource{Name: name, Message: message}) {
					t.Errorf("%s: %s %s", g.path, name, complaint)
				}
			}
		}
	}
}

// goldens reads the options of all inputs.
func goldens(t *testing.T) []golden {
	t.Helper()
	var all []golden
	for _, path := range glob(t, "testdata/*/*.in.yaml") {
		all = append(all, readGolden(t, path))
	}
	if len(all) == 0 {
		t.Fatal("there are no goldens")
	}
	return all
}

func readGolden(t *testing.T, path string) golden {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(data, []byte("\n")); n > maxGoldenLines {
		t.Errorf("%s: %d lines, want at most %d", path, n, maxGoldenLines)
	}
	g := golden{path: path, client: mesh.Client{Namespace: "default"}}
	for i, line := range strings.Split(string(data), "\n") {
		comment, ok := strings.CutPrefix(line, "# ")
		if !ok && i == 0 {
			t.Errorf("%s: the first line is not a comment with a sentence", path)
		}
		if !ok {
			break
		}
		if as, ok := strings.CutPrefix(comment, "as: "); ok {
			before := g.client
			g.client = client(as)
			g.client.Providers, g.client.Declared, g.client.Kind = before.Providers, before.Declared, before.Kind
		}
		if kind, ok := strings.CutPrefix(comment, "client: "); ok {
			if g.client.Kind, ok = mesh.ClientKindNamed(kind); !ok {
				t.Fatalf("%s: there is no client kind %q", path, kind)
			}
		}
		if version, ok := strings.CutPrefix(comment, "version: "); ok {
			g.client.Version, g.client.Missing = version, mesh.FeaturesMissingIn(g.client.Kind, version)
		}
		if labels, ok := strings.CutPrefix(comment, "labels: "); ok {
			set := map[string]string{}
			for pair := range strings.FieldsSeq(labels) {
				key, value, _ := strings.Cut(pair, "=")
				set[key] = value
			}
			g.client.Labels = mesh.MakeLabels(set)
		}
		if names, ok := strings.CutPrefix(comment, "certificates: "); ok {
			g.client.Providers = mesh.MakeProviders(strings.Fields(names)...)
		}
		if names, ok := strings.CutPrefix(comment, "variables: "); ok {
			for name := range strings.FieldsSeq(names) {
				g.client.Declared |= mesh.FeatureOf(name)
			}
		}
		if at, ok := strings.CutPrefix(comment, "egress: "); ok {
			g.client.Egress = at
		}
		if id, ok := strings.CutPrefix(comment, "id: "); ok {
			g.client.Bucket = snapshot.ClientOf(&corev3.Node{Id: id}, "").Bucket
		}
		if show, ok := strings.CutPrefix(comment, "show: "); ok {
			g.show(t, strings.Fields(show))
		}
	}
	return g
}

// client reads NAMESPACE/APP REGION/ZONE NODE.
func client(text string) mesh.Client {
	workload, topology, _ := strings.Cut(text, " ")
	locality, node, _ := strings.Cut(topology, " ")
	namespace, app, _ := strings.Cut(workload, "/")
	region, zone, _ := strings.Cut(locality, "/")
	c := mesh.Client{Namespace: namespace, Locality: mesh.Locality{Region: region, Zone: zone}, Node: node}
	if app != "" {
		c.Labels = mesh.MakeLabels(map[string]string{"app": app})
	}
	return c
}

func (g *golden) show(t *testing.T, words []string) {
	t.Helper()
	if g.problemsOnly = words[0] == "problems"; g.problemsOnly {
		return
	}
	for short := range strings.SplitSeq(words[0], ",") {
		resourceType, ok := snapshot.TypeByShortName(short)
		if !ok {
			t.Fatalf("%s: there is no type %q", g.path, short)
		}
		g.types = append(g.types, resourceType)
	}
	g.names = words[1:]
}

func (g golden) output() string { return strings.TrimSuffix(g.path, ".in.yaml") + ".out.yaml" }

func (g golden) snapshot(t *testing.T) *snapshot.Snapshot {
	t.Helper()
	world, err := files.Load(watch.Options{Defaults: mesh.Defaults{EndpointLabels: mesh.MakeLabelKeys("lane", "version")}}, g.path)
	if err != nil {
		t.Fatal(err)
	}
	// The lines of objects are left out, because they would change with every comment above them.
	world.Sources = nil
	return snapshot.New(world)
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(paths)
	return paths
}
