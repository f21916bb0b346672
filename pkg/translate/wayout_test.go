// Not while fuzzing: all that is linked is instrumented for it, and these tests link a whole Kubernetes client.
//go:build !fuzzing

package translate_test

import (
	"regexp"
	"testing"
)

// wayOut finds a sentence that says what to do, perhaps after a condition.
var wayOut = regexp.MustCompile(`(?:^|[.;] |, |: )(?i:add|call|choose|correct|create|declare|delete|did you mean|export|give|hash|keep|let|limit|list|` +
	`make|match|merge|move|name|narrow|nothing|point|put|remove|rename|route|send|set|split|upgrade|use|write)\b`)

// TestMessagesHaveAWayOut checks that every Problem that a golden shows says what to do.
func TestMessagesHaveAWayOut(t *testing.T) {
	checked := map[string]bool{}
	for _, g := range goldens(t) {
		for _, p := range g.snapshot(t).Problems() {
			if !checked[p.Message] && !wayOut.MatchString(p.Message) {
				t.Errorf("%s: %s %s: %q does not say what to do", g.path, p.Object, p.Field, p.Message)
			}
			checked[p.Message] = true
		}
	}
	if len(checked) < 100 {
		t.Errorf("only %d messages were checked, want 100", len(checked))
	}
}
