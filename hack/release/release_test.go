package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"debug/buildinfo"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// project is a small one that has everything which a release needs.
var project = map[string]string{
	"go.mod":                            "module example.test/mesh\n\ngo 1.26.0\n",
	"cmd/controlplane/main.go":          "package main\n\nimport \"os\"\n\nfunc main() { println(\"wrong\"); os.Stdout.WriteString(os.Args[2]) }\n",
	"cmd/controlplane-demo/main.go":     "package main\n\nfunc main() {}\n",
	"hack/crds/main.go":                 "package main\n\nimport \"os\"\n\nfunc main() { os.Stdout.WriteString(\"definitions\\n\") }\n",
	"LICENSE":                           "free\n",
	"README.md":                         "read me\n",
	"CHANGELOG.md":                      "# Changelog\n\n## [Unreleased]\n\n- Later.\n\n## [0.2.0] - 2026-12-01\n\n- [New](docs/NEW.md).\n\n[0.2.0]: https://example.test\n",
	"docs/man/controlplane.1":           ".TH\n",
	"agents/java/pom.xml":               "<project><version>0.1.0-SNAPSHOT</version></project>\n",
	"agents/java/agent/pom.xml":         "<project><parent><version>0.1.0-SNAPSHOT</version></parent></project>\n",
	"manifests/chart/Chart.yaml":        "name: mesh\n# a comment\nversion: 0.0.0 # replaced\nappVersion: dev\n",
	"manifests/chart/templates/a.yaml":  "kind: A\n",
	"manifests/chart/templates/_b.yaml": "b\n",
}

// repository makes the project, in one commit, and makes it the working directory.
func repository(t *testing.T, change map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	all := maps.Clone(project)
	maps.Copy(all, change)
	for name, content := range all {
		if content == "" {
			continue
		}
		put(t, filepath.Join(dir, name), content)
	}
	// The real tool, without its tests.
	tool, err := filepath.Glob("../image/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range tool {
		if content, err := os.ReadFile(path); err != nil {
			t.Fatal(err)
		} else if !strings.HasSuffix(path, "_test.go") {
			put(t, filepath.Join(dir, "hack/image", filepath.Base(path)), string(content))
		}
	}
	t.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	for _, who := range []string{"AUTHOR", "COMMITTER"} {
		t.Setenv("GIT_"+who+"_NAME", "somebody")
		t.Setenv("GIT_"+who+"_EMAIL", "somebody@example.test")
		t.Setenv("GIT_"+who+"_DATE", "2026-12-01T00:00:00Z")
	}
	t.Chdir(dir)
	maven(t)
	git(t, "init", "--quiet")
	git(t, "add", ".")
	git(t, "commit", "--quiet", "-m", "all of it")
	return dir
}

// maven puts a program in place of Maven, whose jar tells what it was made of.
func maven(t *testing.T) {
	t.Helper()
	bin := t.TempDir()
	put(t, filepath.Join(bin, "mvn"), "#!/bin/sh\nmkdir -p agent/target && { echo \"$*\"; cat pom.xml agent/pom.xml; } >agent/target/mizzen-agent.jar\n"+
		"mkdir -p starter/target && cp agent/target/mizzen-agent.jar starter/target/mizzen-spring-cloud-starter.jar\n")
	if err := os.Chmod(filepath.Join(bin, "mvn"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+string(filepath.ListSeparator)+os.Getenv("PATH"))
}

// agent is the jar of the release: its time is the commit's, and its version the release's.
const agent = "-B -q -DskipTests -Dproject.build.outputTimestamp=1796083200 package\n<project><version>0.2.0</version></project>\n" +
	"<project><parent><version>0.2.0</version></parent></project>\n"

func git(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "git", args...).CombinedOutput(); err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
}

