//go:build interop

package interop

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"sigs.k8s.io/yaml"
)

// scenario is a file of scenarios, and has its name. Those in psm have the names of tests in gRPC's own PSM interop
// suite.
type scenario struct {
	name string
	// About is a sentence about what is shown.
	About string `json:"about"`
	// Backends are the running backends by name. Services has, by Service, the backends that are the endpoints of its
	// port 80, in the namespace demo.
	Backends map[string]backendSpec `json:"backends"`
	Services map[string][]string    `json:"services"`
	// Fallback has the Services of a second control plane, if there is one for when the first is stopped.
	Fallback map[string][]string `json:"fallback"`
	// Objects is YAML with further objects. $NAME in it is the port of a backend.
	Objects string     `json:"objects"`
	Client  clientSpec `json:"client"`
	Steps   []step     `json:"steps"`
	// Except says of a client why the scenario cannot pass with it; it must fail then. A client is the current one of a kind, go, or an old
	// one, go-1.48.
	Except map[string]string `json:"except"`
}

// except says why the scenario cannot pass with a client; it is empty for most.
func (s *scenario) except(l *language) string { return strings.TrimSpace(s.Except[l.name]) }

type backendSpec struct {
	Version string `json:"version"`
	// Zone is REGION/ZONE.
	Zone string `json:"zone"`
	// Family is the address family: ipv4 (the default), ipv6, or dual for both.
	Family string `json:"family"`
	// Account is the service account of its pod. With Proves, the backend accepts only encrypted calls of the mesh,
	// and has a certificate of that account, whatever the pod's account is.
	Account string `json:"account"`
	Proves  string `json:"proves"`
	// Slow backends answer every method as others answer Slow. Load is the share of its CPU that it reports with each answer.
	Slow bool    `json:"slow"`
	Load float64 `json:"load"`
}

type clientSpec struct {
	Namespace string            `json:"namespace"`
	Labels    map[string]string `json:"labels"`
	Zone      string            `json:"zone"`
	// Account is its service account, and Node the node of its pod.
	Account string `json:"account"`
	Node    string `json:"node"`
	// Certificates are the certificate providers that it declares. Each has the mesh's certificates.
	Certificates []string `json:"certificates"`
	// SystemRoots and SNI are the variables that it declares.
	SystemRoots bool `json:"systemRoots"`
	SNI         bool `json:"sni"`
	// Authorities is NAME=FILE of a certificate provider with authorities alone.
	Authorities string `json:"authorities"`
}

// step is a call with its expected results, or an edit.
type step struct {
	// Case is the name in the PSM suite.
	Case string `json:"case"`

	Call   *callSpec   `json:"call"`
	Expect expectation `json:"expect"`

	// Services and Objects replace those of the scenario.
	Services map[string][]string `json:"services"`
	Objects  *string             `json:"objects"`
	// Fail makes that many of a backend's next calls fail as unavailable.
	Fail map[string]int `json:"fail"`
	// Restart restarts the control plane at the same address.
	Restart bool `json:"restart"`
	// Stop stops the control plane, and Start starts it at the same address.
	Stop  bool `json:"stop"`
	Start bool `json:"start"`
	// Acked are the types of which the client reports accepted resources by CSDS, sorted.
	Acked []string `json:"acked"`
	// Reported says that the client's reports agree with what the backends count since the control plane started.
	Reported bool `json:"reported"`
	// Load makes calls like this one until the scenario ends. None of them may fail.
	Load *callSpec `json:"load"`
}

type callSpec struct {
	// To is the target after xds:///.
	To string `json:"to"`
	// Method: a backend answers immediately, but after 2 s if the method is Slow, and never if it is Wait.
	Method  string            `json:"method"`
	Headers map[string]string `json:"headers"`
	// Count is the number of calls (1 by default), and Parallel the number at a time. Spacing is the time between the
	// starts of two calls.
	Count    int      `json:"count"`
	Parallel int      `json:"parallel"`
	Spacing  duration `json:"spacing"`
	Timeout  duration `json:"timeout"`
}

