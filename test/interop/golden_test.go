//go:build interop

package interop

import (
	"bytes"
	"encoding/json"
	"errors"
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

const goldens = "../../pkg/translate/testdata"

// elsewhere is what the goldens call, and what is called in its place: nothing but this machine may be.
var elsewhere = []struct {
	what *regexp.Regexp
	here string
}{
	{regexp.MustCompile(`\b\d+(\.\d+\.\d+\.\d+)\b`), "127$1"},
	{regexp.MustCompile(`\bfd00::`), "::"},
	{regexp.MustCompile(`externalName: [a-z.]+`), "externalName: localhost"},
}

// loadGoldens are the objects of all goldens, by the names of the goldens.
func loadGoldens(t *testing.T) map[string]string {
	t.Helper()
	paths, err := filepath.Glob(goldens + "/*/*.in.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("there are no goldens (%v)", err)
	}
	all := map[string]string{}
	for _, path := range paths {
		text := string(must(os.ReadFile(path))(t))
		for _, e := range elsewhere {
			text = e.what.ReplaceAllString(text, e.here)
		}
		all[strings.TrimSuffix(strings.TrimPrefix(path, goldens+"/"), ".in.yaml")] = text
	}
	return all
}

// shop is the client of the goldens. It has all certificate providers that they name.
var shop = clientSpec{
	Namespace: "demo", Labels: map[string]string{"app": "shop"}, Zone: "eu/eu-a",
	Certificates: []string{"default", "system", "shop", "mesh-ca"},
}

// TestGoldens serves the goldens of the translator one after the other to a current client of each language, which calls every
// host there is, and must accept all that it is sent: so say the control plane and the client itself. With -short each client
// takes every third golden, and no golden is taken by none.
func TestGoldens(t *testing.T) {
	for _, l := range languages {
		t.Run(l.name, func(t *testing.T) { acceptGoldens(t, l) })
	}
}

// acceptGoldens fails the test if the client does not take all goldens.
func acceptGoldens(t *testing.T, l *language) {
	t.Helper()
	all := loadGoldens(t)
	if testing.Short() {
		third := slices.IndexFunc(languages, func(current *language) bool { return current.kind == l.kind }) % 3
		for i, name := range slices.Sorted(maps.Keys(all)) {
			if i%3 != third {
				delete(all, name)
			}
		}
	}
	p := startPlane(t, "", "")
	p.certificates = authority.New(t).Client()
	c := startClient(t, l, p.bootstrap(shop), false)
	held, told, encrypted := 0, 0, 0
	for i, name := range slices.Sorted(maps.Keys(all)) {
		n, err := p.take(l, c, all[name], i)
		if errors.Is(err, errEnded) && l.old() {
			// Some ends, and waits without end, are of old clients whatever they are sent. Another one must get over the same golden.
			t.Logf("%s, the first time: %v", name, err)
			c.expendable = true
			c = startClient(t, l, p.bootstrap(shop), false)
			n, err = p.take(l, c, all[name], i)
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			c = startClient(t, l, p.bootstrap(shop), false) // One that ended, or keeps what it refused, says nothing of the next golden.
			continue
		}
		held += n
		if l.kind == "python" && l.old() && !l.release.AtLeast(1, 62) {
			continue // It writes its state in bytes that cannot be read.
		}
		n, err = c.await(t)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		told += n
		encrypted += c.states(t).encrypted(t)
	}
	t.Logf("%d resources were held, %d times a client said so of one itself, %d times of a cluster with TLS settings", held, told, encrypted)
	if encrypted == 0 && !l.old() {
		t.Errorf("the client never took a cluster with TLS settings")
	}
}

// take serves objects to the client, has it call every host, and returns how many resources it holds then, and what it refused.
func (p *plane) take(l *language, c *client, objects string, number int) (held int, refusals error) {
	p.t.Helper()
	p.serve(objects, fmt.Sprintf("golden-%d", number))
	timeout := 200 * time.Millisecond
	if l.kind == "python" {
		// C-core 1.56 may end if the time is over while a call waits for a picker, with or without xDS: grpc/grpc#34844. Its calls do not wait here.
		timeout = 5 * time.Second
	}
	for _, name := range p.listeners() {
		spec := &callSpec{To: name, Method: defaultMethod, Count: 1, Parallel: 1, Timeout: duration(timeout)}
		if _, err := c.call(spec); err != nil {
			return 0, err
		}
	}
	return p.settle()
}

// serve replaces the objects, and returns when they are served: when the Service marker, which is written with them,
// is.
func (p *plane) serve(objects, marker string) {
	p.t.Helper()
	p.replace("objects.yaml", objects, marker)
}

// put replaces a file, and returns when it is served.
func (p *plane) put(name, text string) {
	p.t.Helper()
	p.markers++
	p.replace(name, text, fmt.Sprintf("put-%d", p.markers))
}

func (p *plane) replace(name, text, marker string) {
	p.t.Helper()
	p.write(name, text+fmt.Sprintf("\n---\napiVersion: v1\nkind: Service\nmetadata: {name: %s, namespace: marker}\nspec: {ports: [{port: 80}]}\n", marker))
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
