package files

import (
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
	"github.com/mizzen-mesh/mizzen/pkg/watch/internal/watchtest"
)

// TestFilesOfAFolder loads a folder with one file. A file with an object is read, or is a Problem: none is passed over
// in silence. Other files are not mentioned.
func TestFilesOfAFolder(t *testing.T) {
	const (
		yaml = "apiVersion: v1\nkind: Service\nmetadata: {name: one}\nspec: {ports: [{port: 1}]}\n"
		json = "{\"apiVersion\": \"v1\", \"kind\": \"Service\",\n\t\"metadata\": {\"name\": \"one\", \"annotations\": {\"a\": \"\\ud83d\\ude00 \\/\"}}, \"spec\": {\"ports\": [{\"port\": 1}]}}\n"
	)
	const read, named, silent = "1 Services, 0 Problems", "0 Services, 1 Problems", "0 Services, 0 Problems"
	tests := map[string]struct{ text, want string }{
		"one.yaml":         {yaml, read},
		"one.yml":          {yaml, read},
		"one.json":         {json, read},
		"two.json":         {json + json[:0] + `{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "two"}, "spec": {"ports": [{"port": 1}]}}`, "2 Services, 0 Problems"},
		"json.yaml":        {json, read},
		"yaml.json":        {yaml, read},
		"one.YAML":         {yaml, named},
		"one.Json":         {json, named},
		"one.yaml.tmpl":    {"{{ if .Values.on }}\n" + yaml + "{{ end }}\n", named},
		"one.yaml.j2":      {"{% if on %}\n" + yaml + "{% endif %}\n", named},
		"one.yml.erb":      {"<% if on %>\n" + yaml, named},
		"one.yaml~":        {yaml, named},
		"one.yaml.bak":     {"# Kept.\n---\n" + yaml, named},
		"one.json.orig":    {json, named},
		".one.yaml":        {yaml, named},
		"one":              {yaml, named},
		"one.txt":          {"---\n# A comment.\n" + yaml, named},
		"one.jsonc":        {"// A comment.\n" + json, named},
		"one.jsonnet":      {"{apiVersion: 'v1', kind: 'Service', metadata: {name: 'one'}}", named},
		"one.tpl":          {"{{- range .Values.all }}\n" + yaml, named},
		"list.txt":         {"- apiVersion: v1\n  kind: Service\n", named},
		"README.md":        {"# How to\n\n```yaml\n" + yaml + "```\n", silent},
		"main_test.go":     {"package main\n\nconst one = `" + yaml + "`\n", silent},
		"apply.sh":         {"#!/bin/sh\nkubectl apply -f - <<EOF\n" + yaml + "EOF\n", silent},
		"values.txt":       {"replicas: 1\n", silent},
		"binary.yaml.gz":   {"\x1f\x8b\x00" + yaml, silent},
		"empty":            {"", silent},
		".golangci.yaml":   {"version: 2\n", silent},
		"deep/in/one.json": {json, read},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, name, test.text)
			w, err := Load(watch.Options{}, dir)
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprintf("%d Services, %d Problems", w.Services.Len(), len(w.Problems)); got != test.want {
				t.Errorf("got %s, want %s: %v", got, test.want, w.Problems)
			}
		})
	}
}

