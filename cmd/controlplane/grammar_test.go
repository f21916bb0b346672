package main

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Some flags have different meanings in different commands, because each has the name that the field gives it there.
var (
	// manyMeanings are the flags whose values have different forms in different commands, and why.
	manyMeanings = map[string]string{
		"cluster-id": "a client's bootstrap calls it an ID, and Istio's label has the name",
		"client":     "a kind and version of client, and of version the client's part",
		"for":        "the clients that a bootstrap is for, how long a pin is, and what kubectl wait waits for",
		"from":       "a service account decides, and a workload has edges",
		"to":         "a client dials a port, explain may leave it out, and edges end at a Service",
		"output":     "each command has the forms of its output",
	}
	// letters are the short flags, and the flags that they may stand for.
	letters = map[string][]string{
		"A": {"all-namespaces"}, "f": {"filename", "files"}, "h": {"help"}, "n": {"namespace", "for-namespace"}, "o": {"output"}, "w": {"watch"},
	}
	// groups are flags of which a command has all or none.
	groups = [][]string{
		{"kubeconfig", "context"},
		{"address", "admin-token", "kubeconfig", "context", "mizzen-namespace"},
	}
	// partly are the commands that have a part of a group, and why.
	partly = map[string]string{
		"controlplane authority create": "the authority is a Secret: no control plane is asked",
		"controlplane authority rotate": "the authority is a Secret: no control plane is asked",
		"controlplane authority show":   "the authority is a Secret: no control plane is asked",
		"controlplane check":            "the Service with a control plane is not looked for: --address is an exception to files and the cluster",
		"controlplane check install":    "it looks at the installation, whether it answers or not",
		"controlplane serve":            "it is the control plane",
		"controlplane sign":             "it is the signer, and its namespace is its own",
		"controlplane uninstall":        "it removes what a control plane has left",
	}
)

// TestGrammar looks at every command: one flag has one meaning, its value has a form that the help states, and the exit codes are told.
func TestGrammar(t *testing.T) {
	forms, usedLetters := map[string]map[string][]string{}, map[string]bool{}
	parts := map[string]bool{}
	for _, c := range everyCommand(newRoot(stdio{})) {
		path := c.CommandPath()
		has := map[string]bool{}
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Hidden {
				return
			}
			has[f.Name] = true
			form, usage := pflag.UnquoteUsage(f)
			if forms[f.Name] == nil {
				forms[f.Name] = map[string][]string{}
			}
			forms[f.Name][form] = append(forms[f.Name][form], path)
			if f.Shorthand != "" {
				usedLetters[f.Shorthand] = true
				if !slices.Contains(letters[f.Shorthand], f.Name) {
					t.Errorf("%s: -%s stands for --%s, and is one of %v elsewhere", path, f.Shorthand, f.Name, letters[f.Shorthand])
				}
			}
			if strings.HasSuffix(usage, ".") && !strings.HasSuffix(usage, "...") {
				t.Errorf("%s: the help of --%s ends with a period: %q", path, f.Name, usage)
			}
			if lower := strings.ToLower(form); form == lower && form != "" && form != "duration" && form != "number" && !strings.Contains(form, "|") && f.Name != "for" {
				t.Errorf("%s: --%s takes %q: a form is a noun in capitals, or a|b", path, f.Name, form)
			}
		})
		for _, group := range groups {
			n := 0
			for _, name := range group {
				if has[name] {
					n++
				}
			}
			if n > 0 && n < len(group) {
				parts[path] = true
				if partly[path] == "" {
					t.Errorf("%s has %d of the flags %v", path, n, group)
				}
			}
		}
		if c.Runnable() && c.HasParent() && c.Name() != "help" && c.Parent().Name() != "completion" && c.Name() != "completion" && !c.HasSubCommands() && !strings.Contains(c.Long, "xit code") {
			t.Errorf("%s: the help states no exit codes", path)
		}
	}
	for name, of := range forms {
		if len(of) > 1 && manyMeanings[name] == "" {
			t.Errorf("--%s has %d forms: %v", name, len(of), of)
		}
		if len(of) == 1 && manyMeanings[name] != "" {
			t.Errorf("--%s has one form, and manyMeanings has it", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(partly)) {
		if !parts[name] {
			t.Errorf("%s has no part of a group, and partly has it", name)
		}
	}
	for letter := range letters {
		if !usedLetters[letter] {
			t.Errorf("no command has -%s", letter)
		}
	}
}

// everyCommand returns a command and all below it.
func everyCommand(c *cobra.Command) []*cobra.Command {
	c.InitDefaultHelpFlag()
	out := []*cobra.Command{c}
	for _, sub := range c.Commands() {
		out = append(out, everyCommand(sub)...)
	}
	return out
}