func put(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func trial(dist string) options {
	return options{
		version: "v0.2.0", dist: dist, platforms: "linux/amd64,linux/arm64 windows/amd64", image: "example.test/mesh",
		flags: []string{"-trimpath", "-ldflags=-s -w"},
	}
}

// TestRelease makes the same release twice, in another place and with other settings of the machine.
func TestRelease(t *testing.T) {
	first, second := filepath.Join(t.TempDir(), "dist"), filepath.Join(t.TempDir(), "a", "dist")
	dir := repository(t, nil)
	if err := run(t.Context(), trial(first)); err != nil {
		t.Fatal(err)
	}
	again := filepath.Join(t.TempDir(), "clone")
	git(t, "clone", "--quiet", dir, again)
	t.Chdir(again)
	git(t, "tag", "v0.2.0")
	git(t, "tag", "v0.3.0-rc.1")
	if err := os.WriteFile("untracked.go", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for key, value := range map[string]string{"TZ": "Asia/Tokyo", "GOAMD64": "v3", "GOFLAGS": "-race", "CGO_ENABLED": "1", "GOARCH": "arm64", "GOOS": "plan9"} {
		t.Setenv(key, value)
	}
	put(t, filepath.Join(second, sums), "an earlier release\n")
	put(t, filepath.Join(second, "old"), "")
	if err := run(t.Context(), trial(second)); err != nil {
		t.Fatal(err)
	}
	want, got := contents(t, first), contents(t, second)
	for name := range want {
		if !bytes.Equal(want[name], got[name]) {
			t.Errorf("%s differs from the first release", name)
		}
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got))); diff != "" {
		t.Errorf("the files differ (-first +second):\n%s", diff)
	}
	checkFiles(t, want)
	checkSums(t, want)
	checkArchives(t, want)
}

func contents(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	files, err := readFiles(os.DirFS(dir), ".", "")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	for _, f := range files {
		all[f.name] = f.content
	}
	return all
}

func checkFiles(t *testing.T, files map[string][]byte) {
	t.Helper()
	want := []string{
		"SHA256SUMS",
		"mesh-0.2.0.tgz",
		"mizzen-v0.2.0-agent.jar",
		"mizzen-v0.2.0-crds.yaml",
		"mizzen-v0.2.0-demo-linux-amd64.spdx.json",
		"mizzen-v0.2.0-demo-linux-arm64.spdx.json",
		"mizzen-v0.2.0-demo-windows-amd64.spdx.json",
		"mizzen-v0.2.0-image-linux-amd64.tar",
		"mizzen-v0.2.0-image-linux-arm64.tar",
		"mizzen-v0.2.0-image.oci.tar",
		"mizzen-v0.2.0-linux-amd64.spdx.json",
		"mizzen-v0.2.0-linux-amd64.tar.gz",
		"mizzen-v0.2.0-linux-arm64.spdx.json",
		"mizzen-v0.2.0-linux-arm64.tar.gz",
		"mizzen-v0.2.0-spring-cloud-starter.jar",
		"mizzen-v0.2.0-windows-amd64.spdx.json",
		"mizzen-v0.2.0-windows-amd64.zip",
		"release-notes.md",
	}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(files))); diff != "" {
		t.Errorf("files of the release (-want +got):\n%s", diff)
	}
	for name, want := range map[string]string{
		"release-notes.md":                       "- [New](https://example.test/mesh/blob/v0.2.0/docs/NEW.md).\n",
		"mizzen-v0.2.0-crds.yaml":                "definitions\n",
		"mizzen-v0.2.0-agent.jar":                agent,
		"mizzen-v0.2.0-spring-cloud-starter.jar": agent,
		"mizzen-v0.2.0-windows-amd64.spdx.json":  `"versionInfo": "v0.2.0"`,
	} {
		if !strings.Contains(string(files[name]), want) {
			t.Errorf("%s: got %q, want %q in it", name, files[name], want)
		}
	}
}

func checkSums(t *testing.T, files map[string][]byte) {
	t.Helper()
	var want strings.Builder
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if name != sums {
			fmt.Fprintf(&want, "%x  %s\n", sha256.Sum256(files[name]), name)
		}
	}
	if diff := cmp.Diff(want.String(), string(files[sums])); diff != "" {
		t.Errorf("%s (-want +got):\n%s", sums, diff)
	}
}

