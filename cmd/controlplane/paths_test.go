package main

import (
	"bytes"
	"log/slog"
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
