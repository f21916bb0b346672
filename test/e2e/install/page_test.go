//go:build e2e && (spring || mtls)

package install_test

import (
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/mizzen-mesh/mizzen/test/e2e/node"
)

// shop is the namespace in the documents.
const shop = "shop"

// page has the transcripts of a section of a document, whose commands a test runs as a reader does.
type page struct {
	c *node.Cluster
	// dir is the directory that the commands run in.
	dir         string
	transcripts []string
}

func transcripts(t *testing.T, c *node.Cluster, document, section string) page {
	t.Helper()
	return page{c: c, dir: t.TempDir(), transcripts: fenced(t, document, section, "console")}
}

// files writes the files of a section, which begin with their name as a comment, and links the folder of manifests that commands name. replace is
// what the applications of the test have in place of the document's, in files and commands.
func (p page) files(t *testing.T, document, section string, replace *strings.Replacer) {
	t.Helper()
	for _, text := range fenced(t, document, section, "yaml") {
		name, _, _ := strings.Cut(strings.TrimPrefix(text, "# "), "\n")
		if err := os.WriteFile(filepath.Join(p.dir, name), []byte(replace.Replace(text)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for i, text := range p.transcripts {
		p.transcripts[i] = replace.Replace(text)
	}
	if err := os.Symlink(must(filepath.Abs("../../../manifests"))(t), filepath.Join(p.dir, "manifests")); err != nil {
		t.Fatal(err)
	}
}

// fenced returns the blocks of a language in a section of a document.
func fenced(t *testing.T, document, section, language string) (blocks []string) {
	t.Helper()
	text := string(must(os.ReadFile("../../../" + document))(t))
	_, text, found := strings.Cut(text, "\n## "+section+"\n")
	if !found {
		t.Fatalf("%s has no section %q", document, section)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	for _, match := range regexp.MustCompile("(?ms)^ *```"+language+"\n(.*?)^ *```$").FindAllStringSubmatch(text, -1) {
		blocks = append(blocks, match[1])
	}
	return blocks
}

// run runs the commands of the transcript whose first command starts with a text, and returns what they print.
func (p page) run(t *testing.T, first string) string {
	t.Helper()
	for _, transcript := range p.transcripts {
		var commands []string
		for line := range strings.Lines(transcript) {
			if command, ok := strings.CutPrefix(strings.TrimSpace(line), "$ "); ok {
				commands = append(commands, command)
			}
		}
		if len(commands) > 0 && strings.HasPrefix(commands[0], first) {
			return p.shell(t, strings.Join(commands, "\n"))
		}
	}
	t.Fatalf("no transcript starts with %q", first)
	return ""
}

func (p page) shell(t *testing.T, commands string) string {
	t.Helper()
	bin := must(filepath.Abs(cmp.Or(os.Getenv("TESTCLUSTER_BIN"), "../../../hack/testcluster/bin")))(t)
	cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", commands)
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), "KUBECONFIG="+p.c.Kubeconfig, "PATH="+filepath.Dir(p.c.Binary(planeImage))+":"+bin+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s\n%v\n%s", commands, err, out)
	}
	return string(out)
}
