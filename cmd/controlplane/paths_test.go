package main

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// pathForms are the ways to name a folder.
var pathForms = []string{"-f DIR", "--filename DIR", "--files DIR", "--files=DIR", "DIR"}

func TestFoldersAreNamedAlike(t *testing.T) {
	for name, args := range map[string]string{
		"check": "", "render": "--type lds", "explain": "--as demo --to greeter --call /helloworld.Greeter/SayHello",
	} {
		want := outcome{}
		for i, form := range pathForms {
			line := append(append([]string{name}, strings.Fields(strings.Replace(form, "DIR", demoDir, 1))...), strings.Fields(args)...)
			got := command(t.Context(), "", line...)
			if i == 0 {
				want = got
			}
			if got != want || got.code != exitOK || got.stdout+got.err == "" {
				t.Errorf("%s: got %v, want %v", line, got, want)
			}
		}
	}
	for _, form := range pathForms {
		line := append([]string{"serve"}, strings.Fields(strings.Replace(form, "DIR", "testdata/missing", 1))...)
		got := command(t.Context(), "", line...)
		if got.code != exitFailure || !strings.Contains(got.err, "open the folder of --files: stat testdata/missing") || strings.Contains(got.err, "serving a folder") {
			t.Errorf("%s: got exit code %d and %q, want that the folder is missing, and nothing before", line, got.code, got.err)
		}
	}
	if got := command(t.Context(), badRegex, "check", "-"); got.code != exitFailure || !strings.Contains(got.stdout, "stdin:14") {
		t.Errorf("an argument -: got exit code %d and %q", got.code, got.stdout)
	}
}

func TestEmptyFolderIsMentioned(t *testing.T) {
	dir := t.TempDir()
	got := command(t.Context(), "", "check", dir)
	if want := "there are no objects in " + dir + "\n0 errors, 0 warnings, 0 info\n"; got.code != exitOK || got.err != want {
		t.Errorf("got exit code %d and %q, want 0 and %q", got.code, got.err, want)
	}
}

// TestNamespaceOfNoObjectIsMentioned expects what -n does to objects that state their namespaces: nothing.
func TestNamespaceOfNoObjectIsMentioned(t *testing.T) {
	const objects = "apiVersion: v1\nkind: Service\nmetadata: {name: a, namespace: shop}\nspec: {ports: [{port: 1}]}\n---\napiVersion: v1\nkind: Service\nmetadata: {name: a, namespace: fin}\nspec: {ports: [{port: 1}]}\n"
	const bare = "---\napiVersion: v1\nkind: Service\nmetadata: {name: b}\nspec: {ports: [{port: 1}]}\n"
	for name, test := range map[string]struct{ text, namespace, want string }{
		"misspelled":             {objects, "shp", "no object in DIR is in namespace shp; there are objects in: fin, shop\n"},
		"stated":                 {objects, "shop", ""},
		"of the others":          {objects + bare, "shp", ""},
		"of objects without one": {strings.ReplaceAll(strings.ReplaceAll(objects, ", namespace: shop", ""), "metadata: {name: a, namespace: fin}", "metadata: {name: b}"), "shp", ""},
		"no objects at all":      {"", "shp", "there are no objects in DIR\n"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "a.yaml"), []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, args := range [][]string{{"check", dir}, {"render", dir}} {
				got, _, _ := strings.Cut(command(t.Context(), "", append(args, "-n", test.namespace)...).err, "0 errors")
				if want := strings.ReplaceAll(test.want, "DIR", dir); got != want {
					t.Errorf("%s: got %q, want %q", args[0], got, want)
				}
			}
			if got := command(t.Context(), "", "check", dir).err; strings.Contains(got, "is in namespace") {
				t.Errorf("without the flag: got %q", got)
			}
		})
	}
}

// TestIneffectiveFlags expects a log line for each flag that has no effect with a folder.
func TestIneffectiveFlags(t *testing.T) {
	cmd := newServe(stdio{err: &bytes.Buffer{}})
	if err := cmd.Flags().Parse([]string{"--files", "x", "--state-dir", "y", "--lease", "a/b", "--write-status", "off"}); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	warnIneffective(cmd, slog.New(slog.NewTextHandler(&log, nil)))
	got := log.String()
	if strings.Count(got, "the flag has no effect without a cluster") != 2 || !strings.Contains(got, "flag=--state-dir") || !strings.Contains(got, "flag=--lease") {
		t.Errorf("got %q, want a line for --state-dir and one for --lease", got)
	}
	for _, name := range clusterFlags {
		if cmd.Flags().Lookup(name) == nil {
			t.Errorf("there is no flag %s", name)
		}
	}
}
