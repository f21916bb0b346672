package assemble

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/internal/watchtest"
)

const (
	mtlsPod  = "app: echo, mizzen.dev/server: xds, mizzen.dev/identity: spiffe"
	xdsPod   = "app: echo, mizzen.dev/server: xds"
	plainPod = "app: echo"
)

// echoPod makes a pod of EchoService, and its EndpointSlice. condition is what its endpoint states, such as ready: true.
func echoPod(n int, labels, condition string) string {
	return fmt.Sprintf("---\napiVersion: v1\nkind: Pod\nmetadata: {name: p%d, namespace: demo, labels: {%s}}\nspec: {serviceAccountName: sa%d}\nstatus: {podIP: 10.0.0.%d}\n", n, labels, n%2, n) +
		fmt.Sprintf("---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: echo-%d, namespace: demo, labels: {kubernetes.io/service-name: echo}}\naddressType: IPv4\n"+
			"ports: [{name: grpc, port: 8080}]\nendpoints: [{addresses: [10.0.0.%d], targetRef: {kind: Pod, name: p%d}, conditions: {%s}}]\n", n, n, n, condition)
}

func peers(name, age, spec string) string {
	return watchtest.Security("PeerAuthentication", name, age, spec)
}

func policy(name, spec string) string {
	return watchtest.Security("AuthorizationPolicy", name, "01", spec)
}

// TestEndpointSecurity: how clients call an endpoint follows from its pod's labels and from the mode of its port.
func TestEndpointSecurity(t *testing.T) {
	const strict, disable = "mtls: {mode: STRICT}", "mtls: {mode: DISABLE}"
	tests := map[string]struct {
		pod, objects string
		want         mesh.ServerSecurity
	}{
		"nothing is set":            {mtlsPod, "", mesh.ServerMTLS},
		"no certificate":            {xdsPod, "", mesh.ServerPlaintext},
		"no xDS server":             {"app: echo, mizzen.dev/identity: spiffe", "", mesh.ServerPlaintext},
		"DISABLE":                   {mtlsPod, peers("a", "01", disable), mesh.ServerPlaintext},
		"STRICT":                    {mtlsPod, peers("a", "01", strict), mesh.ServerMTLS},
		"STRICT, no certificate":    {xdsPod, peers("a", "01", strict), mesh.ServerClosed},
		"STRICT, plain server":      {plainPod, peers("a", "01", strict), mesh.ServerClosed},
		"STRICT of the mesh":        {plainPod, peers("istio-system/a", "01", strict), mesh.ServerClosed},
		"of another namespace":      {plainPod, peers("other/a", "01", strict), mesh.ServerPlaintext},
		"the namespace wins":        {plainPod, peers("istio-system/a", "01", strict) + peers("b", "01", disable), mesh.ServerPlaintext},
		"unset inherits":            {plainPod, peers("istio-system/a", "01", strict) + peers("b", "01", "mtls: {mode: UNSET}"), mesh.ServerClosed},
		"the selector wins":         {plainPod, peers("a", "01", strict) + peers("b", "01", "selector: {matchLabels: {app: echo}}, "+disable), mesh.ServerPlaintext},
		"another selector":          {plainPod, peers("a", "01", strict) + peers("b", "01", "selector: {matchLabels: {app: other}}, "+disable), mesh.ServerClosed},
		"the port wins":             {plainPod, peers("a", "01", "selector: {matchLabels: {app: echo}}, mtls: {mode: STRICT}, portLevelMtls: {'8080': {mode: DISABLE}}"), mesh.ServerPlaintext},
		"the port of the Service":   {plainPod, peers("a", "01", "selector: {matchLabels: {app: echo}}, mtls: {mode: STRICT}, portLevelMtls: {'80': {mode: DISABLE}}"), mesh.ServerClosed},
		"the oldest wins":           {plainPod, peers("a", "02", disable) + peers("b", "01", strict), mesh.ServerClosed},
		"then the first by name":    {plainPod, peers("b", "01", disable) + peers("a", "01", strict), mesh.ServerClosed},
		"a selector in the root":    {plainPod, peers("istio-system/a", "01", "selector: {matchLabels: {app: echo}}, "+strict), mesh.ServerPlaintext},
		"the mesh, of two of these": {plainPod, peers("istio-system/b", "02", disable) + peers("istio-system/a", "01", strict), mesh.ServerClosed},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			endpoints := watchtest.EchoService + echoPod(1, tt.pod, "")
			for _, steps := range [][]string{{tt.objects, endpoints}, {endpoints, tt.objects}} {
				a := newTestAssembler()
				apply(t, a, steps[0])
				w := apply(t, a, steps[1])
				e := watchtest.Get(w.Endpoints, watchtest.EchoHost).Endpoints[0]
				if got := e.Security(mesh.FamilyGRPC, 8080); got != tt.want {
					t.Errorf("got %s, want %s", got, tt.want)
				}
				// The server of the pod comes to the same conclusion.
				mode, _ := w.PeersFor(mesh.Workload{Namespace: "demo", Labels: e.Labels}).Mode(8080)
				if got := mesh.SecurityFor(e.Labels.HasIdentity(), e.Labels.ServesByXDS(), mode); got != tt.want {
					t.Errorf("the server: got %s, want %s", got, tt.want)
				}
			}
		})
	}
}

