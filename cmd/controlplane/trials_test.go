package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestTrials runs commands in folders of testdata/trials, whose objects have mistakes that users made.
func TestTrials(t *testing.T) {
	tests := map[string]struct {
		// dir is the folder, and args is the command line in it.
		dir, args string
		code      int
		// want are texts of the output, in this order; not are texts that it must not have.
		want, not []string
	}{
		"JSON in a folder": {
			dir: "json-files", args: "explain -f . --as fin --to vault --call /fin.Vault/Open", code: exitOK,
			want: []string{"10.20.3.1:7500"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Chdir(filepath.Join("testdata", "trials", test.dir))
			got := command(t.Context(), "", strings.Fields(test.args)...)
			output := got.stdout + got.err
			if got.code != test.code {
				t.Errorf("got exit code %d, want %d; output:\n%s", got.code, test.code, output)
			}
			rest := output
			for _, want := range test.want {
				_, after, ok := strings.Cut(rest, want)
				if !ok {
					t.Errorf("got\n%s\nwant in it %q, after the texts before it", output, want)
					continue
				}
				rest = after
			}
			for _, text := range test.not {
				if strings.Contains(output, text) {
					t.Errorf("got\n%s\nwant in it no %q", output, text)
				}
			}
		})
	}
}
