package main

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

var manDir = flag.String("man", "", "write the man pages to this folder")

const cliDir = "../../docs/cli"

// TestGeneratedCLI keeps docs/cli, which is generated from the commands. The generator is in a test because it links
// packages that would be a part of the binary otherwise.
func TestGeneratedCLI(t *testing.T) {
	dir := t.TempDir()
	if err := doc.GenMarkdownTree(documented(t), dir); err != nil {
		t.Fatal(err)
	}
	got := pages(t, dir)
	if *update {
		if err := os.RemoveAll(cliDir); err != nil {
			t.Fatal(err)
		}
		if err := os.CopyFS(cliDir, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(pages(t, cliDir), got); diff != "" {
		t.Errorf("docs/cli (-want +got; make golden rewrites it):\n%s", diff)
	}
}

// TestManPages makes a man page for each command. `make man` keeps them.
func TestManPages(t *testing.T) {
	dir := *manDir
	if dir == "" {
		dir = t.TempDir()
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := doc.GenManTree(documented(t), &doc.GenManHeader{Title: "CONTROLPLANE", Section: "1", Source: "Mizzen", Manual: "Mizzen"}, dir); err != nil {
		t.Fatal(err)
	}
	for name, text := range pages(t, dir) {
		if strings.HasSuffix(name, ".1") && !strings.Contains(text, ".SH SYNOPSIS") {
			t.Errorf("%s has no synopsis", name)
		}
	}
}

// documented returns the commands without the date of the generation.
func documented(t *testing.T) *cobra.Command {
	t.Helper()
	root := newRoot(stdio{})
	root.DisableAutoGenTag = true
	root.InitDefaultCompletionCmd()
	return root
}

func pages(t *testing.T, dir string) map[string]string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.Base(name)] = string(text)
	}
	return all
}