// TestPeerEdits: an edit reaches the endpoints that it concerns, and no others.
func TestPeerEdits(t *testing.T) {
	a := newTestAssembler()
	other := strings.NewReplacer("namespace: demo", "namespace: other").Replace(watchtest.EchoService + echoPod(1, mtlsPod, ""))
	w := apply(t, a, watchtest.EchoService+echoPod(1, mtlsPod, "")+other)
	for _, step := range []struct {
		text string
		want []mesh.Key
	}{
		{peers("a", "01", "mtls: {mode: STRICT}"), []mesh.Key{mesh.HostKey(watchtest.EchoHost), mesh.NamespaceKey("demo")}},
		{peers("a", "01", "mtls: {mode: STRICT}"), nil},
		{policy("a", "rules: [{}]"), []mesh.Key{mesh.NamespaceKey("demo")}},
		{policy("istio-system/a", "rules: [{}]"), []mesh.Key{mesh.WholeMesh()}},
		{peers("istio-system/a", "01", "mtls: {mode: DISABLE}"), []mesh.Key{mesh.HostKey(watchtest.EchoHost), mesh.HostKey("echo.other.svc.cluster.local"), mesh.WholeMesh()}},
	} {
		before := w
		w = apply(t, a, step.text)
		var got []mesh.Key
		if w != before {
			got = w.Changed
		}
		if d := cmp.Diff(step.want, got); d != "" {
			t.Errorf("%s: changed (-want +got):\n%s", step.text, d)
		}
		later := *w
		later.Revision += 2
		if d := cmp.Diff(step.want, later.ChangedSince(before)); d != "" && w != before {
			t.Errorf("%s: changed since (-want +got):\n%s", step.text, d)
		}
	}
	endpoints := watchtest.Get(w.Endpoints, watchtest.EchoHost).Endpoints
	w = apply(t, a, echoPod(2, mtlsPod, ""))
	if now := watchtest.Get(w.Endpoints, watchtest.EchoHost).Endpoints; now[1].Peer != endpoints[0].Peer || now[0].Peer != endpoints[0].Peer {
		t.Error("endpoints of one kind do not share their PeerModes")
	}
}

