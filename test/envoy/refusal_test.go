//go:build envoy

package envoy

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// TestRefusal has rules of many hosts change at once, one of which Envoy refuses: it compares bytes, so it knows no character by that number. The other
// hosts follow their new rules, the refused one keeps its old ones, and the Problem is about that one alone.
func TestRefusal(t *testing.T) {
	const hosts, bad = 7, 3
	base := service("http", startBackend(t, "v1"))
	answering := func(text string, uri func(host int) string) string {
		all := base
		for i := range hosts {
			all += fmt.Sprintf(`
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: host-%[1]d, namespace: demo}
spec: {hosts: [host-%[1]d.example.com], http: [{match: [{uri: {%[3]s}}], directResponse: {status: 200, body: {string: %[2]s}}}, {directResponse: {status: 200, body: {string: %[2]s}}}]}
`, i, text, uri(i))
		}
		return all
	}
	good := func(int) string { return "prefix: /x" }
	for _, as := range []protocol{delta, sotw} {
		t.Run(string(as), func(t *testing.T) {
			m := startPlane(t, answering("first", good))
			egress := freeAddress(t)
			startEnvoyWith(t, m, as, place{namespace: "demo", egress: egress})
			shows := func(want, ofBad string) {
				t.Helper()
				eventually(t, func() error {
					for i := range hosts {
						expected := want
						if i == bad {
							expected = ofBad
						}
						if r := call(t, caller(false), egress, "/", fmt.Sprintf("host=host-%d.example.com", i)); r.body != expected {
							return fmt.Errorf("host %d: got %+v, want %s", i, r, expected)
						}
					}
					return nil
				})
			}
			shows("first", "first")
			m.write(answering("second", func(host int) string {
				if host == bad {
					return `regex: '/\x{101}'`
				}
				return good(host)
			}))
			shows("second", "first")
			eventually(t, func() error {
				refused := m.refusals()
				if len(refused) != 1 || !strings.Contains(refused[0], fmt.Sprintf("host-%d", bad)) {
					return fmt.Errorf("got the refusals %q, want one", refused)
				}
				return nil
			})
			t.Log(m.refusals())
			m.write(answering("third", good))
			shows("third", "third")
		})
	}
}

// refusals returns the Problems about what clients refuse.
func (m *meshPlane) refusals() (all []string) {
	m.t.Helper()
	out := must(exec.Command(binary, "inspect", "problems", "-o", "json", "--address", m.admin).Output())(m.t)
	var problems []mesh.Problem
	if err := json.Unmarshal(out, &problems); err != nil {
		m.t.Fatalf("inspect problems: %v\n%s", err, out)
	}
	for _, p := range problems {
		if p.Code == mesh.CodeRefused {
			all = append(all, p.Object.String()+": "+p.Message)
		}
	}
	return all
}