// TestSkippedFilesSayWhatToDo expects a way out that fits what the file is.
func TestSkippedFilesSayWhatToDo(t *testing.T) {
	const text = "apiVersion: v1\nkind: Service\nmetadata: {name: one}\n"
	const render, rename, unpack, leave = "Render it first if it is a template.", "Rename it to end in .yaml.", "Unpack it.", "Leave it, or move it out of the folder, if it is a copy. Otherwise rename it to end in .yaml."
	packed := func(text string) string {
		var b strings.Builder
		w := gzip.NewWriter(&b)
		_, err := w.Write([]byte(text))
		if err := errors.Join(err, w.Close()); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	for name, test := range map[string]struct{ text, want string }{
		"one.yaml.tmpl":       {text, render},
		"one.gotmpl":          {text, render},
		"one.tpl":             {"{{ range .all }}\n" + text, render},
		"one.yaml.j2":         {text, render},
		"one.jsonnet":         {"{apiVersion: 'v1', kind: 'Service'}", render},
		"one.yml.erb":         {text, render},
		"one.yaml.txt":        {text + "spec: {{ .spec }}\n", render},
		"one.yaml.gz":         {packed(text), unpack},
		"one.gz":              {packed("---\n" + text), unpack},
		"long.yaml.gz":        {packed(text + strings.Repeat("# The rest.\n", 100_000)), unpack},
		"one.yml.zst":         {"\x28\xb5\x2f\xfd\x00", unpack},
		"one.yaml.zip":        {"PK\x03\x04\x00", unpack},
		"one.yaml.bak":        {text, leave},
		"one.yml.bak2":        {text, leave},
		"one.yaml~":           {text, leave},
		"one.yaml.orig":       {text, leave},
		"one.yaml.disabled":   {text, leave},
		"one.yaml_old":        {text, leave},
		"one.YAML":            {text, rename},
		"one":                 {text, rename},
		"one.txt":             {text, rename},
		".one.yaml":           {text, "Rename it."},
		"log.json.gz":         {packed("{\"level\": \"info\"}\n"), ""},
		"log.gz":              {packed("a log\n"), ""},
		"broken.yaml.gz":      {text, ""},
		"log.json.zst":        {"\x28\xb5\x2f\xfd\x00", ""},
		"chart.tgz":           {packed(text), ""},
		"_helpers.tpl":        {"{{- define \"name\" }}one{{ end }}\n", ""},
		"values.yaml.example": {"replicas: 1\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, name, test.text)
			w, err := Load(watch.Options{}, dir)
			if err != nil {
				t.Fatal(err)
			}
			if test.want == "" && len(w.Problems) > 0 || test.want != "" && (len(w.Problems) != 1 || !strings.HasSuffix(w.Problems[0].Message, " "+test.want)) {
				t.Errorf("got %v, want %q", w.Problems, test.want)
			}
		})
	}
}

// TestNamedFilesThatAreNoYAML loads files by their names.
func TestNamedFilesThatAreNoYAML(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"a.yaml.gz":  {"\x1f\x8b\x08\xff", "The file is packed. It is not read. Unpack it."},
		"a.yaml":     {"\x1f\x8b\x08\xff", "The file is not UTF-8. It is not read. Save it as UTF-8."},
		"a.jsonnet":  {"local a = 1;\n{ kind: 'Service', spec: { port: a } }\n", "If it is a template, render it first."},
		"a.yaml.j2":  {"kind: Service\n{% if a %}\nspec: {}\n", "If it is a template, render it first."},
		"b.yaml":     {"kind: [Service\n", "Correct it."},
		"b.yaml.bak": {"kind: [Service\n", "Correct it."},
	} {
		w, err := Load(watch.Options{}, write(t, t.TempDir(), name, test.text))
		if err != nil {
			t.Fatal(err)
		}
		if len(w.Problems) != 1 || !strings.HasSuffix(w.Problems[0].Message, test.want) {
			t.Errorf("%s: got %v, want %q", name, w.Problems, test.want)
		}
	}
}

