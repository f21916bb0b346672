package clusters

import (
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"github.com/google/go-cmp/cmp"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/translatetest"
)

// TestSecure checks that calls are encrypted as the author wrote, or fail. Only DISABLE means plaintext.
func TestSecure(t *testing.T) {
	full := Trust{Providers: mesh.MakeProviders("default", "shop"), accounts: mesh.ServiceAccounts{Names: "a,b"}}
	// spiffe is the prefix of the endpoints' identities.
	const spiffe = "spiffe://cluster.local/ns/demo/sa/"
	// own are the names of the Service.
	const own = "echo.demo.svc.cluster.local echo.demo.svc"
	for name, c := range map[string]struct {
		tls      string
		trust    Trust
		plain    bool
		identity string
		roots    string // an instance, or machine
		accepted string
		problems []string
	}{
		"nothing":   {tls: "{}", plain: true},
		"plain":     {tls: "{mode: DISABLE}", plain: true},
		"left idle": {tls: "{caCrl: x}", plain: true, problems: []string{"warning Unsupported at.caCrl"}},
		"no mode":   {tls: "{mode: 9}", problems: []string{"error InvalidValue at.mode"}},
		"of a mesh": {tls: "{mode: ISTIO_MUTUAL}", trust: full, identity: "default", roots: "default", accepted: spiffe + "a " + spiffe + "b", problems: []string{"info Approximated at.mode"}},
		"of a mesh, names written": {
			tls: "{mode: ISTIO_MUTUAL, subjectAltNames: [x, z]}", trust: full, identity: "default", roots: "default", accepted: "x z",
			problems: []string{"info Approximated at.mode"},
		},
		"of a mesh, not declared": {
			tls: "{mode: ISTIO_MUTUAL}", trust: Trust{accounts: full.accounts}, problems: []string{"info Approximated at.mode", "error NoCertificate at.mode"},
		},
		"of a mesh, nobody there": {tls: "{mode: ISTIO_MUTUAL}", trust: Trust{Providers: full.Providers}, problems: []string{"info Approximated at.mode"}},
		"of a mesh, nobody known": {
			tls: "{mode: ISTIO_MUTUAL}", trust: Trust{Providers: full.Providers, accounts: mesh.ServiceAccounts{Unknown: true}},
			problems: []string{"error NoCertificate at.mode", "info Approximated at.mode"},
		},
		"of a mesh, some known": {
			tls: "{mode: ISTIO_MUTUAL}", trust: Trust{Providers: full.Providers, accounts: mesh.ServiceAccounts{Names: "a", Unknown: true}},
			identity: "default", roots: "default", accepted: spiffe + "a",
			problems: []string{"error NoCertificate at.mode", "info Approximated at.mode"},
		},
		"of a mesh, other credential": {tls: "{mode: ISTIO_MUTUAL, credentialName: shop}", trust: full, problems: []string{"error InvalidValue at.credentialName"}},
		"mutual": {
			tls: "{mode: MUTUAL, credentialName: shop}", trust: full, identity: "shop", roots: "shop", accepted: own,
			problems: []string{"info Approximated at.subjectAltNames", "info Approximated at.credentialName"},
		},
		"mutual, no credential": {tls: "{mode: MUTUAL, subjectAltNames: [x]}", trust: full, problems: []string{"error InvalidValue at.credentialName"}},
		"mutual, a comma":       {tls: "{mode: MUTUAL, credentialName: 'a,b', subjectAltNames: [x]}", trust: full, problems: []string{"error InvalidValue at.credentialName"}},
		"mutual, not declared": {
			tls: "{mode: MUTUAL, credentialName: system, subjectAltNames: [x]}", trust: Trust{SystemRoots: true},
			problems: []string{"info Approximated at.credentialName", "error NoCertificate at.credentialName"},
		},
		"simple": {
			tls: "{mode: SIMPLE, credentialName: shop, subjectAltNames: [x]}", trust: full, roots: "shop", accepted: "x",
			problems: []string{"info Approximated at.credentialName"},
		},
		"simple, sni": {
			tls: "{mode: SIMPLE, credentialName: shop, sni: x}", trust: full, roots: "shop", accepted: "x",
			problems: []string{"info Ignored at.sni", "info Approximated at.subjectAltNames", "info Approximated at.credentialName"},
		},
		"simple, a long sni": {
			tls: "{mode: SIMPLE, credentialName: shop, subjectAltNames: [x], sni: " + strings.Repeat("x", 256) + "}", trust: full,
			problems: []string{"info Ignored at.sni", "error InvalidValue at.sni", "info Approximated at.credentialName"},
		},
		"machine's, by provider": {
			tls: "{mode: SIMPLE, subjectAltNames: [x]}", trust: Trust{Providers: "system", SystemRoots: true}, roots: "system", accepted: "x",
			problems: []string{"info Approximated at.mode"},
		},
		"machine's, by itself": {
			tls: "{mode: SIMPLE, subjectAltNames: [x]}", trust: Trust{SystemRoots: true}, roots: "machine", accepted: "x",
			problems: []string{"info Approximated at.mode"},
		},
		"machine's, not known": {
			tls: "{mode: SIMPLE, subjectAltNames: [x]}", trust: full, problems: []string{"info Approximated at.mode", "error NoCertificate at.mode"},
		},
		"a wildcard": {
			tls: "{mode: SIMPLE, credentialName: shop, subjectAltNames: ['*.x.com']}", trust: full, roots: "shop", accepted: "*.x.com",
			problems: []string{"info Approximated at.subjectAltNames[0]", "info Approximated at.credentialName"},
		},
		// gRPC for Java takes each of these for more names than were written.
		"any name": {
			tls: "{mode: SIMPLE, credentialName: shop, subjectAltNames: [x, '*']}", trust: full,
			problems: []string{"error InvalidValue at.subjectAltNames[1]", "info Approximated at.credentialName"},
		},
		"a wildcard in a URI": {
			tls: "{mode: SIMPLE, credentialName: shop, subjectAltNames: ['spiffe://x/ns/*']}", trust: full,
			problems: []string{"error InvalidValue at.subjectAltNames[0]", "info Approximated at.credentialName"},
		},
		"a wildcard for two labels": {
			tls: "{mode: SIMPLE, credentialName: shop, subjectAltNames: ['*.*.com']}", trust: full,
			problems: []string{"error InvalidValue at.subjectAltNames[0]", "info Approximated at.credentialName"},
		},
		"a wildcard as sni": {
			tls: "{mode: SIMPLE, credentialName: shop, subjectAltNames: [x], sni: '*.x.com'}", trust: full,
			problems: []string{"info Ignored at.sni", "error InvalidValue at.sni", "info Approximated at.credentialName"},
		},
		"an empty name": {
			tls: "{mode: SIMPLE, credentialName: shop, subjectAltNames: [x, '']}", trust: full,
			problems: []string{"error InvalidValue at.subjectAltNames[1]", "info Approximated at.credentialName"},
		},
		"files": {
			tls: "{mode: MUTUAL, credentialName: shop, subjectAltNames: [x], clientCertificate: a, privateKey: b, caCertificates: c, caCrl: d, insecureSkipVerify: true}", trust: full,
			problems: []string{
				"error Unsupported at.clientCertificate", "error Unsupported at.privateKey", "error Unsupported at.caCertificates",
				"error Unsupported at.caCrl", "error Unsupported at.insecureSkipVerify", "info Approximated at.credentialName",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var l translatetest.Ledger
			in := Input{Service: translatetest.Service("echo", 80), Trust: c.trust}
			socket, ok := transportSocket(l.Field(), translatetest.Parse(t, &networking.ClientTLSSettings{}, c.tls), tlsPeerOf(in))
			if diff := cmp.Diff(l.Lines(), c.problems); diff != "" {
				t.Errorf("problems (-got +want):\n%s", diff)
			}
			if want := c.plain || c.roots != ""; ok != want || (socket == nil) != (c.roots == "") {
				t.Fatalf("got %t and the socket %v, want %t", ok, socket, want)
			}
			if socket == nil {
				return
			}
			identity, roots, accepted := describeSocket(t, socket)
			if identity != c.identity || roots != c.roots || accepted != c.accepted {
				t.Errorf("got identity %q, roots %q, names %q; want %q, %q, %q", identity, roots, accepted, c.identity, c.roots, c.accepted)
			}
		})
	}
}