func checkArchives(t *testing.T, files map[string][]byte) {
	t.Helper()
	var common []string
	for _, name := range []string{
		"CHANGELOG.md", "LICENSE", "README.md", "completions/controlplane.bash", "completions/controlplane.fish",
		"completions/controlplane.ps1", "completions/controlplane.zsh", "man/controlplane.1", "mizzen-agent.jar",
	} {
		common = append(common, name+" -rw-r--r--")
	}
	for name, binary := range map[string]string{
		"mizzen-v0.2.0-linux-amd64.tar.gz": "controlplane", "mizzen-v0.2.0-linux-arm64.tar.gz": "controlplane",
		"mizzen-v0.2.0-windows-amd64.zip": "controlplane.exe",
	} {
		got, content := unpack(t, name, files[name])
		top := strings.TrimSuffix(strings.TrimSuffix(name, ".tar.gz"), ".zip")
		var want []string
		own := []string{binary + " -rwxr-xr-x", "controlplane-demo -rwxr-xr-x", "kubectl-mizzen Lrwxr-xr-x", "kubectl_complete-mizzen Lrwxr-xr-x"}
		if binary == "controlplane.exe" {
			own = []string{binary + " -rwxr-xr-x", "controlplane-demo.exe -rwxr-xr-x", "kubectl-mizzen.cmd -rwxr-xr-x"}
			if got, want := string(content[top+"/kubectl-mizzen.cmd"]), "@\"%~dp0controlplane.exe\" %*\r\n"; got != want {
				t.Errorf("%s: got the plugin %q, want %q", name, got, want)
			}
		} else if got := string(content[top+"/kubectl-mizzen"]); got != "controlplane" {
			t.Errorf("%s: got a link to %q, want one to the binary", name, got)
		}
		for _, f := range append(own, common...) {
			want = append(want, top+"/"+f)
		}
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		info, err := buildinfo.Read(bytes.NewReader(content[top+"/"+binary]))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if info.Main.Version != "v0.2.0" {
			t.Errorf("%s: got version %q, want v0.2.0", name, info.Main.Version)
		}
		if got := string(content[top+"/mizzen-agent.jar"]); got != agent {
			t.Errorf("%s: got the agent %q, want %q", name, got, agent)
		}
		if got := string(content[top+"/completions/controlplane.zsh"]); got != "zsh\n" {
			t.Errorf("%s: got completions %q, want what the binary prints on standard output", name, got)
		}
	}
	names, content := unpack(t, "mesh-0.2.0.tgz", files["mesh-0.2.0.tgz"])
	want := []string{"mesh/Chart.yaml -rw-r--r--", "mesh/templates/_b.yaml -rw-r--r--", "mesh/templates/a.yaml -rw-r--r--"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("chart (-want +got):\n%s", diff)
	}
	if got, want := string(content["mesh/Chart.yaml"]), "name: mesh\n# a comment\nversion: 0.2.0\nappVersion: v0.2.0\n"; got != want {
		t.Errorf("Chart.yaml: got %q, want %q", got, want)
	}
	names, _ = unpack(t, "mizzen-v0.2.0-image.oci.tar", files["mizzen-v0.2.0-image.oci.tar"])
	if !slices.Contains(names, "index.json -rw-r--r--") || !slices.Contains(names, "oci-layout -rw-r--r--") {
		t.Errorf("got an image of %v, want an OCI layout", names)
	}
}

// unpack returns the names and modes of the files of an archive, and what is in them.
func unpack(t *testing.T, name string, archive []byte) (names []string, content map[string][]byte) {
	t.Helper()
	content = map[string][]byte{}
	add := func(info os.FileInfo, path string, r io.Reader) {
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.ModTime().UTC().Format("2006-01-02 15:04:05"); got != "2026-12-01 00:00:00" {
			t.Errorf("%s: %s is of %s, not as old as the commit", name, path, got)
		}
		names, content[path] = append(names, path+" "+info.Mode().String()), text
	}
	defer func() { slices.Sort(names) }()
	if strings.HasSuffix(name, ".zip") {
		z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range z.File {
			r, err := f.Open()
			if err != nil {
				t.Fatal(err)
			}
			add(f.FileInfo(), f.Name, r)
		}
		return names, content
	}
	var r io.Reader = bytes.NewReader(archive)
	if strings.HasSuffix(name, "gz") {
		unzipped, err := gzip.NewReader(r)
		if err != nil {
			t.Fatal(err)
		}
		r = unzipped
	}
	for archive := tar.NewReader(r); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return names, content
		}
		if err != nil {
			t.Fatal(err)
		}
		var r io.Reader = archive
		if header.Linkname != "" {
			r = strings.NewReader(header.Linkname)
		}
		add(header.FileInfo(), header.Name, r)
	}
}

