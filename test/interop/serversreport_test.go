//go:build interop

package interop

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// serversTitle begins the part of the document about servers.
const serversTitle = "\n## xDS servers\n"

const serversHead = serversTitle + `
Servers in four languages, and one with an old C-core, get their Listener from the ` + "`controlplane`" + ` binary. Each is a separate process that is configured only by what
` + "`controlplane bootstrap`" + ` prints, uses xDS credentials, and has a certificate whose files are replaced as kubelet does it. Clients are those above, and a client without xDS
that connects as it likes. The programs are in [test/interop/servers](../test/interop/servers). C-core is the same library
in Python and C++; as a package for C++ there is only version 1.51, in Debian.
`

// TestServers plays everything with servers, and compares what came out with docs/INTEROP.md. Most is played with the same servers, one
// after the other.
func TestServers(t *testing.T) {
	s := newStage(t, false)
	agents, played, calls, cases := s.agents(), 0, 0, loadVerdicts(t)
	run := func(name string, play func(t *testing.T)) {
		t.Run(name, func(t *testing.T) {
			play(t)
			played++
		})
	}
	run("verdicts", func(t *testing.T) { calls = s.verdicts(t, cases) })
	run("goldens", s.goldens)
	for _, change := range transitions {
		run(change.name, func(t *testing.T) {
			on := s
			if change.plain {
				on = newStage(t, true)
			}
			on.play(t, change)
		})
	}
	run("migration", migrate)
	run("endpoints", flap)
	const others = 4
	if t.Failed() || played != len(transitions)+others {
		t.Logf("not all was played: %s is left alone", document)
		return
	}
	compareServers(t, serversText(agents, cases, calls))
}

// compareServers compares the part about servers with the document.
func compareServers(t *testing.T, text string) {
	t.Helper()
	own, others := read(t)
	spring := others
	if i := strings.Index(others, springTitle); i >= 0 {
		spring = others[i:]
	}
	if *update {
		if err := os.WriteFile(document, []byte(own+text+spring), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(strings.TrimSuffix(others, spring), text); diff != "" {
		t.Errorf("%s differs from the results (-written +got); run `make interop UPDATE=-update`:\n%s", document, diff)
	}
}

func serversText(agents map[string]string, cases []verdictCase, calls int) string {
	var text, notes strings.Builder
	text.WriteString(serversHead)
	numbers := map[string]int{}
	columns := func(first string) {
		fmt.Fprintf(&text, "\n| %s | what it shows |", first)
		for _, kind := range serverKinds {
			fmt.Fprintf(&text, " %s |", agents[kind.name])
		}
		text.WriteString("\n|---|---|" + strings.Repeat("---|", len(serverKinds)) + "\n")
	}
	columns("change")
	for _, change := range transitions {
		fmt.Fprintf(&text, "| %s | %s |", change.name, change.about)
		for _, kind := range serverKinds {
			cell := "yes"
			if why := change.except[kind.name]; why != "" {
				cell = fmt.Sprintf("no (%d)", note(&notes, numbers, why))
			}
			fmt.Fprintf(&text, " %s |", cell)
		}
		text.WriteString("\n")
	}
	if notes.Len() > 0 {
		text.WriteString("\nWhy not:\n\n" + notes.String())
	}
	fmt.Fprintf(&text, "\n### From plaintext to policies, and back\n\nA Service has a server in each language. Clients in four languages call it all the time, and no call fails.\n\n"+
		"| step | servers see as the client |\n|---|---|\n")
	for _, step := range migrationSteps {
		fmt.Fprintf(&text, "| %s | %s |\n", step.name, strings.Join(peersText(step.peers), " and "))
	}
	text.WriteString("\nNor does a call fail while the only endpoint in plaintext of a Service, and those with mTLS, which have two service accounts, come and go.\n")
	fmt.Fprintf(&text, "\n### Calls that policies allow\n\n%d calls by clients with %d identities, in plaintext, without a certificate and with one of a foreign authority were made, and as many judged by\n"+
		"`controlplane authz`. [verdicts.yaml](../test/interop/verdicts.yaml) has the policies.\n", calls, len(verdictCallers))
	columns("policy")
	for _, c := range cases {
		fmt.Fprintf(&text, "| %s | %s |", c.Name, c.About)
		for _, kind := range serverKinds {
			cell := "yes"
			if _, ok := c.Narrower[kind.name]; ok {
				cell = "allows fewer"
			}
			fmt.Fprintf(&text, " %s |", cell)
		}
		text.WriteString("\n")
	}
	return text.String()
}

// peersText are identities as the document writes them.
func peersText(peers []string) (texts []string) {
	for _, p := range peers {
		texts = append(texts, map[bool]string{true: "no identity", false: "`" + p + "`"}[p == ""])
	}
	return texts
}
