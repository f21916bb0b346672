package files

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/internal/watchtest"
)

// securityLines describes the objects of a World that configure servers.
func securityLines(w *mesh.World) []string {
	var lines []string
	for _, namespace := range slices.Sorted(maps.Keys(maps.Collect(w.Security.All()))) {
		s, _ := w.Security.Get(namespace)
		for _, p := range s.PeerAuthentications {
			ports := []string{}
			for _, port := range slices.Sorted(maps.Keys(p.Spec.GetPortLevelMtls())) {
				ports = append(ports, fmt.Sprintf("%d=%s", port, p.Spec.GetPortLevelMtls()[port].GetMode()))
			}
			lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s %s %v %s", p.Ref.Key(), p.Spec.GetMtls().GetMode(), p.Selector, strings.Join(ports, " "))))
		}
		for _, p := range s.AuthorizationPolicies {
			line := fmt.Sprintf("%s %s %v %d rules", p.Ref.Key(), p.Spec.GetAction(), []map[string]string(p.Selected), len(p.Spec.GetRules()))
			if len(p.UnknownFields) > 0 {
				line += " unknown " + strings.Join(p.UnknownFields, ", ")
			}
			if p.DryRun {
				line += " dry run"
			}
			lines = append(lines, line)
		}
	}
	return lines
}

func policyYAML(spec string) string {
	return "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: a, namespace: shop}\nspec: " + spec + "\n"
}

func peerYAML(spec string) string {
	return "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: a, namespace: shop}\nspec: " + spec + "\n"
}