// TestTrustOfHTTPClients checks that HTTP clients are not told what only gRPC clients need.
func TestTrustOfHTTPClients(t *testing.T) {
	for family, only := range map[mesh.Family]string{mesh.FamilyGRPC: "bootstrap --system-roots`", mesh.FamilyHTTP: "the Java agent"} {
		var l translatetest.Ledger
		in := Input{Family: family, Service: translatetest.Service("echo", 80)}
		for _, text := range []string{"{mode: SIMPLE, subjectAltNames: [x]}", "{mode: ISTIO_MUTUAL, subjectAltNames: [x]}"} {
			transportSocket(l.Field(), translatetest.Parse(t, &networking.ClientTLSSettings{}, text), tlsPeerOf(in))
		}
		var messages strings.Builder
		for _, p := range l {
			messages.WriteString(p.Message)
		}
		if got := messages.String(); !strings.Contains(got, only) || strings.Contains(got, "xDS credentials") != (family == mesh.FamilyGRPC) {
			t.Errorf("family %v: got %q", family, got)
		}
	}
}

// TestServerName: the name that clients send is one that they accept, unless other names are written.
func TestServerName(t *testing.T) {
	outside := translatetest.Service("echo", 443)
	outside.Resolve, outside.DNSName = mesh.ResolveClient, "api.example.com"
	for text, want := range map[string][2]string{
		"{mode: SIMPLE}":                         {"echo.demo.svc.cluster.local", "api.example.com"},
		"{mode: MUTUAL, credentialName: system}": {"echo.demo.svc.cluster.local", "api.example.com"},
		"{mode: SIMPLE, subjectAltNames: [x]}":   {"echo.demo.svc.cluster.local", "api.example.com"},
		"{mode: SIMPLE, sni: x}":                 {"x", "x"},
		"{mode: ISTIO_MUTUAL}":                   {"", ""},
		"{mode: ISTIO_MUTUAL, sni: x}":           {"x", "x"},
	} {
		for i, service := range []*mesh.Service{translatetest.Service("echo", 443), outside} {
			var l translatetest.Ledger
			in := Input{Service: service, Trust: Trust{Providers: mesh.MakeProviders("default", "system"), accounts: mesh.ServiceAccounts{Names: "a"}}}
			socket, _ := transportSocket(l.Field(), translatetest.Parse(t, &networking.ClientTLSSettings{}, text), tlsPeerOf(in))
			m := &tlsv3.UpstreamTlsContext{}
			if err := socket.GetTypedConfig().UnmarshalTo(m); err != nil {
				t.Fatal(err)
			}
			if m.GetSni() != want[i] || m.GetAutoHostSni() || m.GetAutoSniSanValidation() {
				t.Errorf("%s, %s: got %v, want the name %q", text, service.Ref, m, want[i])
			}
		}
	}
}

