package inbound

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"sigs.k8s.io/yaml"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/translatetest"
)

// golden is one input: AuthorizationPolicies that select one server. Its first line is a comment with a sentence. The next
// lines can be comments with options:
//
//	# port: NUMBER          the server's port; default: 50051
//	# plaintext             the server has no certificate
//	# trust domain: NAME    the mesh's own
//	# aliases: NAME,NAME    its aliases
//	# addresses: IP …       the addresses of the pod
type golden struct {
	path string
	in   RulesInput
}

func TestGoldens(t *testing.T) {
	for _, g := range goldens(t) {
		t.Run(filepath.Base(g.path), func(t *testing.T) {
			got := g.render(t)
			output := strings.TrimSuffix(g.path, ".in.yaml") + ".out.yaml"
			if *translatetest.Update {
				if err := os.WriteFile(output, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(output)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(got, string(want)); diff != "" {
				t.Errorf("run with -update if this is meant (-got +want):\n%s", diff)
			}
		})
	}
}

// render writes the rules of servers in Go, those in Node if they differ, what shadow filters log, and the Problems.
func (g golden) render(t *testing.T) string {
	t.Helper()
	var out strings.Builder
	var problems []mesh.Problem
	deny, allow := Rules(&problems, g.in)
	write(t, &out, "deny", deny)
	write(t, &out, "allow", allow)
	node := g.in
	node.Kind = mesh.GRPCNode
	nodeDeny, nodeAllow := Rules(&problems, node)
	if !proto.Equal(nodeDeny, deny) {
		write(t, &out, "deny of gRPC Node", nodeDeny)
	}
	if !proto.Equal(nodeAllow, allow) {
		write(t, &out, "allow of gRPC Node", nodeAllow)
	}
	for _, f := range Shadow(g.in) {
		write(t, &out, "shadow", f)
	}
	for policy := range g.in.Policies.All() {
		if g.in.Secure {
			CheckPolicy(&problems, policy, g.in)
		}
	}
	for i, p := range mesh.SortProblems(problems) {
		if i == 0 {
			out.WriteString("problems:\n")
		}
		for _, kind := range p.ClientKinds.All() {
			p.Message += " [" + kind.String() + "]"
		}
		fmt.Fprintf(&out, "- %s\n", p)
	}
	return out.String()
}

func write(t *testing.T, out *strings.Builder, title string, m proto.Message) {
	t.Helper()
	data, err := protojson.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	text, err := yaml.JSONToYAML(data)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(out, "%s:\n", title)
	for line := range strings.Lines(string(text)) {
		fmt.Fprintf(out, "  %s", line)
	}
}

func goldens(t *testing.T) []golden {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.in.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatal("there are no goldens", err)
	}
	var all []golden
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		g := golden{path, RulesInput{Policies: mesh.MakeList(policies(t, data)...), Port: 50051, Kind: mesh.GRPCGo, Secure: true}}
		for i, line := range strings.Split(string(data), "\n") {
			comment, ok := strings.CutPrefix(line, "# ")
			if !ok {
				if i == 0 {
					t.Errorf("%s: the first line is not a comment with a sentence", path)
				}
				break
			}
			g.option(t, comment)
		}
		all = append(all, g)
	}
	return all
}

func (g *golden) option(t *testing.T, comment string) {
	t.Helper()
	name, value, _ := strings.Cut(comment, ": ")
	switch name {
	case "port":
		port, err := strconv.ParseUint(value, 10, 16)
		if err != nil {
			t.Fatal(err)
		}
		g.in.Port = uint32(port)
	case "plaintext":
		g.in.Secure = false
	case "trust domain":
		g.in.TrustDomain = value
	case "aliases":
		g.in.Aliases = value
	case "addresses":
		var all []netip.Addr
		for text := range strings.FieldsSeq(value) {
			all = append(all, netip.MustParseAddr(text))
		}
		g.in.Addresses = mesh.MakeList(all...)
	}
}

// TestGoldensHaveInputs checks that every output belongs to an input.
func TestGoldensHaveInputs(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.out.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if _, err := os.Stat(strings.TrimSuffix(path, ".out.yaml") + ".in.yaml"); err != nil {
			t.Errorf("%s: this output has no input; delete it", path)
		}
	}
}