// TestUnreadableSecurity: what cannot be read closes, as much of it as its part decides.
func TestUnreadableSecurity(t *testing.T) {
	const (
		nobody, everybody = "shop/a ALLOW [map[]] 0 rules", "shop/a DENY [map[]] 1 rules"
		strict            = "shop/a STRICT map[]"
	)
	tests := map[string]struct {
		text string
		want string
		// problems are the fields of the Problems, with their codes.
		problems []string
	}{
		"readable":                        {policyYAML("{action: DENY, rules: [{to: [{operation: {paths: [/a]}}]}]}"), "shop/a DENY [map[]] 1 rules", nil},
		"beta":                            {strings.Replace(policyYAML("{}"), "/v1", "/v1beta1", 1), nobody, nil},
		"no spec":                         {"apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: a, namespace: shop}\n", nobody, nil},
		"an unknown action":               {policyYAML("{action: DENI, rules: [{}]}"), everybody, []string{"InvalidValue spec.action", "Closed spec"}},
		"a misspelled action":             {policyYAML("{acton: DENY, rules: [{to: [{operation: {paths: [/a]}}]}]}"), everybody, []string{"UnknownField spec.acton", "Closed spec"}},
		"misspelled rules":                {policyYAML("{action: DENY, ruels: [{}]}"), everybody, []string{"UnknownField spec.ruels", "Closed spec"}},
		"misspelled rules that allow":     {policyYAML("{ruels: [{}]}"), nobody, []string{"UnknownField spec.ruels", "Closed spec"}},
		"rules that are no list":          {policyYAML("{action: DENY, selector: {matchLabels: {app: a}}, rules: all}"), "shop/a DENY [map[app:a]] 1 rules", []string{"InvalidValue spec.rules", "Closed spec"}},
		"an unknown field in a rule":      {policyYAML("{rules: [{form: [{}]}]}"), "shop/a ALLOW [map[]] 1 rules unknown spec.rules[0].form", []string{"UnknownField spec.rules[0].form"}},
		"a wrong type in a rule":          {policyYAML("{action: DENY, rules: [{to: [{operation: {paths: /a}}]}]}"), "shop/a DENY [map[]] 1 rules unknown spec.rules[0].to[0].operation.paths", []string{"InvalidValue spec.rules[0].to[0].operation.paths"}},
		"a number in a list":              {policyYAML("{action: DENY, rules: [{to: [{operation: {ports: [8080]}}]}]}"), "shop/a DENY [map[]] 1 rules unknown spec.rules[0].to[0].operation.ports[0]", []string{"InvalidValue spec.rules[0].to[0].operation.ports[0]"}},
		"an empty list":                   {policyYAML("{rules: [{from: [], to: [{operation: {paths: []}}]}]}"), "shop/a ALLOW [map[]] 1 rules unknown spec.rules[0].from, spec.rules[0].to[0].operation.paths", nil},
		"a field without a value":         {policyYAML("{rules: [{from: }]}"), "shop/a ALLOW [map[]] 1 rules unknown spec.rules[0].from", nil},
		"a rule that is null":             {policyYAML("{rules: [null, {to: [{}]}]}"), "shop/a ALLOW [map[]] 2 rules unknown spec.rules[0]", []string{"InvalidValue spec.rules[0]"}},
		"a condition without a key":       {policyYAML("{rules: [{when: [{values: [a]}]}]}"), "shop/a ALLOW [map[]] 1 rules unknown spec.rules[0].when[0].key", []string{"InvalidValue spec.rules[0].when[0].key"}},
		"a misspelled selector":           {policyYAML("{action: DENY, selektor: {matchLabels: {app: a}}, rules: [{to: [{}]}]}"), everybody, []string{"UnknownField spec.selektor", "Closed spec"}},
		"an unknown field in it":          {policyYAML("{selector: {matchLabel: {app: a}}, rules: [{}]}"), nobody, []string{"UnknownField spec.selector.matchLabel", "Closed spec"}},
		"a selector that no pod matches":  {policyYAML(`{action: DENY, selector: {matchLabels: {app: "a*"}}, rules: [{}]}`), everybody, []string{"InvalidValue spec.selector.matchLabels[app]", "Closed spec"}},
		"a selector of another type":      {policyYAML("{action: DENY, selector: [app], rules: [{}]}"), everybody, []string{"InvalidValue spec.selector", "Closed spec"}},
		"selector and target":             {policyYAML("{selector: {matchLabels: {app: a}}, targetRefs: [{kind: Service, name: b}], rules: [{}]}"), "shop/a ALLOW [map[app:a]] 0 rules", []string{"NoPods spec.targetRefs[0].name", "InvalidValue spec.targetRefs", "Closed spec"}},
		"a target of an unknown kind":     {policyYAML("{action: DENY, targetRefs: [{kind: service, name: b}]}"), everybody, []string{"InvalidValue spec.targetRefs[0].kind", "Closed spec"}},
		"a target in another namespace":   {policyYAML("{targetRefs: [{kind: Service, name: b, namespace: c}]}"), nobody, []string{"InvalidValue spec.targetRefs[0].namespace", "Closed spec"}},
		"a target that is a gateway":      {policyYAML("{action: DENY, targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: b}], rules: [{}]}"), "shop/a DENY [] 1 rules", []string{"Unsupported spec.targetRefs[0]"}},
		"what is written outside of spec": {policyYAML("{action: DENY}") + "rules: [{}]\n", everybody, []string{"UnknownField rules", "Closed spec"}},
		"a provider of another action":    {policyYAML("{provider: {name: x}}"), nobody, []string{"InvalidValue spec.provider"}},
		"a spec that is a list":           {policyYAML("[]"), everybody, []string{"InvalidValue spec", "Closed spec"}},
		"a field that is set twice":       {policyYAML("{action: DENY, action: ALLOW, rules: [{}]}"), everybody, []string{"InvalidValue spec.action", "Closed spec"}},
		"no YAML":                         {policyYAML("{action: DENY, rules: [{}"), "shop/a DENY [map[]] 1 rules", []string{"Unreadable ", "Closed spec"}},
		"no YAML, and another after it":   {policyYAML("{rules: [{}") + "---\n" + strings.Replace(policyYAML("{}"), "name: a", "name: b", 1), nobody + "\nshop/b ALLOW [map[]] 0 rules", []string{"Unreadable ", "Closed spec"}},
		"another object of the document":  {strings.Replace(policyYAML("{rules: [{}]}"), "{name: a, namespace: shop}", "{labels: {name: x}, name: a, namespace: shop}", 1) + "...\nkind: [", "shop/a ALLOW [map[]] 1 rules", []string{"Unreadable "}},
		"no JSON":                         {`{"apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy", "metadata": {"name": "a", "namespace": "shop"}, "spec": {"action": "DENY",,}}`, everybody, []string{"Unreadable ", "Closed spec"}},
		"a template":                      {policyYAML("{{ .Values.spec }}"), nobody, []string{"Unreadable ", "Closed spec"}},
		"wrong version":                   {strings.Replace(policyYAML("{action: DENY}"), "/v1", "/v2", 1), everybody, []string{"UnknownKind ", "Closed spec"}},
		"misspelled kind":                 {strings.Replace(policyYAML("{}"), "Authorization", "Authorisation", 1), nobody, []string{"UnknownKind ", "Closed spec"}},
		"no name":                         {strings.Replace(policyYAML("{}"), "name: a, ", "", 1), "shop/objects.yaml:1 ALLOW [map[]] 0 rules", []string{"InvalidValue metadata.name", "Closed spec"}},
		"metadata that is refused":        {strings.Replace(policyYAML("{rules: [{}]}"), "namespace: shop", "namespace: shop, labels: {app: a b}", 1), nobody, []string{"InvalidValue metadata.labels", "Closed spec"}},
		"a dry run":                       {strings.Replace(policyYAML("{acton: DENY}"), "namespace: shop", `namespace: shop, annotations: {istio.io/dry-run: "true"}`, 1), everybody + " dry run", []string{"UnknownField spec.acton", "Closed spec"}},
		"a dry run of a wrong type":       {strings.Replace(policyYAML("[]"), "namespace: shop", `namespace: shop, annotations: {istio.io/dry-run: "true"}`, 1), everybody + " dry run", []string{"InvalidValue spec", "Closed spec"}},
		"an unclear dry run":              {strings.Replace(policyYAML("{}"), "namespace: shop", `namespace: shop, annotations: {istio.io/dry-run: "yes"}`, 1), nobody, []string{"InvalidValue metadata.annotations[istio.io/dry-run]"}},
		"a misspelled dry run":            {strings.Replace(policyYAML("{}"), "namespace: shop", `namespace: shop, annotations: {istio.io/dryrun: "true"}`, 1), nobody, []string{"UnknownField metadata.annotations[istio.io/dryrun]"}},

		"a readable mode":                {peerYAML("{mtls: {mode: PERMISSIVE}}"), "shop/a PERMISSIVE map[]", nil},
		"an unknown mode":                {peerYAML("{selector: {matchLabels: {app: a}}, mtls: {mode: STRIKT}}"), "shop/a STRICT map[app:a]", []string{"InvalidValue spec.mtls.mode", "Closed spec.mtls"}},
		"a misspelled mode":              {peerYAML("{mtls: {mod: PERMISSIVE}}"), strict, []string{"UnknownField spec.mtls.mod", "Closed spec.mtls"}},
		"a misspelled mtls":              {peerYAML("{mtl: {mode: PERMISSIVE}}"), strict, []string{"UnknownField spec.mtl", "Closed spec"}},
		"an unknown mode of a port":      {peerYAML("{selector: {matchLabels: {app: a}}, mtls: {mode: DISABLE}, portLevelMtls: {80: {mode: OFF}, 81: {mode: PERMISSIVE}}}"), "shop/a DISABLE map[app:a] 80=STRICT 81=PERMISSIVE", []string{"InvalidValue spec.portLevelMtls.80.mode", "Closed spec.portLevelMtls"}},
		"a port that is a name":          {peerYAML("{selector: {matchLabels: {app: a}}, mtls: {mode: DISABLE}, portLevelMtls: {http: {mode: DISABLE}}}"), "shop/a STRICT map[app:a]", []string{"UnknownField spec.portLevelMtls.http", "Closed spec"}},
		"a port that is too large":       {peerYAML("{selector: {matchLabels: {app: a}}, portLevelMtls: {70000: {mode: DISABLE}}}"), "shop/a UNSET map[app:a]", []string{"InvalidValue spec.portLevelMtls.70000"}},
		"port 0":                         {peerYAML("{selector: {matchLabels: {app: a}}, mtls: {mode: STRICT}, portLevelMtls: {0: {mode: DISABLE}, 80: {mode: DISABLE}}}"), "shop/a STRICT map[app:a] 80=DISABLE", []string{"InvalidValue spec.portLevelMtls.0"}},
		"a selector without labels":      {peerYAML("{selector: {}, mtls: {mode: STRICT}}"), strict, []string{"InvalidValue spec.selector"}},
		"ports without a selector":       {peerYAML("{mtls: {mode: STRICT}, portLevelMtls: {80: {mode: DISABLE}}}"), strict, []string{"InvalidValue spec.portLevelMtls"}},
		"a selector that cannot be read": {peerYAML("{selector: {matchLabels: [a]}, mtls: {mode: DISABLE}}"), strict, []string{"InvalidValue spec.selector.matchLabels", "Closed spec"}},
		"peers without YAML":             {peerYAML("{mtls: {mode: DISABLE}"), strict, []string{"Unreadable ", "Closed spec"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := loadText(t, tt.text)
			if got := strings.Join(securityLines(w), "\n"); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			var got []string
			for _, p := range w.Problems {
				got = append(got, fmt.Sprintf("%s %s", p.Code, p.Field))
			}
			slices.Sort(got)
			slices.Sort(tt.problems)
			if d := cmp.Diff(tt.problems, got); d != "" {
				t.Errorf("problems (-want +got):\n%s\n%s", d, strings.Join(watchtest.ProblemLines(w), "\n"))
			}
		})
	}
}