// TestSystemRootsOf: which clients are sent a cluster that trusts the roots of their machine. Each of the others declares too
// little, or has a version that rejects such a cluster.
func TestSystemRootsOf(t *testing.T) {
	needs := TrustNeedsOf(&mesh.MergedDestinationRule{TrafficPolicy: &networking.TrafficPolicy{Tls: &networking.ClientTLSSettings{Mode: networking.ClientTLSSettings_SIMPLE}}})
	const roots, sni = mesh.FeatureSystemRoots, mesh.FeatureSNI
	for _, c := range []struct {
		kind      mesh.ClientKind
		version   string
		providers string
		declared  mesh.Features
		want      bool
	}{
		{mesh.GRPCGo, "1.85.0", "", 0, false},
		{mesh.GRPCGo, "1.85.0", "default", 0, false},
		{mesh.GRPCGo, "1.85.0", "default", sni, false},
		{mesh.GRPCGo, "1.85.0", "", roots, true},
		{mesh.GRPCGo, "1.71.0", "", roots, true},
		{mesh.GRPCGo, "1.70.0", "default", roots, false},
		{mesh.GRPCJava, "1.85.1", "", 0, false},
		{mesh.GRPCJava, "1.85.1", "default", 0, true},
		{mesh.GRPCJava, "1.85.1", "", sni, true},
		{mesh.GRPCJava, "1.76.0", "default", 0, false},
		{mesh.GRPCJava, "1.76.0", "default", roots, false},
		{mesh.GRPCJava, "1.77.0", "", roots, true},
		{mesh.GRPCCore, "C-core 58.0.0 Python 1.85.1", "default", 0, true},
		{mesh.GRPCCore, "C-core 44.0.0 Python 1.68.1", "default", 0, false},
		{mesh.GRPCCore, "C-core 44.0.0 Python 1.68.1", "", roots, true},
		{mesh.GRPCCore, "C-core 29.0.0 Python 1.51.1", "default", roots, false},
		{mesh.GRPCNode, "1.14.1", "default", roots | sni, false},
		{mesh.GRPCRust, "0.1.0", "default", roots, false},
		{mesh.UnknownClient, "", "default", roots, false},
	} {
		client := mesh.Client{Providers: mesh.MakeProviders(c.providers), Declared: c.declared}.WithUserAgent(c.kind, c.version)
		if got := needs.Project(client, nil).SystemRoots; got != c.want {
			t.Errorf("%s %s with %q and %v: got %t, want %t", c.kind, c.version, c.providers, c.declared.Variables(), got, c.want)
		}
	}
}

