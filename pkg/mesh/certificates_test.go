package mesh

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestProvidersAreASet(t *testing.T) {
	p := MakeProviders("b", "a", "", "b", "c,d")
	if p != MakeProviders("a", "b") {
		t.Errorf("got %q, want a and b", p)
	}
	for name, want := range map[string]bool{"a": true, "b": true, "": false, "c": false, "a,b": false} {
		if p.Has(name) != want {
			t.Errorf("Has(%q) = %t", name, !want)
		}
	}
	if got := p.Among("b", "x"); got != MakeProviders("b") {
		t.Errorf("got %q among b and x, want b", got)
	}
	if got := Providers("").All(); got != nil {
		t.Errorf("the empty set contains %q", got)
	}
}

func TestAccountsOfEndpoints(t *testing.T) {
	for name, c := range map[string]struct {
		set     *EndpointSet
		want    []string
		unknown bool
	}{
		"nobody": {},
		"each once, sorted": {
			set:  &EndpointSet{Endpoints: []Endpoint{{ServiceAccount: "b"}, {ServiceAccount: "a", Health: NotReady}, {ServiceAccount: "b"}}},
			want: []string{"a", "b"},
		},
		"one unknown": {set: &EndpointSet{Endpoints: []Endpoint{{ServiceAccount: "a"}, {}}}, want: []string{"a"}, unknown: true},
	} {
		t.Run(name, func(t *testing.T) {
			got := c.set.ServiceAccounts()
			if diff := cmp.Diff(got.All(), c.want); diff != "" || got.Unknown != c.unknown {
				t.Errorf("got unknown %t, want %t; names (-got +want):\n%s", got.Unknown, c.unknown, diff)
			}
		})
	}
}