// TestHiddenFolders expects a hidden folder with objects to be named once, also by a Feed, and other hidden folders not
// to be mentioned.
func TestHiddenFolders(t *testing.T) {
	const told = "info FileSkipped File .hidden (.hidden): A folder whose name begins with a dot is not read. "
	for name, test := range map[string]struct {
		files map[string]string
		want  string
	}{
		"objects":           {map[string]string{".hidden/a.yaml": serviceYAML("a"), ".hidden/b.yaml": serviceYAML("b")}, told + "a.yaml in it seems to contain objects"},
		"deep":              {map[string]string{".hidden/in/.deep/c.json": `{"apiVersion": "v1", "kind": "Service"}`}, told + "c.json in it"},
		"another tool's":    {map[string]string{".argocd/app.yaml": "apiVersion: argoproj.io/v1alpha1\nkind: Application\n", ".tool/m.yaml": "apiVersion: monitoring.coreos.com/v1\nkind: ServiceMonitor\n"}, ""},
		"workflows":         {map[string]string{".github/workflows/ci.yaml": "on: push\njobs: {}\n"}, ""},
		"Git":               {map[string]string{".git/a.yaml": serviceYAML("a")}, ""},
		"a ConfigMap":       {map[string]string{"..2026_01_02/a.yaml": serviceYAML("a"), "..data/a.yaml": serviceYAML("a")}, ""},
		"a template":        {map[string]string{".hidden/a.yaml.tmpl": serviceYAML("a")}, ""},
		"empty":             {map[string]string{".hidden/a.yaml": ""}, ""},
		"hidden files only": {map[string]string{".hidden/.a.yaml": serviceYAML("a")}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for name, text := range test.files {
				write(t, dir, name, text)
			}
			w, err := Load(watch.Options{}, dir)
			if err != nil {
				t.Fatal(err)
			}
			r := newTestRun(t, dir)
			r.pending.put(r.root, delay{})
			r.scanPaths(r.root)
			for _, w := range []*mesh.World{w, r.last} {
				got := strings.ReplaceAll(strings.Join(watchtest.ProblemLines(w), "\n"), dir+"/", "")
				if w.Services.Len() > 0 || strings.Contains(got, "\n") || got == "" != (test.want == "") || !strings.HasPrefix(got, test.want) {
					t.Errorf("got %d Services and %q, want %q", w.Services.Len(), got, test.want)
				}
			}
			if !r.byPath {
				t.Error("single paths are not scanned any more")
			}
		})
	}
	dir := t.TempDir()
	write(t, dir, ".hidden/a.yaml", serviceYAML("a"))
	if w, err := Load(watch.Options{}, filepath.Join(dir, ".hidden")); err != nil || !hosts("a")(w) || len(w.Problems) > 0 {
		t.Errorf("the folder itself: got %v and %v, want its Service", w.Problems, err)
	}
}

// TestFolderForgetsSkippedFiles expects the Problem of a file that is not read to go with the file, and with its
// ending.
func TestFolderForgetsSkippedFiles(t *testing.T) {
	dir := t.TempDir()
	path := write(t, dir, "a.yaml.tmpl", serviceYAML("a"))
	r := newTestRun(t, dir)
	if len(r.last.Problems) != 1 {
		t.Fatalf("got problems %v, want one", r.last.Problems)
	}
	if err := os.Rename(path, dir+"/a.yaml"); err != nil {
		t.Fatal(err)
	}
	r.scanPaths(path, dir+"/a.yaml")
	if len(r.last.Problems) > 0 || !hosts("a")(r.last) {
		t.Errorf("got problems %v and hosts %q, want none and a", r.last.Problems, r.last.Services.Hosts())
	}
}

// TestJSONLines expects the line of each field of JSON, and YAML in flow style to be read as YAML.
func TestJSONLines(t *testing.T) {
	tests := map[string]struct{ text, want string }{
		"field":      {"\n{\"apiVersion\": \"v1\",\n \"kind\": \"Service\",\n \"metadata\": {\"name\": \"a\"},\n \"spec\": {\n  \"ports\": [\n   {\"port\": \"x\"}]}}", "spec.ports[0].port (objects.yaml:7)"},
		"twice":      {`{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a", "name": "b"}, "spec": {}}`, "metadata.name (objects.yaml:1)"},
		"broken end": {`{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"ports": [{"port": 1}]}}` + "\n\n{\"a\": ", "File objects.yaml (objects.yaml:3): The last value is not JSON: unexpected EOF"},
		"flow style": {"{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {ports: [{port: x}]}}", "spec.ports[0].port (objects.yaml:1)"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			checkProblems(t, loadText(t, test.text), test.want)
		})
	}
}
