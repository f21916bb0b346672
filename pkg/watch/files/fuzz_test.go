package files

import (
	"testing"

	"github.com/mizzen-mesh/mizzen/pkg/watch"
	"github.com/mizzen-mesh/mizzen/pkg/watch/assemble"
	"github.com/mizzen-mesh/mizzen/pkg/watch/internal/watchtest"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// FuzzParse reads arbitrary bytes as a file and assembles the result. It must not panic, nor use memory out of
// proportion to the input.
func FuzzParse(f *testing.F) {
	f.Add([]byte(echoYAML))
	f.Add([]byte(bomb()))
	f.Add([]byte("apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: &s {<<: *s}\n"))
	f.Add([]byte("&l\napiVersion: v1\nkind: List\nitems: [*l, {<<: *l}]\n"))
	f.Add([]byte(watchtest.VirtualService("v", "01", "hosts: ['*', echo, 'a.*'], http: [{timeout: 1s, match: [{uri: {prefix: /}}], route: [{destination: {host: echo}, weight: 1}]}]")))
	f.Add([]byte(watchtest.DestinationRule("d", "01", "host: echo, trafficPolicy: {tls: {mode: NONE}}, subsets: [{name: a, labels: {a: b}}]")))
	f.Add([]byte(echoYAML + watchtest.Route("GRPCRoute", "g", "01", "name: echo, port: 80", "{matches: [{method: {type: RegularExpression, service: a}, headers: [{name: a, value: b}]}], filters: [{type: RequestMirror, requestMirror: {backendRef: {name: echo, port: 80}}}], backendRefs: [{name: echo, port: 80, weight: 1}]}")))
	f.Add([]byte(echoYAML + watchtest.Route("HTTPRoute", "h", "01", "name: echo, sectionName: grpc", "{matches: [{path: {value: /a}, method: GET}], timeouts: {request: 1s}, retry: {codes: [503]}, filters: [{type: URLRewrite, urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /b}}}]}")))
	f.Add([]byte("%YAML 1.2\n---\nkind: !!binary aGk=\n...\n? [a]\n: b\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<16 {
			t.Skip("large files are a test of their own")
		}
		out := newParser(watch.Options{}.WithDefaults()).parse("fuzz.yaml", data, byName)
		if out.incomplete && len(out.problems) == 0 {
			t.Error("something was dropped without a Problem")
		}
		objects, none := map[object.Key]*object.Object{}, map[object.Key]*object.Object{}
		for _, o := range out.objects {
			objects[o.Key], none[o.Key] = o, nil
		}
		a := assemble.New(assemble.Options{Domain: "cluster.local", RootNamespace: "istio-system"})
		a.Apply(objects, nil)
		w := a.World()
		a.Apply(none, nil)
		if got := a.World(); len(out.objects) > 0 && (got.Services.Len() > 0 || len(got.Problems) > 0) {
			t.Errorf("removed objects left something in the World: %d Services, problems %q; before: %q", got.Services.Len(), got.Problems, w.Problems)
		}
	})
}
