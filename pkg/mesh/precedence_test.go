package mesh

import (
	"fmt"
	"testing"
)

func TestRouteTableFor(t *testing.T) {
	routes := func(namespace, name string) *Routes {
		return &Routes{Ref: Ref{Kind: "VirtualService", Namespace: namespace, Name: name}}
	}
	const host = "echo.demo.svc.cluster.local"
	public := RouteCandidate{host, routes("demo", "public"), Export{Public: true}}
	second := RouteCandidate{host, routes("demo", "second"), Export{Public: true}}
	private := RouteCandidate{host, routes("shop", "private"), Export{Private: true}}
	named := RouteCandidate{host, routes("demo", "named"), Export{Namespaces: []string{"shop", "till"}}}
	wild := RouteCandidate{"*.demo.svc.cluster.local", routes("shop", "wild"), Export{Private: true}}
	tests := map[string]struct {
		candidates []RouteCandidate
		namespace  string
		want       string
	}{
		"none":                         {nil, "demo", ""},
		"the first public one":         {[]RouteCandidate{public, second}, "demo", "public"},
		"private beats public":         {[]RouteCandidate{public, named, private}, "shop", "private"},
		"private is for its own":       {[]RouteCandidate{private, public}, "till", "public"},
		"named beats public":           {[]RouteCandidate{public, named}, "till", "named"},
		"named is not for others":      {[]RouteCandidate{named}, "demo", ""},
		"specific beats private":       {[]RouteCandidate{public, wild}, "shop", "public"},
		"a wildcard for who sees it":   {[]RouteCandidate{private, wild, second}, "shop", "private"},
		"the specific one is not seen": {[]RouteCandidate{{host, routes("demo", "theirs"), Export{Private: true}}, wild}, "shop", "wild"},
		"private is nobody's business": {[]RouteCandidate{private}, "demo", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := ""
			if r := (&RouteTable{Candidates: test.candidates}).For(test.namespace); r != nil {
				got = r.Ref.Name
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestPolicyTableFor(t *testing.T) {
	policy := func(namespace, name string, e Export) PolicyCandidate {
		return PolicyCandidate{Namespace: namespace, Export: e, Policy: &Policy{Refs: []Ref{{Name: name}}}}
	}
	everybody, private := Export{Public: true}, Export{Private: true}
	selecting := func(c PolicyCandidate, labels ...string) PolicyCandidate {
		c.Policy.Selector = map[string]string{}
		for _, l := range labels {
			c.Policy.Selector[l] = "yes"
		}
		return c
	}
	front := MakeLabels(map[string]string{"front": "yes", "pod": "front-1"})
	client, service := policy("shop", "client", everybody), policy("demo", "service", everybody)
	root, rootLocal := policy("istio-system", "root", everybody), policy("istio-system", "root-local", private)
	tests := map[string]struct {
		candidates []PolicyCandidate
		namespace  string
		want       string
	}{
		"one that selects it":                {[]PolicyCandidate{selecting(policy("shop", "front", everybody), "front"), client}, "shop", "front"},
		"one that selects others":            {[]PolicyCandidate{selecting(policy("shop", "back", everybody), "back"), client}, "shop", "client"},
		"selected by one label of two":       {[]PolicyCandidate{selecting(policy("shop", "both", everybody), "front", "back"), client}, "shop", "client"},
		"selectors hold in their namespace":  {[]PolicyCandidate{selecting(policy("demo", "front", everybody), "front"), service}, "shop", "service"},
		"not selected, the next namespace":   {[]PolicyCandidate{selecting(policy("shop", "back", everybody), "back"), service}, "shop", "service"},
		"an empty selector for its own":      {[]PolicyCandidate{selecting(policy("shop", "all", everybody)), client}, "shop", "all"},
		"an empty selector for others":       {[]PolicyCandidate{selecting(policy("demo", "all", everybody)), service}, "shop", "service"},
		"the client's own first":             {[]PolicyCandidate{service, root, client}, "shop", "client"},
		"then the Service's":                 {[]PolicyCandidate{root, client, service}, "till", "service"},
		"then the root's":                    {[]PolicyCandidate{root, client}, "till", "root"},
		"a private one of the Service":       {[]PolicyCandidate{policy("demo", "private", private), root}, "till", "root"},
		"a private one for its own":          {[]PolicyCandidate{policy("demo", "private", private), root}, "demo", "private"},
		"a private one of the client":        {[]PolicyCandidate{policy("shop", "private", private), service}, "shop", "private"},
		"clients in the root: the Service's": {[]PolicyCandidate{root, service}, "istio-system", "service"},
		"clients in the root: its private":   {[]PolicyCandidate{root, rootLocal, service}, "istio-system", "root-local"},
		"the more specific of one namespace": {[]PolicyCandidate{policy("shop", "exact", everybody), policy("shop", "wildcard", everybody)}, "shop", "exact"},
		"exported by name":                   {[]PolicyCandidate{policy("demo", "named", Export{Namespaces: []string{"till"}}), root}, "till", "named"},
		"exported to others, not its own":    {[]PolicyCandidate{policy("demo", "named", Export{Namespaces: []string{"till"}}), root}, "demo", "root"},
		"exported to nobody":                 {[]PolicyCandidate{policy("demo", "nobody", Export{})}, "demo", ""},
		"exported to others":                 {[]PolicyCandidate{policy("demo", "named", Export{Namespaces: []string{"till"}})}, "shop", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			table := &PolicyTable{Candidates: test.candidates, ServiceNamespace: "demo", RootNamespace: "istio-system"}
			got := ""
			if p := table.For(test.namespace, front); p != nil {
				got = p.Refs[0].Name
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestDefaultPort(t *testing.T) {
	http, grpc, grpcWeb := Port{Name: "http", Number: 80}, Port{Name: "grpc", Number: 8080}, Port{Name: "grpc-web", Number: 8081}
	tests := map[string]struct {
		ports []Port
		want  uint32
	}{
		"none":               {nil, 0},
		"the only one":       {[]Port{http}, 80},
		"the one for gRPC":   {[]Port{http, grpc}, 8080},
		"several for gRPC":   {[]Port{grpc, grpcWeb}, 0},
		"several, none gRPC": {[]Port{http, {Name: "tcp", Number: 90}}, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got, ok := (&Service{Ports: test.ports}).DefaultPort(); got.Number != test.want || ok != (test.want != 0) {
				t.Errorf("got %v %v, want %d", got, ok, test.want)
			}
		})
	}
}

func TestLabels(t *testing.T) {
	set := map[string]string{"app": "cart", "version": "v1", "empty": ""}
	l := MakeLabels(set)
	if MakeLabels(l.Map()) != l {
		t.Errorf("%q does not survive the way there and back", l)
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
