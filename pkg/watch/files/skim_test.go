package files

import (
	"fmt"
	"os"
	"testing"

	"github.com/mizzen-mesh/mizzen/pkg/watch"
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
