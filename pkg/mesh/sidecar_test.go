package mesh

import "testing"

// TestSidecarSees has entries as authors write them, and hosts of Services and of VirtualServices.
func TestSidecarSees(t *testing.T) {
	entry := func(namespace, host string) EgressHost { return EgressHost{Namespace: namespace, Host: host} }
	only := func(imported ...EgressHost) *Sidecar { return &Sidecar{Egress: []EgressHosts{{Imported: imported}}} }
	tests := map[string]struct {
		sidecar     *Sidecar
		owner, host string
		// service and rules are whether a client of namespace "own" sees what is declared.
		service, rules bool
	}{
		"no Sidecar":                        {nil, "ns", "a.ns", true, true},
		"no list":                           {&Sidecar{}, "ns", "a.ns", true, true},
		"a list of nothing":                 {only(), "ns", "a.ns", false, false},
		"every host":                        {only(entry("*", "*")), "ns", "a.ns", true, true},
		"the own namespace":                 {only(entry(".", "*")), "own", "a.own", true, true},
		"another namespace":                 {only(entry(".", "*")), "ns", "a.own", false, false},
		"a namespace by name":               {only(entry("ns", "*")), "ns", "a.ns", true, true},
		"one host":                          {only(entry("ns", "a.ns")), "ns", "a.ns", true, true},
		"one host, elsewhere":               {only(entry("ns", "a.ns")), "other", "a.ns", false, false},
		"another host":                      {only(entry("ns", "a.ns")), "ns", "b.ns", false, false},
		"below a wildcard":                  {only(entry("*", "*.ns")), "ns", "a.ns", true, true},
		"far below a wildcard":              {only(entry("*", "*.ns")), "ns", "a.b.ns", true, true},
		"the name of a wildcard's domain":   {only(entry("*", "*.ns")), "ns", "ns", false, false},
		"a suffix that is no domain":        {only(entry("*", "*.ns")), "ns", "a.bns", false, false},
		"a wildcard below a wildcard":       {only(entry("*", "*.ns")), "ns", "*.b.ns", true, true},
		"the same wildcard":                 {only(entry("*", "*.ns")), "ns", "*.ns", true, true},
		"a wildcard above the entry":        {only(entry("*", "a.ns")), "ns", "*.ns", false, true},
		"a wildcard above a wildcard":       {only(entry("*", "*.b.ns")), "ns", "*.ns", false, true},
		"every host of an entry for one":    {only(entry("*", "a.ns")), "ns", "*", false, true},
		"one of several entries":            {only(entry("x", "*"), entry("ns", "a.ns")), "ns", "a.ns", true, true},
		"excluded":                          {&Sidecar{Egress: []EgressHosts{{[]EgressHost{entry("*", "*")}, []EgressHost{entry("ns", "a.ns")}}}}, "ns", "a.ns", false, false},
		"excluded elsewhere":                {&Sidecar{Egress: []EgressHosts{{[]EgressHost{entry("*", "*")}, []EgressHost{entry("other", "a.ns")}}}}, "ns", "a.ns", true, true},
		"a wildcard above what is excluded": {&Sidecar{Egress: []EgressHosts{{[]EgressHost{entry("*", "*")}, []EgressHost{entry("ns", "a.ns")}}}}, "ns", "*.ns", true, true},
		"excluded, and in another list": {
			&Sidecar{Egress: []EgressHosts{{[]EgressHost{entry("*", "*")}, []EgressHost{entry("ns", "a.ns")}}, {[]EgressHost{entry("ns", "*")}, nil}}}, "ns", "a.ns", true, true,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := test.sidecar.Sees("own", test.owner, test.host); got != test.service {
				t.Errorf("Service: got %v, want %v", got, test.service)
			}
			if got := test.sidecar.SeesRules("own", test.owner, test.host); got != test.rules {
				t.Errorf("VirtualService: got %v, want %v", got, test.rules)
			}
		})
	}
}

// TestSidecarFor: the selector's comes before the namespace's, and that before the root namespace's.
func TestSidecarFor(t *testing.T) {
	of := func(namespace, name string, selector map[string]string) *Sidecar {
		return &Sidecar{Ref: Ref{Kind: "Sidecar", Namespace: namespace, Name: name}, Selector: selector}
	}
	app := map[string]string{"app": "a"}
	w := &World{RootNamespace: "root"}
	w.Sidecars = w.Sidecars.With(map[string]*SidecarSet{
		"both":     {Sidecars: []*Sidecar{of("both", "app", app), of("both", "all", nil), of("both", "younger", nil)}},
		"selector": {Sidecars: []*Sidecar{of("selector", "app", app)}},
		"every":    {Sidecars: []*Sidecar{of("every", "empty", map[string]string{}), of("every", "all", nil)}},
		"root":     {Sidecars: []*Sidecar{of("root", "app", app), of("root", "all", nil)}},
	}, nil)
	tests := map[string]string{
		"both a": "both/app", "both b": "both/all", "both": "both/all", "selector a": "selector/app", "selector b": "root/all", "selector": "root/all",
		"every": "every/empty", "other a": "root/all", "root a": "root/app", "root b": "root/all",
	}
	for client, want := range tests {
		c := Client{Namespace: client}
		if n := len(client) - 2; n > 0 && client[n] == ' ' {
			c = Client{Namespace: client[:n], Labels: MakeLabels(map[string]string{"app": client[n+1:]})}
		}
		if got := w.SidecarFor(c).Ref; got.Namespace+"/"+got.Name != want {
			t.Errorf("%s: got %s, want %s", client, got, want)
		}
	}
	if got := (&World{}).SidecarFor(Client{Namespace: "any"}); got != nil {
		t.Errorf("without Sidecars: got %v", got.Ref)
	}
}
