package mesh

import (
	"fmt"
	"testing"
)

func TestVirtualServiceSetFor(t *testing.T) {
	virtualService := func(namespace, name string) *VirtualService {
		return &VirtualService{Ref: Ref{Kind: "VirtualService", Namespace: namespace, Name: name}}
	}
	const host = "echo.demo.svc.cluster.local"
	public := VirtualServiceCandidate{Host: host, VirtualService: virtualService("demo", "public"), Export: Export{Public: true}}
	second := VirtualServiceCandidate{Host: host, VirtualService: virtualService("demo", "second"), Export: Export{Public: true}}
	private := VirtualServiceCandidate{Host: host, VirtualService: virtualService("shop", "private"), Export: Export{Private: true}}
	named := VirtualServiceCandidate{Host: host, VirtualService: virtualService("demo", "named"), Export: Export{Namespaces: []string{"shop", "till"}}}
	wild := VirtualServiceCandidate{Host: "*.demo.svc.cluster.local", VirtualService: virtualService("shop", "wild"), Export: Export{Private: true}}
	tests := map[string]struct {
		candidates []VirtualServiceCandidate
		namespace  string
		want       string
	}{
		"none":                         {nil, "demo", ""},
		"the first public one":         {[]VirtualServiceCandidate{public, second}, "demo", "public"},
		"private beats public":         {[]VirtualServiceCandidate{public, named, private}, "shop", "private"},
		"private is for its own":       {[]VirtualServiceCandidate{private, public}, "till", "public"},
		"named beats public":           {[]VirtualServiceCandidate{public, named}, "till", "named"},
		"named is not for others":      {[]VirtualServiceCandidate{named}, "demo", ""},
		"specific beats private":       {[]VirtualServiceCandidate{public, wild}, "shop", "public"},
		"a wildcard for who sees it":   {[]VirtualServiceCandidate{private, wild, second}, "shop", "private"},
		"the specific one is not seen": {[]VirtualServiceCandidate{{Host: host, VirtualService: virtualService("demo", "theirs"), Export: Export{Private: true}}, wild}, "shop", "wild"},
		"private is nobody's business": {[]VirtualServiceCandidate{private}, "demo", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := ""
			if found := (&VirtualServiceSet{Candidates: test.candidates}).For(test.namespace).First(); found != nil {
				got = found.Ref.Name
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestDestinationRuleSetFor(t *testing.T) {
	rule := func(namespace, name string, e Export) DestinationRuleCandidate {
		return DestinationRuleCandidate{Namespace: namespace, Export: e, Rule: &MergedDestinationRule{Refs: []Ref{{Name: name}}}}
	}
	public, private := Export{Public: true}, Export{Private: true}
	selecting := func(c DestinationRuleCandidate, labels ...string) DestinationRuleCandidate {
		c.Rule.Selector = map[string]string{}
		for _, l := range labels {
			c.Rule.Selector[l] = "yes"
		}
		return c
	}
	front := MakeLabels(map[string]string{"front": "yes", "pod": "front-1"})
	client, service := rule("shop", "client", public), rule("demo", "service", public)
	root, rootLocal := rule("istio-system", "root", public), rule("istio-system", "root-local", private)
	tests := map[string]struct {
		candidates []DestinationRuleCandidate
		namespace  string
		want       string
	}{
		"one that selects it":                {[]DestinationRuleCandidate{selecting(rule("shop", "front", public), "front"), client}, "shop", "front"},
		"one that selects others":            {[]DestinationRuleCandidate{selecting(rule("shop", "back", public), "back"), client}, "shop", "client"},
		"selected by one label of two":       {[]DestinationRuleCandidate{selecting(rule("shop", "both", public), "front", "back"), client}, "shop", "client"},
		"selectors hold in their namespace":  {[]DestinationRuleCandidate{selecting(rule("demo", "front", public), "front"), service}, "shop", "service"},
		"not selected, the next namespace":   {[]DestinationRuleCandidate{selecting(rule("shop", "back", public), "back"), service}, "shop", "service"},
		"an empty selector for its own":      {[]DestinationRuleCandidate{selecting(rule("shop", "all", public)), client}, "shop", "all"},
		"an empty selector for others":       {[]DestinationRuleCandidate{selecting(rule("demo", "all", public)), service}, "shop", "service"},
		"the client's own first":             {[]DestinationRuleCandidate{service, root, client}, "shop", "client"},
		"then the Service's":                 {[]DestinationRuleCandidate{root, client, service}, "till", "service"},
		"then the root's":                    {[]DestinationRuleCandidate{root, client}, "till", "root"},
		"a private one of the Service":       {[]DestinationRuleCandidate{rule("demo", "private", private), root}, "till", "root"},
		"a private one for its own":          {[]DestinationRuleCandidate{rule("demo", "private", private), root}, "demo", "private"},
		"a private one of the client":        {[]DestinationRuleCandidate{rule("shop", "private", private), service}, "shop", "private"},
		"clients in the root: the Service's": {[]DestinationRuleCandidate{root, service}, "istio-system", "service"},
		"clients in the root: its private":   {[]DestinationRuleCandidate{root, rootLocal, service}, "istio-system", "root-local"},
		"the more specific of one namespace": {[]DestinationRuleCandidate{rule("shop", "exact", public), rule("shop", "wildcard", public)}, "shop", "exact"},
		"exported by name":                   {[]DestinationRuleCandidate{rule("demo", "named", Export{Namespaces: []string{"till"}}), root}, "till", "named"},
		"exported to others, not its own":    {[]DestinationRuleCandidate{rule("demo", "named", Export{Namespaces: []string{"till"}}), root}, "demo", "root"},
		"exported to nobody":                 {[]DestinationRuleCandidate{rule("demo", "nobody", Export{})}, "demo", ""},
		"exported to others":                 {[]DestinationRuleCandidate{rule("demo", "named", Export{Namespaces: []string{"till"}})}, "shop", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			set := &DestinationRuleSet{Candidates: test.candidates, ServiceNamespace: "demo", RootNamespace: "istio-system"}
			got := ""
			if found := set.For(test.namespace, front, 0); found != nil {
				got = found.Refs[0].Name
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestDefaultPort(t *testing.T) {
	http, grpc, grpcWeb := Port{Name: "http", Number: 8000, Protocol: ProtocolHTTP}, Port{Name: "grpc", Number: 8080, Protocol: ProtocolGRPC}, Port{Name: "grpc-web", Number: 8081, Protocol: ProtocolGRPCWeb}
	web, metrics, other := Port{Name: "web", Number: 80, Protocol: ""}, Port{Name: "metrics", Number: 9090, Protocol: ""}, Port{Name: "admin", Number: 9091, Protocol: ProtocolHTTP}
	tests := map[string]struct {
		ports          []Port
		want, wantHTTP uint32
	}{
		"none":                        {nil, 0, 0},
		"the only one":                {[]Port{http}, 8000, 8000},
		"the only one, undeclared":    {[]Port{metrics}, 9090, 9090},
		"the only one, for gRPC":      {[]Port{grpc}, 8080, 0},
		"the one for gRPC":            {[]Port{http, grpc}, 8080, 8000},
		"one that is not for gRPC":    {[]Port{metrics, grpc}, 8080, 0},
		"several for gRPC":            {[]Port{grpc, grpcWeb}, 0, 0},
		"several, none gRPC":          {[]Port{http, {Name: "tcp", Number: 90, Protocol: ProtocolTCP}}, 0, 8000},
		"the one that says HTTP":      {[]Port{http, web, metrics}, 0, 8000},
		"several that say HTTP":       {[]Port{http, other, web}, 0, 80},
		"none that says HTTP":         {[]Port{web, metrics}, 0, 80},
		"none that says HTTP, nor 80": {[]Port{metrics, {Name: "admin", Number: 9091, Protocol: ""}}, 0, 0},
		"80 for gRPC":                 {[]Port{{Name: "grpc", Number: 80, Protocol: ProtocolGRPC}, metrics, other, http}, 80, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for family, want := range map[Family]uint32{FamilyGRPC: test.want, FamilyHTTP: test.wantHTTP} {
				if got, ok := (&Service{Ports: test.ports}).DefaultPort(family); ok != (want != 0) || ok && got.Number != want {
					t.Errorf("%s: got %v %v, want %d", family, got, ok, want)
				}
			}
		})
	}
}

func TestLabels(t *testing.T) {
	set := map[string]string{"app": "cart", "version": "v1", "empty": ""}
	l := MakeLabels(set)
	if MakeLabels(l.Map()) != l {
		t.Errorf("Map and MakeLabels change %q", l)
	}
	tests := map[string]struct {
		selector map[string]string
		want     bool
	}{
		"nothing":      {nil, true},
		"one":          {map[string]string{"app": "cart"}, true},
		"all":          {set, true},
		"other value":  {map[string]string{"app": "ca"}, false},
		"absent":       {map[string]string{"tier": ""}, false},
		"empty value":  {map[string]string{"empty": ""}, true},
		"value as key": {map[string]string{"cart": "version"}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := l.Match(test.selector); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestChangedSince(t *testing.T) {
	a, b := &Service{Host: "a"}, &Service{Host: "b"}
	one := &World{Revision: 1, Services: Map[*Service]{}.With(map[string]*Service{"a": a, "b": b}, nil)}
	two := &World{Revision: 2, Services: one.Services, Changed: []Key{NamespaceKey("x")}}
	three := &World{
		Revision: 3, Services: one.Services.With(map[string]*Service{"a": {Host: "a"}}, []string{"b"}), Changed: []Key{HostKey("y")},
		Endpoints: Map[*EndpointSet]{}.With(map[string]*EndpointSet{"c": {}}, nil),
	}
	tests := map[string]struct {
		old, now *World
		want     string
	}{
		"from nothing":     {nil, one, "[host a host b]"},
		"from the zero":    {&World{}, one, "[host a host b]"},
		"itself":           {one, one, "[]"},
		"the next says so": {one, two, "[namespace x]"},
		"one was skipped":  {one, three, "[host a host b host c]"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := fmt.Sprint(test.now.ChangedSince(test.old)); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}
