package assemble

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/internal/watchtest"
)

func TestBindSelectors(t *testing.T) {
	selecting := func(name, age, labels, subset string) string {
		return watchtest.DestinationRule(name, age, "host: echo.demo, workloadSelector: {matchLabels: {"+labels+"}}, subsets: [{name: "+subset+"}]")
	}
	tests := map[string]struct {
		text     string
		labels   map[string]string
		want     []string // the DestinationRules that apply to a client of demo, the oldest first
		problems []string
	}{
		"it comes before an older one without": {
			watchtest.DestinationRule("all", "01", "host: echo") + selecting("front", "02", "app: front", "a"), map[string]string{"app": "front", "pod": "p"}, []string{"front"}, nil,
		},
		"clients that it does not select": {
			watchtest.DestinationRule("all", "01", "host: echo") + selecting("front", "02", "app: front", "a"), map[string]string{"app": "back"}, []string{"all"}, nil,
		},
		"equal selectors are one": {
			selecting("b", "02", "app: front, tier: x", "b") + selecting("a", "01", "tier: x, app: front", "a"),
			map[string]string{"app": "front", "tier": "x"},
			[]string{"a", "b"},
			nil,
		},
		"an empty selector is not none": {
			watchtest.DestinationRule("all", "01", "host: echo") + watchtest.DestinationRule("own", "02", "host: echo, workloadSelector: {}"), nil, []string{"own"}, nil,
		},
		"behind an older one that selects as much": {
			selecting("a", "01", "app: front", "a") + selecting("b", "02", "app: front, tier: x", "b"),
			map[string]string{"app": "front", "tier": "x"},
			[]string{"a"},
			[]string{"warning Conflict DestinationRule demo/b spec.host: It is never used for echo.demo.svc.cluster.local because DestinationRule demo/a takes precedence for every client. Merge the two, or remove this one."},
		},
		"exported to others, not exported, and exported to its own namespace by name": {
			watchtest.DestinationRule("others", "01", "host: echo, exportTo: [x]") + watchtest.DestinationRule("nobody", "02", "host: echo, exportTo: [y]") + watchtest.DestinationRule("own", "03", "host: echo, exportTo: [demo]"),
			nil,
			[]string{"own"},
			nil,
		},
		"the more exact host before the selector": {
			watchtest.DestinationRule("exact", "01", "host: echo") + watchtest.DestinationRule("wide", "02", "host: '*.demo.svc.cluster.local', workloadSelector: {matchLabels: {app: front}}"),
			map[string]string{"app": "front"},
			[]string{"exact"},
			nil,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := apply(t, newTestAssembler(), test.text+watchtest.EchoService)
			var got []string
			if p := watchtest.Get(w.DestinationRules, watchtest.EchoHost).For("demo", mesh.MakeLabels(test.labels), 0); p != nil {
				for _, ref := range p.Refs {
					got = append(got, ref.Name)
				}
			}
			if d := cmp.Diff(test.want, got); d != "" {
				t.Errorf("rules (-want +got):\n%s", d)
			}
			if d := cmp.Diff(test.problems, watchtest.ProblemLines(w)); d != "" {
				t.Errorf("problems (-want +got):\n%s", d)
			}
		})
	}
}

// TestSelectorChanges expects that a rule whose selector changes moves to another merged rule.
func TestSelectorChanges(t *testing.T) {
	a := newTestAssembler()
	apply(t, a, watchtest.EchoService+watchtest.DestinationRule("front", "01", "host: echo, workloadSelector: {matchLabels: {app: front}}"))
	w := apply(t, a, watchtest.DestinationRule("front", "01", "host: echo, workloadSelector: {matchLabels: {app: back}}"))
	table := watchtest.Get(w.DestinationRules, watchtest.EchoHost)
	if n := len(table.Candidates); n != 1 {
		t.Errorf("got %d policies, want 1", n)
	}
	if p := table.For("demo", mesh.MakeLabels(map[string]string{"app": "front"}), 0); p != nil {
		t.Errorf("clients that are no longer selected get the policy of %v", p.Refs)
	}
	if p := table.For("demo", mesh.MakeLabels(map[string]string{"app": "back"}), 0); p == nil {
		t.Error("clients that are now selected get no policy")
	}
}
