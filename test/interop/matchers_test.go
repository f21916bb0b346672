//go:build interop

package interop

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	rbacconfigv3 "github.com/envoyproxy/go-control-plane/envoy/config/rbac/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/path/match/uri_template/v3" // for matchers.yaml
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"sigs.k8s.io/yaml"

	"github.com/mizzen-mesh/mizzen/test/authority"
)

const (
	matchersInput = "matchers.yaml"
	matchersFile  = "matchers.txt"
)

var matchers = flag.Bool("matchers", false, "have TestMatchers send every expression of RBAC to every server")

// matcher is a row of matchers.yaml.
type matcher struct {
	Name       string          `json:"name"`
	Action     string          `json:"action"`
	Permission json.RawMessage `json:"permission"`
	Principal  json.RawMessage `json:"principal"`
	// Rules are all of it, in place of the three.
	Rules json.RawMessage `json:"rules"`
}

// rules are the rules for a server; nil if the row has none.
func (m matcher) rules(port int) (*rbacconfigv3.RBAC, error) {
	text := string(m.Rules)
	if text == "" {
		if m.Action == "" && m.Permission == nil && m.Principal == nil {
			return nil, nil
		}
		whole := func(part json.RawMessage) string { return orElse(string(part), `{"any": true}`) }
		text = fmt.Sprintf(`{"action": %q, "policies": {"p": {"permissions": [%s], "principals": [%s]}}}`,
			orElse(m.Action, "ALLOW"), whole(m.Permission), whole(m.Principal))
	}
	text = strings.NewReplacer(`"PORT"`, strconv.Itoa(port), `"WEB"`, `"spiffe://cluster.local/ns/shop/sa/web"`).Replace(text)
	rules := &rbacconfigv3.RBAC{}
	if err := protojson.Unmarshal([]byte(text), rules); err != nil {
		return nil, fmt.Errorf("%s: %w", m.Name, err)
	}
	return rules, nil
}

// matcherProbes are the calls that are made with each expression.
var matcherProbes = []struct {
	name, account, authority string
	probe
}{
	{name: "web", account: "web"},
	{name: "other", account: "other"},
	{name: "nameless"},
	{name: "Reset", account: "web", probe: probe{Method: "/interop.Echo/Reset"}},
	{name: "x-a: 1", account: "web", probe: probe{Headers: map[string]string{"x-a": "1"}}},
	{name: "x-a: 2", account: "web", probe: probe{Headers: map[string]string{"x-a": "2"}}},
	{name: "cart.shop:50051, x-bin", account: "web", authority: "cart.shop:50051", probe: probe{Headers: map[string]string{"x-bin": "a"}}},
}