func TestTrustDomain(t *testing.T) {
	var l translatetest.Ledger
	in := Input{
		Service:     translatetest.Service("echo", 80),
		Trust:       Trust{Providers: "default", accounts: mesh.ServiceAccounts{Names: "a"}},
		TrustDomain: "example.com", TrustDomainAliases: "b.example,c.example",
	}
	const want = "spiffe://example.com/ns/demo/sa/a spiffe://b.example/ns/demo/sa/a spiffe://c.example/ns/demo/sa/a"
	socket, _ := transportSocket(l.Field(), &networking.ClientTLSSettings{Mode: networking.ClientTLSSettings_ISTIO_MUTUAL}, tlsPeerOf(in))
	if _, _, accepted := describeSocket(t, socket); accepted != want {
		t.Errorf("got %q, want %q", accepted, want)
	}
}

func TestTrustNeedsOf(t *testing.T) {
	tls := func(text string) *networking.TrafficPolicy {
		return &networking.TrafficPolicy{Tls: translatetest.Parse(t, &networking.ClientTLSSettings{}, text)}
	}
	for name, c := range map[string]struct {
		policy *mesh.MergedDestinationRule
		want   TrustNeeds
	}{
		"no policy": {},
		"plain":     {policy: &mesh.MergedDestinationRule{TrafficPolicy: tls("{credentialName: x}")}},
		"of a mesh": {policy: &mesh.MergedDestinationRule{TrafficPolicy: tls("{mode: ISTIO_MUTUAL}")}, want: TrustNeeds{Providers: []string{"default"}, Accounts: true}},
		"written":   {policy: &mesh.MergedDestinationRule{TrafficPolicy: tls("{mode: ISTIO_MUTUAL, subjectAltNames: [x]}")}, want: TrustNeeds{Providers: []string{"default"}}},
		"everywhere": {
			policy: &mesh.MergedDestinationRule{
				TrafficPolicy: &networking.TrafficPolicy{PortLevelSettings: []*networking.TrafficPolicy_PortTrafficPolicy{{Tls: tls("{mode: MUTUAL, credentialName: a}").GetTls()}}},
				Subsets:       []mesh.Subset{{TrafficPolicy: tls("{mode: SIMPLE}")}, {TrafficPolicy: tls("{mode: SIMPLE, credentialName: a}")}, {}},
			},
			want: TrustNeeds{Providers: []string{"a", "system"}, systemRoots: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(TrustNeedsOf(c.policy), c.want, cmp.AllowUnexported(TrustNeeds{})); diff != "" {
				t.Errorf("needs (-got +want):\n%s", diff)
			}
		})
	}
}

// describeSocket returns the provider of the client's certificate, the provider of the authorities or "machine",
// and the accepted names.
func describeSocket(t *testing.T, socket *corev3.TransportSocket) (identity, roots, accepted string) {
	t.Helper()
	m := &tlsv3.UpstreamTlsContext{}
	if err := socket.GetTypedConfig().UnmarshalTo(m); err != nil {
		t.Fatal(err)
	}
	common := m.GetCommonTlsContext()
	v := common.GetValidationContext()
	roots = v.GetCaCertificateProviderInstance().GetInstanceName()
	if v.GetSystemRootCerts() != nil {
		roots += "machine"
	}
	var names []string
	for _, matcher := range v.GetMatchSubjectAltNames() { //nolint:staticcheck // gRPC reads only this field
		names = append(names, matcher.GetExact())
	}
	return common.GetTlsCertificateProviderInstance().GetInstanceName(), roots, strings.Join(names, " ")
}
