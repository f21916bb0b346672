//go:build interop

package interop

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"sigs.k8s.io/yaml"

	"github.com/mizzen-mesh/mizzen/test/authority"
)

// verdictCase is a case of verdicts.yaml, which documents it.
type verdictCase struct {
	Name     string `json:"name"`
	About    string `json:"about"`
	Policies string `json:"policies"`
	// Source is whether the address of the caller matters.
	Source   bool               `json:"source"`
	Allowed  allowed            `json:"allowed"`
	Narrower map[string]allowed `json:"narrower"`
}

// allowed are the names of calls by caller.
type allowed map[string]callNames

// callNames is a list of calls, or "all".
type callNames []string

func (n *callNames) UnmarshalJSON(data []byte) error {
	if string(data) == `"all"` {
		*n = slices.Sorted(maps.Keys(verdictCalls))
		return nil
	}
	return json.Unmarshal(data, (*[]string)(n))
}

// verdictCallers are the callers with a certificate of the mesh.
var verdictCallers = map[string]struct{ namespace, account, source string }{
	"web":  {"shop", "web", "127.0.0.1"},
	"jobs": {"shop", "jobs", "127.0.0.1"},
	"ops":  {"ops", "web", "127.0.0.1"},
	"far":  {"shop", "web", "127.0.0.2"},
}

// verdictCalls are the calls that each of them makes.
var verdictCalls = map[string]probe{
	"say":   {Method: "/interop.Echo/Say"},
	"reset": {Method: "/interop.Echo/Reset"},
	"admin": {Method: "/interop.Admin/Say"},
	"alice": {Method: "/interop.Echo/Say", Headers: map[string]string{"x-user": "alice"}},
	"bob":   {Method: "/interop.Echo/Say", Headers: map[string]string{"x-user": "bob"}},
}

// strictNamespace has servers take encrypted calls only.
const strictNamespace = `apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: shop}
spec: {mtls: {mode: STRICT}}
`

// loadVerdicts reads verdicts.yaml.
func loadVerdicts(t *testing.T) []verdictCase {
	t.Helper()
	var all []verdictCase
	if err := yaml.UnmarshalStrict(must(os.ReadFile("verdicts.yaml"))(t), &all); err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		if err := c.check(); err != nil {
			t.Fatalf("%s: %v", c.Name, err)
		}
	}
	return all
}

// check rejects names that do not exist, and servers that allow more than others.
func (c verdictCase) check() error {
	for kind, narrower := range c.Narrower {
		for caller, calls := range narrower {
			for _, call := range calls {
				if !slices.Contains(c.Allowed[caller], call) {
					return fmt.Errorf("%s must not allow %s by %s, which is not allowed", kind, call, caller)
				}
			}
		}
	}
	for caller, calls := range c.Allowed {
		if _, ok := verdictCallers[caller]; !ok {
			return fmt.Errorf("there is no caller %q", caller)
		}
		for _, call := range calls {
			if _, ok := verdictCalls[call]; !ok {
				return fmt.Errorf("there is no call %q", call)
			}
		}
	}
	return nil
}

// objects are the policies in full. PORTS in them are the ports of the servers.
func (c verdictCase) objects(ports []string) string {
	text := strictNamespace
	for policy := range strings.SplitSeq(c.Policies, "---\n") {
		if strings.TrimSpace(policy) != "" {
			text += "---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\n" + policy
		}
	}
	return strings.ReplaceAll(text, "PORTS", `["`+strings.Join(ports, `", "`)+`"]`)
}

// of are the calls that a server allows.
func (c verdictCase) of(kind *serverKind) allowed {
	if narrower, ok := c.Narrower[kind.name]; ok {
		return narrower
	}
	return c.Allowed
}

// verdicts makes every call as every caller to a server in each language, with the policies of each case. The servers must allow
// the calls that verdicts.yaml states, and so must the evaluator of `controlplane authz`. Callers without a certificate of the mesh are
// refused in all cases. It returns how many calls were as stated.
func (s *stage) verdicts(t *testing.T, cases []verdictCase) (calls int) {
	t.Helper()
	all, ports := map[*member]*callers{}, []string{}
	for _, m := range s.members {
		all[m] = newCallers(t, s.mesh, m.server)
		ports = append(ports, strconv.Itoa(m.port))
	}
	slices.Sort(ports)
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			s.plane.put("objects.yaml", c.objects(ports))
			if _, err := s.plane.settle(); err != nil {
				t.Error(err)
			}
			var servers sync.WaitGroup
			for _, m := range s.members {
				servers.Go(func() {
					if err := all[m].await(c.of(m.kind)); err != nil {
						t.Errorf("%s: %v", m.kind.name, err)
					}
				})
			}
			servers.Wait()
			evaluate(t, s.plane.dir, c)
			if !t.Failed() {
				calls += len(s.members) * (len(verdictCallers)*len(verdictCalls) + len(all[s.any()].refused))
			}
		})
	}
	return calls
}

// goldens serves the goldens of AuthorizationPolicies to all servers. Each must acknowledge them, and answer a call or deny it.
func (s *stage) goldens(t *testing.T) {
	t.Helper()
	const folder = "../../pkg/translate/inbound/testdata/"
	paths, err := filepath.Glob(folder + "*.in.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("there are no goldens (%v)", err)
	}
	web := s.probers(func(m *member) *prober { return s.web(m) })
	s.failures = map[string]error{}
	for _, path := range paths {
		s.plane.put("objects.yaml", strictNamespace+"---\n"+string(must(os.ReadFile(path))(t)))
		name := strings.TrimSuffix(strings.TrimPrefix(path, folder), ".in.yaml")
		if held, err := s.plane.settle(); err != nil || held < len(s.members) {
			t.Errorf("%s: servers have accepted %d resources: %v", name, held, err)
		}
		s.each(func(m *member) error {
			code := web[m].code(probe{})
			if m.ended() || code != codes.OK && code != codes.PermissionDenied {
				return fmt.Errorf("%s: a call got %v, and the server has ended: %t", name, code, m.ended())
			}
			return nil
		})
	}
	for name, err := range s.failures {
		t.Errorf("%s: %v", name, err)
	}
}