// TestLastGoodSecurity: a running server keeps the last good state of an object that it cannot read any more.
func TestLastGoodSecurity(t *testing.T) {
	good := policyYAML("{action: DENY, rules: [{to: [{operation: {paths: [/a]}}]}]}")
	const kept = "shop/a DENY [map[]] 1 rules"
	for name, bad := range map[string]string{
		"no YAML": policyYAML("{action: ALLOW, rules: [{}"), "no YAML and no name": "kind: AuthorizationPolicy\napiVersion: v1\n: [",
		"a wrong type": policyYAML("[]"), "an unknown action": policyYAML("{action: BLOCK}"),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, "a.yaml", good)
			run := newTestRun(t, dir)
			run.scanPaths(filepath.Join(dir, "a.yaml"))
			before := run.last.Security
			write(t, dir, "a.yaml", bad)
			run.scanPaths(filepath.Join(dir, "a.yaml"))
			if got := securityLines(run.last); len(got) != 1 || got[0] != kept {
				t.Errorf("got %q, want %q", got, kept)
			}
			if was, _ := before.Get("shop"); watchtest.Get(run.last.Security, "shop") != was {
				t.Error("the objects are others, though they are kept")
			}
			for _, p := range run.last.Problems {
				if p.Code == mesh.CodeClosed {
					t.Errorf("got %s, though nothing closes", p)
				}
			}
			write(t, dir, "a.yaml", policyYAML("{}"))
			run.scanPaths(filepath.Join(dir, "a.yaml"))
			if got := securityLines(run.last); len(got) != 1 || got[0] != "shop/a ALLOW [map[]] 0 rules" {
				t.Errorf("after a correction: got %q", got)
			}
		})
	}
}

// TestClosedProposals: an author may copy what a Problem proposes, so it is the author's own value in another form, and
// never an example that lets callers in.
func TestClosedProposals(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"an empty mapping": {policyYAML("{rules: {}}"), "Correct it."},
		"a text":           {policyYAML("{rules: all}"), "Correct it."},
		"a spec":           {policyYAML("all"), "Correct it."},
		"a null":           {policyYAML("{rules: [null]}"), "Correct it."},
		"a mode":           {peerYAML("{mtls: {mode: 3}}"), "Correct it."},
		"a mapping":        {policyYAML("{rules: [{from: {source: {namespaces: [web]}}}]}"), "Write from: [{source: {namespaces: [web]}}]"},
		"a number":         {policyYAML("{rules: [{to: [{operation: {ports: [80]}}]}]}"), `Write "80"`},
		"a mode by name":   {peerYAML("{mtls: {mode: strict}}"), "Write mode: STRICT"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, p := range loadText(t, test.text).Problems {
				if p.Code == mesh.CodeInvalidValue {
					if !strings.HasSuffix(p.Message, test.want) {
						t.Errorf("got %q, want %q at its end", p.Message, test.want)
					}
					return
				}
			}
			t.Error("got no Problem")
		})
	}
}
