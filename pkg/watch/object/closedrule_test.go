package object

import (
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// partsOf are the fields of a spec in YAML.
func partsOf(t *testing.T, text string) Parts {
	t.Helper()
	parts := map[string]any{} // Nested maps have the type of the outer one.
	if err := yaml.Unmarshal([]byte(text), &parts); err != nil {
		t.Fatal(err)
	}
	return parts
}

// codesOf are the codes and fields of an object's Problems.
func codesOf(o Object) string {
	var all []string
	for _, p := range o.Problems {
		all = append(all, string(p.Code)+" "+p.Field)
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// TestCloseVirtualService: one that cannot be read closes those of its hosts that can be read.
func TestCloseVirtualService(t *testing.T) {
	for name, test := range map[string]struct {
		parts Parts
		// hosts are those that close.
		hosts, problems string
	}{
		"its hosts":             {partsOf(t, "{hosts: [a, b.example.com], http: 3}"), "a b.example.com", "Closed spec"},
		"one text":              {partsOf(t, "{hosts: a}"), "a", "Closed spec"},
		"one that is no text":   {partsOf(t, "{hosts: [3, a]}"), "a", "Closed spec"},
		"none that is a text":   {partsOf(t, "{hosts: [3]}"), "", "InvalidValue spec.hosts"},
		"hosts that are a map":  {partsOf(t, "{hosts: {a: b}}"), "", "InvalidValue spec.hosts"},
		"a delegate":            {partsOf(t, "{http: 3}"), "", ""},
		"for a gateway alone":   {partsOf(t, "{hosts: [a], gateways: [edge], http: 3}"), "", "NotForMesh spec.gateways"},
		"a gateway in one text": {partsOf(t, "{hosts: [a], gateways: edge}"), "", "NotForMesh spec.gateways"},
		"for a gateway, too":    {partsOf(t, "{hosts: [a], gateways: [edge, mesh], http: 3}"), "a", "Closed spec"},
		"nothing can be read":   {AllUnreadable, "", "InvalidValue spec.hosts"},
	} {
		t.Run(name, func(t *testing.T) {
			o := closeVirtualService(Key{Kind: KindVirtualService, Namespace: "demo", Name: "v"}, "cluster.local", nil, test.parts)
			var hosts []string
			if v, ok := o.Value.(*VirtualService); ok {
				for _, h := range v.Hosts {
					hosts = append(hosts, h.Name)
				}
			}
			if got := strings.Join(hosts, " "); got != test.hosts || codesOf(o) != test.problems || !o.Closed {
				t.Errorf("got hosts %q and problems %q, closed %t, want %q and %q", got, codesOf(o), o.Closed, test.hosts, test.problems)
			}
		})
	}
	for exportTo, public := range map[string]bool{"[.]": false, "[., null]": true, "3": true} {
		o := closeVirtualService(Key{Kind: KindVirtualService, Namespace: "demo", Name: "v"}, "cluster.local", nil, partsOf(t, "{hosts: [a], exportTo: "+exportTo+"}"))
		if v, ok := o.Value.(*VirtualService); !ok || v.Export.Public != public || v.Export.Private == public {
			t.Errorf("exportTo %s: got %+v, want public %t", exportTo, o.Value, public)
		}
	}
}

// TestCloseDestinationRule: one that cannot be read closes its host if it may encrypt the calls to it.
func TestCloseDestinationRule(t *testing.T) {
	for name, test := range map[string]struct {
		parts    Parts
		closed   bool
		problems string
	}{
		"a mode that is not known":          {partsOf(t, "{host: a, trafficPolicy: {tls: {mode: SIMPEL}}}"), true, "Closed spec"},
		"TLS of a port":                     {partsOf(t, "{host: a, trafficPolicy: {portLevelSettings: [{port: {number: x}, tls: {mode: SIMPLE}}]}}"), true, "Closed spec"},
		"settings that are a list":          {partsOf(t, "{host: a, trafficPolicy: {tls: [SIMPLE]}}"), true, "Closed spec"},
		"a policy of which nothing is read": {Parts{"host": "a", "trafficPolicy": Unreadable{}}, true, "Closed spec"},
		"plain text":                        {partsOf(t, "{host: a, trafficPolicy: {tls: {mode: DISABLE}, loadBalancer: 3}}"), false, ""},
		"TLS that is null":                  {partsOf(t, "{host: a, trafficPolicy: {tls: null, loadBalancer: 3}}"), false, ""},
		"other settings":                    {partsOf(t, "{host: a, trafficPolicy: {loadBalancer: {simple: NONE}}}"), false, ""},
		"no host":                           {partsOf(t, "{trafficPolicy: {tls: {mode: SIMPEL}}}"), false, "InvalidValue spec.host"},
		"nothing can be read":               {AllUnreadable, false, "InvalidValue spec.host"},
	} {
		t.Run(name, func(t *testing.T) {
			o := closeDestinationRule(Key{Kind: KindDestinationRule, Namespace: "demo", Name: "d"}, "cluster.local", nil, test.parts)
			d, ok := o.Value.(*DestinationRule)
			if ok != test.closed || codesOf(o) != test.problems || !o.Closed {
				t.Errorf("got a value %t with problems %q, want %t and %q", ok, codesOf(o), test.closed, test.problems)
			}
			if ok && d.Spec.GetTrafficPolicy().GetTls().GetMode() != mesh.UnreadableTLS {
				t.Errorf("got %v, want the mode that makes calls fail", d.Spec)
			}
		})
	}
}