// TestEndpointGroups: the numbers of endpoints matter while a Service has endpoints of both kinds, and no longer.
func TestEndpointGroups(t *testing.T) {
	describeGroups := func(w *mesh.World) []string {
		var lines []string
		for _, g := range groupsOf(w) {
			lines = append(lines, fmt.Sprintf("%s %s %d+%d", g.Security(mesh.FamilyGRPC, 8080), g.ServiceAccount, g.Ready, g.Draining))
		}
		slices.Sort(lines)
		return lines
	}
	a := newTestAssembler()
	caller := watchtest.VirtualService("caller", "01", "hosts: [caller.example.com], http: [{route: [{destination: {host: echo}}]}]")
	w := apply(t, a, watchtest.EchoService+caller+echoPod(1, plainPod, "")+echoPod(2, plainPod, ""))
	if got := describeGroups(w); got != nil {
		t.Errorf("plaintext alone: got %q", got)
	}
	rules := func() *mesh.VirtualServiceSet { return watchtest.Get(w.VirtualServices, "caller.example.com") }
	for _, step := range []struct {
		name, text string
		want       []string
		// same means that callers see no change.
		same bool
	}{
		{"the first with mTLS", echoPod(3, mtlsPod, ""), []string{"mTLS sa1 1+0", "plaintext sa0 1+0", "plaintext sa1 1+0"}, false},
		{"a second one", echoPod(5, mtlsPod, ""), []string{"mTLS sa1 2+0", "plaintext sa0 1+0", "plaintext sa1 1+0"}, false},
		{"it drains", echoPod(5, mtlsPod, "ready: false, serving: true, terminating: true"), []string{"mTLS sa1 1+1", "plaintext sa0 1+0", "plaintext sa1 1+0"}, false},
		{"it is not ready", echoPod(5, mtlsPod, "ready: false"), []string{"mTLS sa1 1+0", "plaintext sa0 1+0", "plaintext sa1 1+0"}, false},
		{"all of one kind", echoPod(1, mtlsPod, "") + echoPod(2, mtlsPod, ""), []string{"mTLS sa0 1+0", "mTLS sa1 1+0"}, false},
		{"scaled", echoPod(7, mtlsPod, "") + echoPod(9, mtlsPod, ""), []string{"mTLS sa0 1+0", "mTLS sa1 1+0"}, true},
		{"DISABLE for some", peers("a", "01", "selector: {matchLabels: {v: v2}}, mtls: {mode: DISABLE}") + echoPod(2, mtlsPod+", v: v2", ""), []string{"mTLS sa1 4+0", "plaintext sa0 1+0"}, false},
	} {
		before := rules()
		w = apply(t, a, step.text)
		if d := cmp.Diff(step.want, describeGroups(w)); d != "" {
			t.Errorf("%s (-want +got):\n%s", step.name, d)
		}
		if same := rules() == before; same != step.same {
			t.Errorf("%s: callers see no change: got %t, want %t", step.name, same, step.same)
		}
		destination := rules().Candidates[0].VirtualService.Destinations["echo"]
		if destination.Groups != watchtest.Get(w.EndpointGroups, watchtest.EchoHost) {
			t.Errorf("%s: the destination has other groups", step.name)
		}
	}
}

// TestEndpointGroupsByNode: if a Service's clients call endpoints of their own node alone, the numbers are by node, as soon as
// the Service is edited.
func TestEndpointGroupsByNode(t *testing.T) {
	describe := func(w *mesh.World) (lines []string) {
		for _, g := range groupsOf(w) {
			lines = append(lines, fmt.Sprintf("%s %s %d", g.Node, g.Security(mesh.FamilyGRPC, 8080), g.Ready))
		}
		slices.Sort(lines)
		return lines
	}
	service := func(spec string) string {
		return strings.Replace(watchtest.EchoService, "spec: {", "spec: {"+spec+", ", 1)
	}
	onNode := func(n int, node string) string {
		return strings.Replace(echoPod(n, mtlsPod, ""), "{addresses", "{nodeName: "+node+", addresses", 1)
	}
	a := newTestAssembler()
	w := apply(t, a, service("internalTrafficPolicy: Local")+echoPod(1, plainPod, "")+onNode(3, "n1")+onNode(5, "n2"))
	if d := cmp.Diff([]string{"\x02 plaintext 1", "n1 mTLS 1", "n2 mTLS 1"}, describe(w)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	w = apply(t, a, service("internalTrafficPolicy: Cluster"))
	if d := cmp.Diff([]string{" mTLS 2", " plaintext 1"}, describe(w)); d != "" {
		t.Errorf("for clients of all nodes (-want +got):\n%s", d)
	}
	w = apply(t, a, service("internalTrafficPolicy: Local")+echoPod(1, mtlsPod, ""))
	if d := cmp.Diff([]string{" mTLS 1"}, describe(w)); d != "" {
		t.Errorf("all of one kind (-want +got):\n%s", d)
	}
}

func groupsOf(w *mesh.World) []mesh.EndpointGroup {
	if g := watchtest.Get(w.EndpointGroups, watchtest.EchoHost); g != nil {
		return g.Groups
	}
	return nil
}

// TestKeptEndpointsFollowEdits: endpoints that are kept after their loss have the modes that are in effect now.
func TestKeptEndpointsFollowEdits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := New(Options{Domain: "cluster.local", EmptyServiceGrace: time.Minute})
		apply(t, a, watchtest.EchoService+echoPod(1, xdsPod, "")+echoPod(2, xdsPod, ""))
		for _, o := range watchtest.Objects(t, echoPod(1, xdsPod, "")+echoPod(2, xdsPod, "")) {
			a.remove(o.Key)
		}
		if w := a.World(); !watchtest.Vanished(w) {
			t.Fatal("the endpoints are not kept")
		}
		w := apply(t, a, peers("a", "01", "mtls: {mode: STRICT}"))
		for _, e := range watchtest.Get(w.Endpoints, watchtest.EchoHost).Endpoints {
			if got := e.Security(mesh.FamilyGRPC, 8080); got != mesh.ServerClosed {
				t.Errorf("%s: got %s, want closed", e.Address, got)
			}
		}
	})
}

