package presubmit

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"sigs.k8s.io/yaml"
)

// TestHistoryTexts compares the reasons in the results of old clients with those in the scenarios, which takes an hour to
// find out by running them.
func TestHistoryTexts(t *testing.T) {
	var results []struct {
		Client string
		Except map[string]string
	}
	text, err := os.ReadFile("../interop/history.json")
	if err == nil {
		err = json.Unmarshal(text, &results)
	}
	if err != nil || len(results) == 0 {
		t.Fatalf("got %d results: %v", len(results), err)
	}
	for _, result := range results {
		for scenario, reason := range result.Except {
			var s struct{ Except map[string]string }
			text, err := os.ReadFile(filepath.Join("../interop/scenarios", scenario+".yaml"))
			if err == nil {
				err = yaml.Unmarshal(text, &s)
			}
			if got := s.Except[result.Client]; err != nil || got != reason {
				t.Errorf("%s, %s: the scenario says %q, history.json %q: %v", result.Client, scenario, got, reason, err)
			}
		}
	}
}