func TestRefused(t *testing.T) {
	cases := map[string]struct {
		change map[string]string
		git    []string
		edit   func(*options)
		want   string
	}{
		"no version":              {edit: func(o *options) { o.version = "" }, want: "make release VERSION=v0.2.0"},
		"a version without v":     {edit: func(o *options) { o.version = "0.2.0" }, want: "write v0.2.0"},
		"half a version":          {edit: func(o *options) { o.version = "v0.2" }, want: "is not a version"},
		"a version with metadata": {edit: func(o *options) { o.version = "v0.2.0+a" }, want: "is not a version"},
		"a word":                  {edit: func(o *options) { o.version = "latest" }, want: "is not a version"},
		"an unknown platform":     {edit: func(o *options) { o.platforms = "linux/386" }, want: `no release for "linux/386"`},
		"no platform":             {edit: func(o *options) { o.platforms = " " }, want: "name a platform"},
		"a directory of others":   {edit: func(o *options) { o.dist = "docs" }, want: "is not an earlier release"},
		"a file":                  {edit: func(o *options) { o.dist = "LICENSE" }, want: "is not an earlier release"},
		"an edited file":          {git: []string{"rm", "LICENSE"}, want: "differ from it: commit or restore them\nD  LICENSE"},
		"another commit's tag":    {git: []string{"tag", "v0.2.0", "HEAD^"}, want: "git checkout v0.2.0"},
		"a tag without a section": {
			change: map[string]string{"CHANGELOG.md": "## [Unreleased]\n- Later.\n"}, git: []string{"tag", "v0.2.0"},
			want: "no section [0.2.0]: a release needs one",
		},
		"no section at all": {change: map[string]string{"CHANGELOG.md": "# Changelog\n"}, want: "neither a section [0.2.0] nor [Unreleased]"},
		"a version that the module cannot have": {
			edit: func(o *options) { o.version = "v2.0.0" }, want: "not v2.0.0: does the module's path",
		},
		"a binary that is too large": {edit: func(o *options) { o.most, o.others = 1000, 1<<30 }, want: "more than 1000: see docs/adr/0015"},
		"a binary for Windows that is too large": {
			edit: func(o *options) { o.most, o.others, o.platforms = 1<<30, 2000, "windows/amd64" }, want: "more than 2000: see docs/adr/0015",
		},
		"an agent of another version": {
			change: map[string]string{"agents/java/agent/pom.xml": "<project/>\n"},
			want:   "agent/pom.xml does not contain <version>0.1.0-SNAPSHOT</version>",
		},
		"a chart without a version": {
			change: map[string]string{"manifests/chart/Chart.yaml": "name: mesh\n"}, want: "the chart needs a name, a version and an appVersion",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			repository(t, c.change)
			git(t, "commit", "--quiet", "--allow-empty", "-m", "more")
			if c.git != nil {
				git(t, c.git...)
			}
			o := trial(filepath.Join(t.TempDir(), "dist"))
			o.platforms = "linux/amd64"
			if c.edit != nil {
				c.edit(&o)
			}
			err := run(t.Context(), o)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if _, err := os.Stat(filepath.Join(o.dist, sums)); err == nil {
				t.Error("a release was written nevertheless")
			}
		})
	}
}

func TestNoRepository(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := run(t.Context(), trial("dist")); err == nil || !strings.Contains(err.Error(), "not a git checkout") {
		t.Errorf("got %v, want an error that asks for a checkout", err)
	}
}

// TestTrial makes a release without a tag, a section and a chart. Its notes are the section [Unreleased].
func TestTrial(t *testing.T) {
	repository(t, map[string]string{
		"CHANGELOG.md": "## [Unreleased]\n\n- Later.\n", "manifests/chart/Chart.yaml": "", "manifests/chart/templates/a.yaml": "",
		"manifests/chart/templates/_b.yaml": "", "docs/man/controlplane.1": "", "agents/java/pom.xml": "", "agents/java/agent/pom.xml": "",
	})
	o := trial(filepath.Join(t.TempDir(), "dist"))
	o.platforms = "windows/amd64"
	if err := run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	files := contents(t, o.dist)
	if got := string(files["release-notes.md"]); got != "- Later.\n" {
		t.Errorf("notes: got %q", got)
	}
	want := []string{
		"SHA256SUMS", "mizzen-v0.2.0-crds.yaml", "mizzen-v0.2.0-demo-windows-amd64.spdx.json", "mizzen-v0.2.0-windows-amd64.spdx.json", "mizzen-v0.2.0-windows-amd64.zip", "release-notes.md",
	}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(files))); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}