// TestPolicySelection: which pods a policy applies to, by selector and by target.
func TestPolicySelection(t *testing.T) {
	const service = "---\napiVersion: v1\nkind: Service\nmetadata: {name: echo, namespace: demo}\nspec: {selector: {app: echo}, ports: [{port: 80}]}\n"
	workload := func(namespace, labels string) mesh.Workload {
		set := map[string]string{}
		for pair := range strings.SplitSeq(labels, ",") {
			key, value, _ := strings.Cut(pair, "=")
			set[key] = value
		}
		return mesh.Workload{Namespace: namespace, Labels: mesh.MakeLabels(set)}
	}
	echo, web, elsewhere := workload("demo", "app=echo"), workload("demo", "app=web"), workload("other", "app=echo")
	tests := map[string]struct {
		objects string
		want    []mesh.Workload
	}{
		"a namespace":                  {policy("a", ""), []mesh.Workload{echo, web}},
		"the mesh":                     {policy("istio-system/a", ""), []mesh.Workload{echo, web, elsewhere}},
		"a selector":                   {policy("a", "selector: {matchLabels: {app: echo}}"), []mesh.Workload{echo}},
		"a selector of the mesh":       {policy("istio-system/a", "selector: {matchLabels: {app: echo}}"), []mesh.Workload{echo, elsewhere}},
		"a Service":                    {service + policy("a", "targetRefs: [{kind: Service, name: echo}]"), []mesh.Workload{echo}},
		"a Service that comes later":   {policy("a", "targetRef: {kind: Service, name: echo}") + service, []mesh.Workload{echo}},
		"a Service in the core group":  {service + policy("a", "targetRefs: [{group: core, kind: Service, name: echo}]"), []mesh.Workload{echo}},
		"no such Service":              {service + policy("a", "targetRefs: [{kind: Service, name: ecko}]"), nil},
		"a Service without a selector": {watchtest.EchoService + policy("a", "targetRefs: [{kind: Service, name: echo}]"), nil},
		"a Service in the root":        {strings.ReplaceAll(service, "demo", "istio-system") + policy("istio-system/a", "targetRefs: [{kind: Service, name: echo}]"), nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := apply(t, newTestAssembler(), tt.objects)
			for _, workload := range []mesh.Workload{echo, web, elsewhere} {
				if got, want := !w.PoliciesFor(workload).Authorization.Empty(), slices.Contains(tt.want, workload); got != want {
					t.Errorf("%s: applies: got %t, want %t", workload.Labels, got, want)
				}
			}
		})
	}
	w := apply(t, newTestAssembler(), tests["a Service in the root"].objects)
	if w.PoliciesFor(workload("istio-system", "app=echo")).Authorization.Empty() {
		t.Error("a target in the root namespace is not found there")
	}
}