// TestMatchers finds out what each server makes of each expression, and compares it with matchers.txt. It needs -matchers, since it
// is about gRPC alone: it is run for a new version of gRPC.
func TestMatchers(t *testing.T) {
	if !*matchers {
		t.Skip("only with -matchers")
	}
	var rows []matcher
	if err := yaml.UnmarshalStrict(must(os.ReadFile(matchersInput))(t), &rows); err != nil {
		t.Fatal(err)
	}
	l := newMatcherLab(t)
	for _, row := range rows {
		l.try(row)
	}
	if text := l.text(rows); *update {
		if err := os.WriteFile(matchersFile, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if diff := cmp.Diff(string(must(os.ReadFile(matchersFile))(t)), text); diff != "" {
		t.Errorf("%s differs from the results (-written +got):\n%s", matchersFile, diff)
	}
}

// matcherLab has a server of each kind, and what came out.
type matcherLab struct {
	resources
	rig     *rig
	mesh    *authority.Authority
	servers map[string]*server
	// callers are the certificates by account; the one without an account is nameless.
	callers map[string]*authority.Files
	// results are by row and server.
	mu      sync.Mutex
	results map[string]map[string]string
}

func newMatcherLab(t *testing.T) *matcherLab {
	t.Helper()
	l := &matcherLab{
		resources: resources{t}, rig: startRig(t), mesh: authority.New(t), servers: map[string]*server{}, results: map[string]map[string]string{},
	}
	l.callers = map[string]*authority.Files{"": l.mesh.Pod("", ""), "web": l.mesh.Pod("shop", "web"), "other": l.mesh.Pod("other", "other")}
	for _, kind := range serverKinds {
		l.start(kind)
	}
	return l
}

// start starts a server with a Listener that lets all calls pass, and returns when it does.
func (l *matcherLab) start(kind *serverKind) {
	l.t.Helper()
	spec := clientSpec{Namespace: "shop", Account: "cart"}
	bootstrap := serverBootstrap(l.t, l.rig.address, kind.name, l.mesh.Pod("shop", "cart"), spec)
	s := startServer(l.t, kind, serverPort(l.t), bootstrap, kind.name, "")
	l.servers[kind.name] = s
	everything := must(matcher{Action: "ALLOW"}.rules(s.port))(l.t)
	l.rig.set(map[string]proto.Message{s.listener(): l.listener(s.listener(), l.chain(l.mtls(), l.rbac("rbac", everything)))})
	web := newProber(l.t, s.local(), credentialsOf(l.callers["web"]), origin{})
	if err := web.awaitCode(probe{}, codes.OK); err != nil {
		l.t.Fatalf("%s: %v", kind.name, err)
	}
}

// try sends an expression to every server, and calls them.
func (l *matcherLab) try(row matcher) {
	l.t.Helper()
	all := map[string]proto.Message{}
	for _, s := range l.servers {
		rules, err := row.rules(s.port)
		if err != nil {
			l.t.Fatal(err)
		}
		all[s.listener()] = l.listener(s.listener(), l.chain(l.mtls(), l.rbac("rbac", rules)))
	}
	l.rig.set(all)
	refused := l.rig.settle(l.servers)
	var calls sync.WaitGroup
	l.results[row.Name] = map[string]string{}
	for name, s := range l.servers {
		calls.Go(func() {
			result := "refused"
			if _, no := refused[name]; !no {
				result = l.probe(s)
			}
			if s.ended() {
				result = "ends"
			}
			l.mu.Lock()
			defer l.mu.Unlock()
			l.results[row.Name][name] = result
		})
	}
	calls.Wait()
	for name, s := range l.servers {
		if s.ended() {
			l.start(serverKindOf(name))
		}
	}
}

// probe makes all calls, and returns a letter for each: A for allowed, D for denied, x for anything else. A server applies what it took
// a moment later, so the calls are made until two rounds agree.
func (l *matcherLab) probe(s *server) string {
	for last, end := "", time.Now().Add(patience); ; {
		var round strings.Builder
		for _, p := range matcherProbes {
			prober := newProber(l.t, s.local(), credentialsOf(l.callers[p.account]), origin{authority: p.authority})
			code := prober.code(p.probe)
			_ = prober.channel.Close()
			round.WriteString(orElse(map[codes.Code]string{codes.OK: "A", codes.PermissionDenied: "D"}[code], "x"))
		}
		if round.String() == last || s.ended() || time.Now().After(end) {
			return round.String()
		}
		last = round.String()
	}
}

func (l *matcherLab) text(rows []matcher) string {
	var text strings.Builder
	text.WriteString("What gRPC servers make of RBAC expressions: `make interop-matchers UPDATE=-update` writes this, from matchers.yaml.\n" +
		"A letter for each call: A is allowed, D denied, x fails otherwise. The calls:")
	for _, p := range matcherProbes {
		text.WriteString(" " + p.name + ";")
	}
	text.WriteString("\n\n" + fmt.Sprintf("%-32s", "expression"))
	for _, kind := range serverKinds {
		fmt.Fprintf(&text, "%-12s", kind.name)
	}
	for _, row := range rows {
		fmt.Fprintf(&text, "\n%-32s", row.Name)
		for _, kind := range serverKinds {
			fmt.Fprintf(&text, "%-12s", l.results[row.Name][kind.name])
		}
	}
	return regexp.MustCompile(" +\n").ReplaceAllString(text.String()+"\n", "\n")
}