// expectation is the expected result of a step's calls. Fields that are not set are not checked, except that calls
// must succeed.
type expectation struct {
	// Codes is the number of calls that end with each status.
	Codes map[string]int `json:"codes"`
	// Rates are the shares of the statuses, instead of their numbers.
	Rates map[string]float64 `json:"rates"`
	// Text is part of the text of every failed call: one for all languages under "all", or one for each.
	Text map[string]string `json:"text"`
	// From are the backends that answered, and Versions their versions. No others may answer.
	From     []string `json:"from"`
	Versions []string `json:"versions"`
	// One means that a single backend answered all calls.
	One bool `json:"one"`
	// Shares are the shares of the versions. They are checked by Pearson's test.
	Shares map[string]float64 `json:"shares"`
	// Most is how many calls a version may answer at most.
	Most map[string]int `json:"most"`
	// Attempts are the numbers of earlier attempts that the backends received, in order.
	Attempts []string `json:"attempts"`
	// Budget is the longest time until the deadline that a backend saw.
	Budget duration `json:"budget"`
	// Within and AtLeast limit the duration of a call.
	Within  duration `json:"within"`
	AtLeast duration `json:"atLeast"`
	// Eventually repeats the step until its results are as expected.
	Eventually bool `json:"eventually"`
}

type duration time.Duration

func (d *duration) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	value, err := time.ParseDuration(text)
	*d = duration(value)
	return err
}

const defaultMethod = "/interop.Echo/Say"

// loadScenarios reads all scenarios but those of features, sorted by name.
func loadScenarios(t *testing.T) []*scenario {
	t.Helper()
	return loadFolders(t, "scenarios", "scenarios/psm")
}

// baseScenarios are those that are not of the PSM suite.
func baseScenarios(t *testing.T) []*scenario {
	t.Helper()
	return loadFolders(t, "scenarios")
}

func loadFolders(t *testing.T, dirs ...string) []*scenario {
	t.Helper()
	var paths []string
	for _, dir := range dirs {
		found, err := filepath.Glob(dir + "/*.yaml")
		if err != nil || len(found) == 0 {
			t.Fatalf("there is nothing in %s (%v)", dir, err)
		}
		paths = append(paths, found...)
	}
	var all []*scenario
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		s := &scenario{name: strings.TrimPrefix(strings.TrimSuffix(path, ".yaml"), "scenarios/")}
		if err := yaml.UnmarshalStrict(data, s); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if err := s.complete(); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		all = append(all, s)
	}
	return all
}

// complete sets the defaults of a scenario, and rejects fields that would not be checked.
func (s *scenario) complete() error {
	if s.About == "" || len(s.Steps) == 0 {
		return fmt.Errorf("a sentence about it and steps are needed")
	}
	s.Client.Namespace = orElse(s.Client.Namespace, "demo")
	for i := range s.Steps {
		step := &s.Steps[i]
		for _, call := range []*callSpec{step.Call, step.Load} {
			if call == nil {
				continue
			}
			call.Method = orElse(call.Method, defaultMethod)
			call.Count = max(call.Count, 1)
			call.Parallel = max(call.Parallel, 1)
			if call.Timeout == 0 {
				call.Timeout = duration(patience)
			}
		}
		if step.Call == nil {
			continue
		}
		if step.Expect.Codes == nil && step.Expect.Rates == nil {
			step.Expect.Codes = map[string]int{"OK": step.Call.Count}
		}
		for _, name := range slices.Concat(slices.Collect(maps.Keys(step.Expect.Codes)), slices.Collect(maps.Keys(step.Expect.Rates))) {
			if _, err := codeOf(name); err != nil {
				return fmt.Errorf("step %d: %w", i, err)
			}
		}
	}
	for _, backends := range slices.Concat(slices.Collect(maps.Values(s.Services)), slices.Collect(maps.Values(s.Fallback))) {
		for _, name := range backends {
			if _, ok := s.Backends[name]; !ok {
				return fmt.Errorf("there is no backend %q", name)
			}
		}
	}
	for name := range s.Except {
		kind, _, _ := strings.Cut(name, "-")
		if languageOf(kind) == nil {
			return fmt.Errorf("there is no client %q", name)
		}
	}
	return nil
}

// codeOf returns the status code with that name in the gRPC protocol.
func codeOf(name string) (codes.Code, error) {
	var code codes.Code
	err := code.UnmarshalJSON([]byte(`"` + name + `"`))
	return code, err
}

func orElse(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}
