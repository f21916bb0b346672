package main

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// build builds this program for a platform and returns its path.
func build(t *testing.T, arch string, env ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), arch, "app")
	cmd := exec.Command("go", "build", "-trimpath", "-o", path, ".")
	cmd.Env = append(os.Environ(), append([]string{"GOOS=linux", "GOARCH=" + arch, "CGO_ENABLED=0"}, env...)...)
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, output)
	}
	return path
}

func TestImages(t *testing.T) {
	dir := t.TempDir()
	o := output{
		name: "example.test/app:v1", layout: filepath.Join(dir, "oci"), tar: filepath.Join(dir, "app.tar"), sbom: filepath.Join(dir, "sbom"),
		links: "kubectl-app,kubectl_complete-app", beside: "second",
	}
	data := filepath.Join(dir, "data")
	if err := os.WriteFile(data, []byte("some data"), 0o600); err != nil {
		t.Fatal(err)
	}
	tree := filepath.Join(dir, "tree")
	if err := os.MkdirAll(filepath.Join(tree, "bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(tree, "bin", "program"), []byte("a program"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(data, filepath.Join(tree, "link")); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{data + ":/data", data + ":/opt/app/data", tree + ":/opt/tree"} {
		files, err := readFiles(text)
		if err != nil {
			t.Fatal(err)
		}
		o.files = append(o.files, files...)
	}
	binaries := []string{build(t, "amd64"), build(t, "arm64")}
	for _, path := range binaries {
		if err := os.Link(path, filepath.Join(filepath.Dir(path), "second")); err != nil {
			t.Fatal(err)
		}
	}
	if err := run(o, binaries); err != nil {
		t.Fatal(err)
	}
	index := readLayout(t, o.layout)
	if err := validate.Index(index); err != nil {
		t.Error(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	var platforms []string
	for _, m := range manifest.Manifests {
		platforms = append(platforms, m.Platform.String())
		image, err := index.Image(m.Digest)
		if err != nil {
			t.Fatal(err)
		}
		checkImage(t, image, m.Platform.Architecture)
	}
	if want := []string{"linux/amd64", "linux/arm64"}; !slices.Equal(platforms, want) {
		t.Errorf("platforms: got %v, want %v", platforms, want)
	}
	for _, name := range []string{"app-linux-amd64", "app-linux-arm64", "second-linux-amd64", "second-linux-arm64"} {
		if _, err := os.Stat(filepath.Join(o.sbom, name+".spdx.json")); err != nil {
			t.Error(err)
		}
	}
	tag, err := name.NewTag(o.name)
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := tarball.ImageFromPath(o.tar, &tag)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Image(loaded); err != nil {
		t.Error(err)
	}

	again := o
	again.layout = filepath.Join(dir, "again")
	if err := run(again, binaries); err != nil {
		t.Fatal(err)
	}
	if got, want := digest(t, readLayout(t, again.layout)), digest(t, index); got != want {
		t.Errorf("built again: got %v, want %v", got, want)
	}
}

// readLayout returns the index with all platforms, to which the layout's own index refers.
func readLayout(t *testing.T, dir string) v1.ImageIndex {
	t.Helper()
	top, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := top.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	if n := len(manifest.Manifests); n != 1 {
		t.Fatalf("%s: got %d entries, want 1", dir, n)
	}
	entry := manifest.Manifests[0]
	if got, want := entry.Annotations["io.containerd.image.name"], "example.test/app:v1"; got != want {
		t.Errorf("name: got %q, want %q", got, want)
	}
	index, err := top.ImageIndex(entry.Digest)
	if err != nil {
		t.Fatal(err)
	}
	return index
}

func digest(t *testing.T, index v1.ImageIndex) v1.Hash {
	t.Helper()
	d, err := index.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func checkImage(t *testing.T, image v1.Image, arch string) {
	t.Helper()
	file, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config := file.Config
	if file.Architecture != arch || config.User != "65532:65532" || !slices.Equal(config.Entrypoint, []string{"/app"}) {
		t.Errorf("got %s, user %s, entry point %v; want %s, 65532:65532, /app", file.Architecture, config.User, config.Entrypoint, arch)
	}
	files, modes := map[string]string{}, map[string]int64{}
	contents := mutate.Extract(image)
	defer contents.Close()
	for r := tar.NewReader(contents); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[header.Name], modes[header.Name] = string(content)+header.Linkname, header.Mode
	}
	if files["kubectl-app"] != "app" || files["kubectl_complete-app"] != "app" {
		t.Errorf("got the links %q and %q, want them to lead to app", files["kubectl-app"], files["kubectl_complete-app"])
	}
	if files["data"] != "some data" || files["opt/app/data"] != "some data" {
		t.Errorf("got the files %q and %q, want some data in both", files["data"], files["opt/app/data"])
	}
	if files["opt/tree/bin/program"] != "a program" || files["opt/tree/link"] != "some data" {
		t.Errorf("got %q and %q, want the content of the directory", files["opt/tree/bin/program"], files["opt/tree/link"])
	}
	for name, want := range map[string]int64{"data": 0o644, "opt/tree": 0o755, "opt/tree/bin": 0o755, "opt/tree/bin/program": 0o755, "opt/tree/link": 0o644} {
		if modes[name] != want {
			t.Errorf("%s: got mode %o, want %o", name, modes[name], want)
		}
	}
	if layers, err := image.Layers(); err != nil || len(layers) != 3 {
		t.Errorf("got %d layers and %v, want 3", len(layers), err)
	}
	if files["second"] != files["app"] || modes["second"] != 0o755 {
		t.Errorf("second: got %d bytes and mode %o, want what lies beside the binary", len(files["second"]), modes["second"])
	}
	if !strings.HasPrefix(files["app"], "\x7fELF") {
		t.Errorf("app is not executable; the image has %v", slices.Sorted(maps.Keys(files)))
	}
	if n := strings.Count(files["etc/ssl/certs/ca-certificates.crt"], "BEGIN CERTIFICATE"); n < 100 {
		t.Errorf("got %d public authorities, want at least 100", n)
	}
}

func TestSBOM(t *testing.T) {
	b, err := open(build(t, "amd64"), "")
	if err != nil {
		t.Fatal(err)
	}
	text, err := sbom(b)
	if err != nil {
		t.Fatal(err)
	}
	var d document
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	version := ""
	for _, m := range d.Packages {
		if m.Name == "github.com/google/go-containerregistry" {
			version = m.Version
		}
	}
	if version == "" {
		t.Error("a module of this program is missing")
	}
	if got, want := len(d.Packages), len(b.info.Deps)+2; got != want {
		t.Errorf("packages: got %d, want %d: the binary, Go and the modules", got, want)
	}
	if got, want := len(d.Relationships), len(d.Packages); got != want {
		t.Errorf("relationships: got %d, want %d", got, want)
	}
}

// TestSBOMAlone: a release has binaries for systems that have no images.
func TestSBOMAlone(t *testing.T) {
	for _, system := range []string{"windows", "darwin"} {
		dir, program := t.TempDir(), build(t, "arm64", "GOOS="+system)
		if system == "windows" {
			for _, name := range []string{"app.exe", "second.exe"} {
				if err := os.Link(program, filepath.Join(filepath.Dir(program), name)); err != nil {
					t.Fatal(err)
				}
			}
			program += ".exe"
		} else if err := os.Link(program, filepath.Join(filepath.Dir(program), "second")); err != nil {
			t.Fatal(err)
		}
		if err := run(output{sbom: dir, beside: "second"}, []string{program}); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"app", "second"} {
			if _, err := os.Stat(filepath.Join(dir, name+"-"+system+"-arm64.spdx.json")); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestRefusedFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(t.TempDir(), link); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		link + ":/data":    "is a directory",
		path:               "is not SOURCE:DESTINATION",
		path + ":":         "is not SOURCE:DESTINATION",
		path + ":data":     "is not SOURCE:DESTINATION",
		path + ":/":        "is not SOURCE:DESTINATION",
		path + ":/../data": "is not SOURCE:DESTINATION",
		path + "x:/data":   "no such file",
	} {
		if _, err := readFiles(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}

func TestRefused(t *testing.T) {
	static := build(t, "amd64")
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("#!/bin/sh"), 0o755); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		name, binary, want string
	}{
		"no name":            {"", static, "-name"},
		"a name without tag": {"example.test/app", static, "-name"},
		"no such file":       {"example.test/app:v1", static + "x", "no such file"},
		"a script":           {"example.test/app:v1", text, "unrecognized file format"},
		"another system":     {"example.test/app:v1", build(t, "amd64", "GOOS=windows"), "not a program for Linux"},
	}
	// A dynamic program; building it needs a C compiler.
	if _, err := exec.LookPath("gcc"); err == nil {
		linked := build(t, "amd64", "CGO_ENABLED=1", "GOFLAGS=-ldflags=-linkmode=external")
		cases["a dynamic program"] = struct{ name, binary, want string }{"example.test/app:v1", linked, "CGO_ENABLED=0"}
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			err := run(output{name: test.name, layout: filepath.Join(t.TempDir(), "oci")}, []string{test.binary})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error with %q", err, test.want)
			}
		})
	}
}
