package assemble

import (
	"slices"
	"strings"
	"testing"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/internal/watchtest"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// TestSuggestions checks the Service that a message names for a host without one, also after Services come and go.
func TestSuggestions(t *testing.T) {
	service := func(name, namespace string) string {
		return strings.NewReplacer("name: echo", "name: "+name, "namespace: demo", "namespace: "+namespace).Replace(watchtest.EchoService)
	}
	tests := map[string]struct{ services, host, want string }{
		"a letter too few":            {service("greeter", "demo"), "greter", `Did you mean "greeter"?`},
		"another namespace":           {service("greeter", "shop"), "greeter", `Did you mean "greeter.shop"?`},
		"of another namespace":        {service("greeter", "shop"), "greter.shop", `Did you mean "greeter.shop"?`},
		"in two namespaces":           {service("greeter", "shop") + service("greeter", "till"), "greeter", "Create the Service, or correct spec.hosts[0]."},
		"nothing like it":             {service("cart", "demo"), "greeter", "Create the Service, or correct spec.hosts[0]."},
		"no Service's host":           {service("greeter", "demo"), "greeter.example.com", ""},
		"in the nearest of two":       {service("greeter", "shop") + service("greeter", "till"), "greeter.shp", `Did you mean "greeter.shop"?`},
		"domain without a dot":        {service("greeter", "shop"), "greeter.shop.svc.clusterlocal", `Did you mean "greeter.shop"?`},
		"domain without its end":      {service("greeter", "shop"), "greeter.shop.svc.cluster", `Did you mean "greeter.shop"?`},
		"domain without its middle":   {service("greeter", "shop"), "greeter.shop.svc.local", `Did you mean "greeter.shop"?`},
		"domain without svc":          {service("greeter", "shop"), "greeter.shop.cluster.local", `Did you mean "greeter.shop"?`},
		"domain with a letter less":   {service("greeter", "shop"), "greeter.shop.svc.cluster.locl", `Did you mean "greeter.shop"?`},
		"domain with letters swapped": {service("greeter", "shop"), "greeter.shop.svc.cluster.lcoal", `Did you mean "greeter.shop"?`},
		"svc with letters swapped":    {service("greeter", "shop"), "greeter.shop.scv", `Did you mean "greeter.shop"?`},
		"domain and name misspelled":  {service("greeter", "shop"), "greter.shop.svc.cluster.locl", `Did you mean "greeter.shop"?`},
		"domain and no namespace":     {service("greeter", "shop"), "greeter.svc.clusterlocal", `Did you mean "greeter.shop"?`},
		"domain in its namespace":     {service("greeter", "demo"), "greeter.demo.svc.clusterlocal", `Did you mean "greeter"?`},
		"misspelled, no such Service": {service("cart", "shop"), "greeter.shop.svc.cluster.locl", ""},
		"several clusters":            {service("greeter", "shop"), "greeter.shop.svc.clusterset.local", ""},
		"another cluster, a letter":   {service("greeter", "shop"), "greeter.shop.svc.clusterb.local", ""},
		"another cluster, a hyphen":   {service("greeter", "shop"), "greeter.shop.svc.cluster-b.local", ""},
		"another cluster, a word":     {service("greeter", "shop"), "greeter.shop.svc.k-cluster.local", ""},
		"domain with a letter twice":  {service("greeter", "shop"), "greeter.shop.svc.clusterr.local", `Did you mean "greeter.shop"?`},
		"wildcard of another cluster": {service("greeter", "shop"), "'*.svc.cluster-b.local'", ""},
		"another cluster":             {service("greeter", "shop"), "greeter.shop.svc.cluster1.local", ""},
		"another domain":              {service("greeter", "shop"), "greeter.shop.example.com", ""},
		"another domain of Services":  {service("greeter", "shop"), "greeter.shop.svc.example.com", ""},
		"a name of three parts":       {service("greeter", "shop"), "greeter.shop.com", ""},
		"a name of a local network":   {service("greeter", "shop"), "greeter.shop.local", ""},
		"wildcard over a namespace":   {service("greeter", "shop"), "'*.shop'", `Did you mean "*.shop.svc.cluster.local"?`},
		"wildcard, misspelled":        {service("greeter", "shop"), "'*.shp'", `Did you mean "*.shop.svc.cluster.local"?`},
		"wildcard, full, misspelled":  {service("greeter", "shop"), "'*.shp.svc.cluster.local'", `Did you mean "*.shop.svc.cluster.local"?`},
		"wildcard of a short domain":  {service("greeter", "shop"), "'*.shop.svc'", `Did you mean "*.shop.svc.cluster.local"?`},
		"wildcard of a wrong domain":  {service("greeter", "shop"), "'*.shop.svc.cluster.locl'", `Did you mean "*.shop.svc.cluster.local"?`},
		"wildcard over every Service": {service("greeter", "shop"), "'*.svc.cluster.locl'", `Did you mean "*.svc.cluster.local"?`},
		"wildcard over another":       {service("greeter", "team-1"), "'*.team-2'", ""},
		"wildcard of a domain":        {service("greeter", "shop"), "'*.com'", ""},
		"wildcard below a domain":     {service("greeter", "example"), "'*.example.com'", ""},
		"the Service is there":        {service("greeter", "demo"), "greeter", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			rules := watchtest.VirtualService("v", "01", "hosts: ["+test.host+"], http: [{directResponse: {status: 503}}]")
			for _, steps := range [][]string{{test.services + rules}, {rules, test.services}} {
				a := newTestAssembler()
				var got []string
				for _, step := range steps {
					got = watchtest.ProblemLines(apply(t, a, step))
				}
				if (test.want == "") != (len(got) == 0) || test.want != "" && !slices.ContainsFunc(got, func(p string) bool { return strings.HasSuffix(p, test.want) }) {
					t.Errorf("got %q, want an end of %q", got, test.want)
				}
			}
		})
	}
}

// TestSuggestedDestinations checks the Service that is probably meant by a destination, while Services come and go.
func TestSuggestedDestinations(t *testing.T) {
	a := newTestAssembler()
	service := func(name, namespace string) string {
		return strings.NewReplacer("name: echo", "name: "+name, "namespace: demo", "namespace: "+namespace).Replace(watchtest.EchoService)
	}
	meant := func(w *mesh.World) string {
		return watchtest.Get(w.VirtualServices, watchtest.EchoHost).Candidates[0].VirtualService.Destinations["greter"].Meant
	}
	rules := watchtest.EchoService + watchtest.VirtualService("v", "01", "hosts: [echo], http: [{route: [{destination: {host: greter}}]}]")
	for _, step := range []struct{ change, want string }{
		{rules, ""},
		{service("greter", "shop"), "greter.shop"},
		{service("greeter", "demo"), "greeter"},
		{service("greter", "demo"), ""},
	} {
		if got := meant(apply(t, a, step.change)); got != step.want {
			t.Errorf("got %q, want %q after %s", got, step.want, step.change)
		}
	}
	a.remove(object.Key{Kind: object.KindService, Namespace: "demo", Name: "greter"})
	if got := meant(a.World()); got != "greeter" {
		t.Errorf("got %q after the Service is gone", got)
	}
}