// podName is the name of the pod and Service of the only server of a kind.
func (k *serverKind) podName() string { return strings.ReplaceAll(k.name, ".", "-") }

// callers are all callers of one server, each with a channel of its own.
type callers struct {
	probers map[string]*prober
	// refused are the callers that may not even connect.
	refused map[string]*prober
}

func newCallers(t *testing.T, mesh *authority.Authority, s *server) *callers {
	t.Helper()
	all := &callers{probers: map[string]*prober{}, refused: map[string]*prober{}}
	for name, c := range verdictCallers {
		all.probers[name] = newProber(t, s.local(), credentialsOf(mesh.Pod(c.namespace, c.account)), origin{source: c.source})
	}
	for name, creds := range map[string]credentials.TransportCredentials{
		"plaintext": plaintext(), "no certificate": credentialsOf(nil), "foreign authority": credentialsOf(authority.New(t).Pod("shop", "web")),
	} {
		all.refused[name] = newProber(t, s.local(), creds, origin{})
	}
	return all
}

// await makes all calls until two rounds have the expected verdicts. A server applies what it acknowledged a moment later.
func (a *callers) await(want allowed) error {
	for right, end := 0, time.Now().Add(patience); ; {
		wrong := a.round(want)
		switch right++; {
		case wrong != nil && time.Now().After(end):
			return wrong
		case wrong != nil:
			right = 0
		case right == 2:
			return nil
		}
	}
}

// round makes every call once.
func (a *callers) round(want allowed) error {
	var wrong []string
	expect := func(caller, call string, s codes.Code, text string, want codes.Code) {
		if s != want {
			wrong = append(wrong, fmt.Sprintf("%s by %s: got %v %q, want %v", call, caller, s, text, want))
		}
	}
	for caller, p := range a.probers {
		for name, call := range verdictCalls {
			verdict := codes.PermissionDenied
			if slices.Contains(want[caller], name) {
				verdict = codes.OK
			}
			_, got := p.call(call)
			expect(caller, name, got.Code(), got.Message(), verdict)
		}
	}
	for caller, p := range a.refused {
		p.channel.ResetConnectBackoff()
		_, got := p.call(probe{})
		expect(caller, "say", got.Code(), got.Message(), codes.Unavailable)
	}
	if wrong == nil {
		return nil
	}
	slices.Sort(wrong)
	return fmt.Errorf("%s", strings.Join(wrong, "\n"))
}

// evaluate has the evaluator of `controlplane authz` judge the calls of a case. It does not know the language of a server.
func evaluate(t *testing.T, dir string, c verdictCase) {
	t.Helper()
	if c.Source {
		explainCalls(t, dir, c)
		return
	}
	type row struct {
		Name    string            `json:"name"`
		From    string            `json:"from"`
		To      string            `json:"to"`
		Method  string            `json:"method"`
		Headers map[string]string `json:"headers,omitempty"`
		Expect  string            `json:"expect"`
	}
	var rows []row
	for _, kind := range serverKinds {
		for caller, who := range verdictCallers {
			for call, p := range verdictCalls {
				rows = append(rows, row{
					Name: fmt.Sprintf("%s by %s to %s", call, caller, kind.name), From: who.namespace + "/" + who.account,
					To: kind.target(), Method: p.Method, Headers: p.Headers, Expect: map[bool]string{true: "allow", false: "deny"}[slices.Contains(c.Allowed[caller], call)],
				})
			}
		}
	}
	file := filepath.Join(t.TempDir(), "cases.yaml")
	if err := os.WriteFile(file, must(yaml.Marshal(rows))(t), 0o600); err != nil {
		t.Fatal(err)
	}
	if output, err := exec.Command(binary, "authz", "test", "-f", dir, file).CombinedOutput(); err != nil {
		t.Errorf("controlplane authz test: %v\n%s", err, failing(string(output)))
	}
}

// failing are the lines of `controlplane authz test` except those of cases that are as expected.
func failing(output string) string {
	return regexp.MustCompile("(?m)^ok .*\n").ReplaceAllString(output, "")
}

// explainCalls has `controlplane authz explain` judge each call of a case to one server, with the address of the caller.
func explainCalls(t *testing.T, dir string, c verdictCase) {
	t.Helper()
	for caller, who := range verdictCallers {
		for call, p := range verdictCalls {
			args := []string{
				"authz", "explain", "-f", dir, "-o", "json", "--from", who.namespace + "/" + who.account, "--to", serverKinds[0].target(),
				"--method", p.Method, "--source-ip", who.source,
			}
			for key, value := range p.Headers {
				args = append(args, "--header", key+"="+value)
			}
			output, err := exec.Command(binary, args...).Output()
			var verdict struct {
				Allowed bool `json:"allowed"`
			}
			if json.Unmarshal(output, &verdict) != nil {
				t.Fatalf("controlplane authz explain: %v, printed %q", err, output)
			}
			if want := slices.Contains(c.Allowed[caller], call); verdict.Allowed != want || (err == nil) != want {
				t.Errorf("controlplane authz explain of %s by %s: got %v and %s, want allowed: %t", call, caller, err, output, want)
			}
		}
	}
}

// target is the Service of the only server of a kind.
func (k *serverKind) target() string { return k.podName() + ".shop.svc.cluster.local:80" }