// TestEnforcement: what nothing enforces, and what denies more than its author may want.
func TestEnforcement(t *testing.T) {
	const principal = "rules: [{from: [{source: {principals: [cluster.local/ns/a/sa/b]}}]}]"
	tests := map[string]struct {
		objects string
		want    []string
	}{
		"all is well": {echoPod(1, mtlsPod, "") + policy("a", principal) + peers("a", "01", "mtls: {mode: STRICT}"), nil},
		"STRICT without a certificate": {
			echoPod(1, xdsPod, "") + peers("a", "01", "mtls: {mode: STRICT}"),
			[]string{"error NoIdentity PeerAuthentication demo/a spec.mtls: STRICT is in effect for pods without a certificate: app=echo in demo. Their gRPC servers do not serve. Give them certificates by the label mizzen.dev/identity: spiffe of their namespace, or set another mode."},
		},
		"STRICT on plain servers": {
			echoPod(1, plainPod, "") + peers("istio-system/a", "01", "mtls: {mode: STRICT}"),
			[]string{"warning NotEnforced PeerAuthentication istio-system/a spec.mtls: STRICT cannot be enforced on servers that are not configured by xDS: app=echo in demo. They accept plaintext, and clients of the mesh do not call them. Use an xDS server in the application and set the label mizzen.dev/server: xds on the pods, or set another mode."},
		},
		"STRICT that another overrides": {echoPod(1, plainPod, "") + peers("istio-system/a", "01", "mtls: {mode: STRICT}") + peers("a", "01", "mtls: {mode: PERMISSIVE}"), nil},
		"STRICT on clients":             {"---\napiVersion: v1\nkind: Pod\nmetadata: {name: c, namespace: demo, labels: {app: c}}\n" + peers("a", "01", "mtls: {mode: STRICT}") + policy("a", ""), nil},
		"a policy on plain servers": {
			echoPod(1, plainPod, "") + policy("a", "rules: [{}]"),
			[]string{"error NotEnforced AuthorizationPolicy demo/a spec: Nothing enforces the policy on servers that are not configured by xDS: app=echo in demo. They accept every call. Use an xDS server in the application and set the label mizzen.dev/server: xds on the pods, or select other pods."},
		},
		"a dry run on plain servers": {
			echoPod(1, plainPod, "") + strings.Replace(policy("a", "rules: [{}]"), "namespace: demo", `namespace: demo, annotations: {istio.io/dry-run: "true"}`, 1), nil,
		},
		"identities without certificates": {
			echoPod(1, xdsPod, "") + policy("a", principal),
			[]string{"error NoIdentity AuthorizationPolicy demo/a spec.rules[0].from[0].source.principals: Callers have no identity on pods, or ports, that serve plaintext: app=echo in demo. The rule allows no caller there. Give them certificates by the label mizzen.dev/identity: spiffe of their namespace, or remove the mode DISABLE."},
		},
		"identities under DISABLE": {
			echoPod(1, mtlsPod, "") + policy("a", "action: DENY, rules: [{to: [{}]}, {when: [{key: source.namespace, notValues: [x]}, {key: source.principal, values: [y]}]}]") + peers("a", "01", "mtls: {mode: DISABLE}"),
			[]string{"error NoIdentity AuthorizationPolicy demo/a spec.rules[1].when[0]: Callers have no identity on pods, or ports, that serve plaintext: app=echo in demo. There the rule denies every caller that meets its other conditions, and so it is with 1 more of the policy's conditions. Give them certificates by the label mizzen.dev/identity: spiffe of their namespace, or remove the mode DISABLE."},
		},
		"identities on a port under DISABLE": {
			echoPod(1, mtlsPod, "") + policy("a", principal) + peers("a", "01", "selector: {matchLabels: {app: echo}}, portLevelMtls: {\"8080\": {mode: DISABLE}}"),
			[]string{"error NoIdentity AuthorizationPolicy demo/a spec.rules[0].from[0].source.principals: Callers have no identity on pods, or ports, that serve plaintext: port 8080 of app=echo in demo. The rule allows no caller there. Give them certificates by the label mizzen.dev/identity: spiffe of their namespace, or remove the mode DISABLE."},
		},
		"a selector of the root namespace": {
			echoPod(1, mtlsPod, "") + peers("istio-system/a", "01", "selector: {matchLabels: {app: echo}}, mtls: {mode: STRICT}"),
			[]string{"warning NoPods PeerAuthentication istio-system/a spec.selector: The object selects no pod, so it has no effect. In the root namespace a selector selects only the pods of that namespace. Write the object in the namespace of the pods, or remove the selector to set the mode of the mesh."},
		},
		"paths without certificates": {echoPod(1, xdsPod, "") + policy("a", "rules: [{to: [{operation: {paths: [/a]}}]}]"), nil},
		"a selector of no pod": {
			echoPod(1, mtlsPod, "") + policy("a", "selector: {matchLabels: {app: ecko}}"),
			[]string{"warning NoPods AuthorizationPolicy demo/a spec.selector: The object selects no pod, so it has no effect. In namespace demo the label app is: echo. Correct its labels, or the labels of the pods."},
		},
		"a label that no pod has": {
			echoPod(1, mtlsPod, "") + peers("a", "01", "selector: {matchLabels: {app: echo, x: y}}, mtls: {mode: STRICT}"),
			[]string{"warning NoPods PeerAuthentication demo/a spec.selector: The object selects no pod, so it has no effect. No pod of namespace demo has the label x. Correct its labels, or the labels of the pods."},
		},
		"a selector, and no pods are known": {policy("a", "selector: {matchLabels: {app: ecko}}"), nil},
		"no such Service": {
			echoPod(1, mtlsPod, "") + policy("a", "targetRefs: [{kind: Service, name: ecko}]"),
			[]string{`warning NoPods AuthorizationPolicy demo/a spec.targetRefs[0].name: There is no Service "ecko" in namespace "demo". The object applies to no pod by this target. Create the Service, or correct the name.`},
		},
		"tokens": {
			echoPod(1, mtlsPod, "") + watchtest.Security("RequestAuthentication", "a", "01", "jwtRules: [{issuer: x}]"),
			[]string{"error TokensNotChecked RequestAuthentication demo/a spec.jwtRules: gRPC servers do not check tokens. Calls without a token, or with a wrong one, are not refused by this object. Remove it, and check tokens in the application."},
		},
		"tokens, and the namespace has no pods": {
			echoPod(1, mtlsPod, "") + watchtest.Security("RequestAuthentication", "other/a", "01", "jwtRules: [{issuer: x}]"),
			[]string{
				"warning NoPods RequestAuthentication other/a metadata.namespace: The object selects no pod, so it has no effect. Namespace other has no pods. Write the object in the namespace of the pods, or in the root namespace, istio-system (--root-namespace), if it is for the whole mesh.",
				"error TokensNotChecked RequestAuthentication other/a spec.jwtRules: gRPC servers do not check tokens. Calls without a token, or with a wrong one, are not refused by this object. Remove it, and check tokens in the application.",
			},
		},
		"a policy in a namespace without pods": {
			echoPod(1, mtlsPod, "") + policy("other/a", ""),
			[]string{"warning NoPods AuthorizationPolicy other/a metadata.namespace: The object selects no pod, so it has no effect. Namespace other has no pods. Write the object in the namespace of the pods, or in the root namespace, istio-system (--root-namespace), if it is for the whole mesh."},
		},
		"a mode in a namespace without pods": {
			echoPod(1, mtlsPod, "") + peers("mizzen-system/a", "01", "mtls: {mode: STRICT}"),
			[]string{"warning NoPods PeerAuthentication mizzen-system/a metadata.namespace: The object selects no pod, so it has no effect. Namespace mizzen-system has no pods. Write the object in the namespace of the pods, or in the root namespace, istio-system (--root-namespace), if it is for the whole mesh."},
		},
		"a mode in a namespace that looks like the root": {
			echoPod(1, mtlsPod, "") + "---\napiVersion: v1\nkind: Pod\nmetadata: {name: c, namespace: mizzen-system, labels: {app: c}}\n" + peers("mizzen-system/a", "01", "mtls: {mode: STRICT}"),
			[]string{"info NoPods PeerAuthentication mizzen-system/a metadata.namespace: The object selects only the pods of namespace mizzen-system, because the root namespace is istio-system (--root-namespace). Write it there if it is for the whole mesh."},
		},
		"the root namespace has no pods":     {echoPod(1, mtlsPod, "") + peers("istio-system/a", "01", "mtls: {mode: STRICT}") + policy("istio-system/a", ""), nil},
		"a namespace, and no pods are known": {policy("other/a", "") + peers("other/a", "01", "mtls: {mode: STRICT}"), nil},
		"tokens, and no pods are known": {
			watchtest.Security("RequestAuthentication", "a", "01", "jwtRules: [{issuer: x}]"),
			[]string{"error TokensNotChecked RequestAuthentication demo/a spec.jwtRules: gRPC servers do not check tokens. Calls without a token, or with a wrong one, are not refused by this object. Remove it, and check tokens in the application."},
		},
		"two of one level": {
			peers("a", "02", "mtls: {mode: STRICT}") + peers("b", "01", "mtls: {mode: DISABLE}"),
			[]string{"warning Conflict PeerAuthentication demo/a spec: PeerAuthentication demo/b is for the same pods and takes precedence. This object has no effect. Merge the two, or remove this one."},
		},
		"one selector within another": {
			echoPod(1, mtlsPod, "") + peers("a", "02", "selector: {matchLabels: {app: echo, mizzen.dev/server: xds}}, mtls: {mode: STRICT}") + peers("b", "01", "selector: {matchLabels: {app: echo}}, mtls: {mode: STRICT}"),
			[]string{"warning Conflict PeerAuthentication demo/a spec: PeerAuthentication demo/b is for the same pods and takes precedence. This object has no effect. Merge the two, or remove this one."},
		},
		"two selectors for one pod": {
			echoPod(1, mtlsPod, "") + echoPod(2, strings.Replace(mtlsPod, "echo", "web", 1), "") + peers("a", "02", "selector: {matchLabels: {mizzen.dev/server: xds}}, mtls: {mode: STRICT}") + peers("b", "01", "selector: {matchLabels: {app: echo}}, mtls: {mode: STRICT}"),
			[]string{"warning Conflict PeerAuthentication demo/a spec.selector: PeerAuthentication demo/b selects the same pods and takes precedence. For some of its pods this object has no effect. Merge the two, or remove this one."},
		},
		"ports in the root namespace": {
			peers("istio-system/a", "01", "selector: {matchLabels: {app: a}}, portLevelMtls: {'80': {mode: DISABLE}}"),
			[]string{`error InvalidValue PeerAuthentication istio-system/a spec.portLevelMtls: Modes of ports cannot be set in "istio-system", the namespace of the whole mesh. They have no effect. Set them in the namespace of the pods.`},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := apply(t, newTestAssembler(), watchtest.EchoService+tt.objects)
			if d := cmp.Diff(tt.want, watchtest.ProblemLines(w)); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// TestEnforcementFollowsPods: Problems come and go with pods. A selector without pods is reported after the grace period.
func TestEnforcementFollowsPods(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := New(Options{Domain: "cluster.local", RootNamespace: "istio-system", EmptyServiceGrace: time.Minute})
		expect := func(when string, want ...mesh.Code) {
			t.Helper()
			var got []mesh.Code
			for _, p := range a.World().Problems {
				got = append(got, p.Code)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s (-want +got):\n%s", when, d)
			}
		}
		apply(t, a, watchtest.EchoService+echoPod(1, plainPod, "")+policy("a", "selector: {matchLabels: {app: web}}"))
		expect("at first")
		if in, waits := a.Due(time.Now()); !waits || in != time.Minute {
			t.Errorf("due in %s, %t", in, waits)
		}
		<-time.After(time.Minute)
		expect("after the grace period", mesh.CodeNoPods)
		apply(t, a, echoPod(2, strings.Replace(plainPod, "echo", "web", 1), ""))
		expect("a pod", mesh.CodeNotEnforced)
		apply(t, a, echoPod(2, strings.Replace(xdsPod, "echo", "web", 1), ""))
		expect("another pod in its place")
		a.remove(watchtest.Objects(t, echoPod(2, "a: b", ""))[0].Key)
		expect("no pod")
		<-time.After(time.Minute)
		expect("no pod for a minute", mesh.CodeNoPods)
		a.remove(watchtest.Objects(t, policy("a", ""))[0].Key)
		expect("no policy")
	})
}
