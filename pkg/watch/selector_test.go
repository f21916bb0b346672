package watch

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

func TestBindSelectors(t *testing.T) {
	selecting := func(name, age, labels, subset string) string {
		return dr(name, age, "host: echo.demo, workloadSelector: {matchLabels: {"+labels+"}}, subsets: [{name: "+subset+"}]")
	}
	tests := map[string]struct {
		text     string
		labels   map[string]string
		want     []string // the DestinationRules that rule a client of demo, the oldest first
		problems []string
	}{
		"it comes before an older one without": {
			dr("all", "01", "host: echo") + selecting("front", "02", "app: front", "a"), map[string]string{"app": "front", "pod": "p"}, []string{"front"}, nil,
		},
		"clients that it does not select": {
			dr("all", "01", "host: echo") + selecting("front", "02", "app: front", "a"), map[string]string{"app": "back"}, []string{"all"}, nil,
		},
		"equal selectors are one": {
			selecting("b", "02", "app: front, tier: x", "b") + selecting("a", "01", "tier: x, app: front", "a"),
			map[string]string{"app": "front", "tier": "x"},
			[]string{"a", "b"},
			nil,
		},
		"an empty selector is not none": {
			dr("all", "01", "host: echo") + dr("own", "02", "host: echo, workloadSelector: {}"), nil, []string{"own"}, nil,
		},
		"behind an older one that selects as much": {
			selecting("a", "01", "app: front", "a") + selecting("b", "02", "app: front, tier: x", "b"),
			map[string]string{"app": "front", "tier": "x"},
			[]string{"a"},
			[]string{"warning Conflict DestinationRule demo/b spec.host: it is never used for echo.demo.svc.cluster.local, since DestinationRule demo/a comes first for everybody; merge the two, or remove one"},
		},
		"exported to others, to nobody, and to its own by name": {
			dr("others", "01", "host: echo, exportTo: [x]") + dr("nobody", "02", "host: echo, exportTo: ['~', demo]") + dr("own", "03", "host: echo, exportTo: [demo]"),
			nil,
			[]string{"own"},
			nil,
		},
		"the more exact host before the selector": {
			dr("exact", "01", "host: echo") + dr("wide", "02", "host: '*.demo.svc.cluster.local', workloadSelector: {matchLabels: {app: front}}"),
			map[string]string{"app": "front"},
			[]string{"exact"},
			nil,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := apply(t, newTestAssembler(), test.text+echoService)
			var got []string
			if p := get(w.Policies, echoHost).For("demo", mesh.MakeLabels(test.labels)); p != nil {
				for _, ref := range p.Refs {
					got = append(got, ref.Name)
				}
			}
			if d := cmp.Diff(test.want, got); d != "" {
				t.Errorf("rules (-want +got):\n%s", d)
			}
			if d := cmp.Diff(test.problems, problemLines(w)); d != "" {
				t.Errorf("problems (-want +got):\n%s", d)
			}
		})
	}
}

// A selector that changes moves the rule from one Policy to another.
func TestSelectorChanges(t *testing.T) {
	a := newTestAssembler()
	apply(t, a, echoService+dr("front", "01", "host: echo, workloadSelector: {matchLabels: {app: front}}"))
	w := apply(t, a, dr("front", "01", "host: echo, workloadSelector: {matchLabels: {app: back}}"))
	table := get(w.Policies, echoHost)
	if n := len(table.Candidates); n != 1 {
		t.Errorf("got %d policies, want 1", n)
	}
	if p := table.For("demo", mesh.MakeLabels(map[string]string{"app": "front"})); p != nil {
		t.Errorf("clients that are not selected any more get the policy of %v", p.Refs)
	}
	if p := table.For("demo", mesh.MakeLabels(map[string]string{"app": "back"})); p == nil {
		t.Error("clients that are selected now get none")
	}
}
