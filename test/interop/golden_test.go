//go:build interop

package interop

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mizzen-mesh/mizzen/test/authority"
)

const goldens = "../../pkg/translate/testdata/*/*.in.yaml"

// addresses matches the addresses in goldens. They are replaced by addresses of this machine, so that nothing else is
// called.
var addresses = regexp.MustCompile(`\b\d+(\.\d+\.\d+\.\d+)\b`)

// elsewhere matches goldens whose endpoints cannot be replaced: DNS names, and the other address family.
var elsewhere = regexp.MustCompile(`ExternalName|IPv6`)

// shop is the client of the goldens. It has all certificate providers that they name.
var shop = clientSpec{
	Namespace: "demo", Labels: map[string]string{"app": "shop"}, Zone: "eu/eu-a",
	Certificates: []string{"default", "system", "shop", "mesh-ca"},
}

// TestGoldens serves the goldens of the translation, one after the other, to a client of each language. The client
// calls all hosts, and must accept all resources: both the control plane and the client must report that.
func TestGoldens(t *testing.T) {
	paths, err := filepath.Glob(goldens)
	if err != nil || len(paths) == 0 {
		t.Fatalf("there are no goldens (%v)", err)
	}
	for _, l := range slices.Concat(languages, older) {
		t.Run(l.name, func(t *testing.T) {
			p := startPlane(t, "", "")
			p.certificates = authority.New(t).Client()
			c := startClient(t, l, p.bootstrap(shop))
			held, told, encrypted := 0, 0, 0
			for i, path := range paths {
				data, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if elsewhere.Match(data) {
					continue
				}
				p.serve(addresses.ReplaceAllString(string(data), "127$1"), fmt.Sprintf("golden-%d", i))
				for _, name := range p.listeners() {
					spec := &callSpec{To: name, Method: defaultMethod, Count: 1, Parallel: 1, Timeout: duration(200 * time.Millisecond)}
					if _, err := c.call(spec); err != nil {
						t.Fatalf("%s: %v", path, err)
					}
				}
				n, err := p.settle()
				if err != nil {
					t.Errorf("%s: %v", path, err)
				}
				held += n
				if l.noCSDS {
					continue
				}
				n, err = c.await(t)
				if err != nil {
					t.Errorf("%s: %v", path, err)
				}
				told += n
				encrypted += c.states(t).encrypted(t)
			}
			t.Logf("%d resources were acknowledged, clients reported %d resources as accepted, %d of these were clusters with TLS settings", held, told, encrypted)
			if encrypted == 0 && !l.noCSDS {
				t.Errorf("the client accepted no cluster with TLS settings")
			}
		})
	}
}

// serve replaces the objects, and returns when they are served: when the Service marker, which is written with them,
// is.
func (p *plane) serve(objects, marker string) {
	p.t.Helper()
	p.write("objects.yaml", objects+fmt.Sprintf("\n---\napiVersion: v1\nkind: Service\nmetadata: {name: %s, namespace: marker}\nspec: {ports: [{port: 80}]}\n", marker))
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !bytes.Contains(p.inspect("resources"), []byte(marker+".marker")); <-tick.C {
		if time.Now().After(end) {
			p.t.Fatalf("%s is not served after %v", marker, patience)
		}
	}
}

// listeners returns the names of all Listeners except those of markers.
func (p *plane) listeners() []string {
	p.t.Helper()
	out := must(exec.Command(binary, "render", "-f", p.dir, "--type", "lds", "-o", "json", "--as", "demo/shop").Output())(p.t)
	var document struct {
		Resources []struct {
			Name string `json:"name"`
		} `json:"resources"`
	}
	if err := json.Unmarshal(out, &document); err != nil {
		p.t.Fatalf("render: %v\n%s", err, out)
	}
	names := map[string]bool{}
	for _, r := range document.Resources {
		if !strings.Contains(r.Name, ".marker") {
			names[r.Name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// settle waits until the client has answered all of its responses. It returns the number of acknowledged resources,
// and the rejections as an error.
func (p *plane) settle() (held int, refusals error) {
	p.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); ; <-tick.C {
		held = 0
		asked := 0
		var refused []string
		for _, c := range p.clients() {
			for _, t := range c.Types {
				asked += len(t.Names)
				held += t.Accepted
				for name, why := range t.Refused {
					refused = append(refused, fmt.Sprintf("refused %s %q: %s", t.Type, name, why))
				}
			}
		}
		switch {
		case len(refused) > 0:
			return held, fmt.Errorf("%s", strings.Join(refused, "\n"))
		case held == asked:
			return held, nil
		case time.Now().After(end):
			return held, fmt.Errorf("the client subscribed to %d resources and has %d: %s", asked, held, p.inspect("clients"))
		}
	}
}
