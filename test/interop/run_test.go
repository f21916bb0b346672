//go:build interop

package interop

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mizzen-mesh/mizzen/test/authority"
)

// run is one scenario with one language.
type run struct {
	t        *testing.T
	scenario *scenario
	language *language
	backends map[string]*backend
	plane    *plane
	// fallback is the second control plane; nil if there is none. stopped is true while the first one is stopped.
	fallback *plane
	stopped  bool
	client   caller
	// patience is how long a step that is expected eventually may take. A probe finds out whether the scenario passes at all.
	patience time.Duration
	probe    bool
	// told probes find it out with what the client's own version is sent, others with the newest form of everything.
	told bool
	// load stops the calls in the background, and returns the first error.
	load func() error
}

// caller is a client that runs scenarios.
type caller interface {
	call(spec *callSpec) ([]outcome, error)
	states(t *testing.T) states
	await(t *testing.T) (int, error)
}

// expectedFailureTimeout is how long a scenario that should fail is repeated before its failure counts.
const expectedFailureTimeout = 3 * time.Second

// play runs a scenario. It returns the user agent of the client, and an error if a result was not as expected.
func play(t *testing.T, s *scenario, l *language) (agent string, failure error) {
	t.Helper()
	r := &run{t: t, scenario: s, language: l, backends: map[string]*backend{}, patience: patience}
	if s.except(l) != "" {
		r.patience = expectedFailureTimeout
	}
	return r.play()
}

func (r *run) play() (agent string, failure error) {
	t, s, l := r.t, r.scenario, r.language
	t.Helper()
	mesh := authority.New(t)
	for name, spec := range s.Backends {
		if l.suite {
			r.backends[name] = newSuiteServer(t, name, spec)
		} else {
			r.backends[name] = newBackend(t, name, spec, mesh)
		}
	}
	r.plane = startPlane(t, r.services(s.Services), r.objects(s.Objects))
	if len(s.Client.Certificates) > 0 {
		r.plane.certificates = mesh.Client()
	}
	bootstrap, shown := r.plane.bootstrap(s.Client), l.agent
	if r.probe && !r.told {
		shown = disguiseAgent
		bootstrap = strings.ReplaceAll(bootstrap, r.plane.xds, startDisguise(t, r.plane.xds))
	}
	if s.Fallback != nil {
		r.fallback = startPlane(t, r.services(s.Fallback), r.objects(s.Objects))
		bootstrap = addServer(t, bootstrap, r.fallback.bootstrap(s.Client))
	}
	if l.suite {
		r.client = startSuite(t, s, bootstrap)
	} else {
		r.client = startClient(t, l, bootstrap, r.probe)
	}
	for i, step := range s.Steps {
		if failure = r.step(step); failure != nil {
			failure = fmt.Errorf("step %d %s: %w", i+1, step.Case, failure)
			break
		}
		if step.Call != nil && (!r.stopped || len(r.fallback.clients()) > 0) {
			if agent, failure = r.serving().acknowledged(shown); failure != nil {
				if !r.probe {
					t.Error(failure)
				}
				break
			}
		}
	}
	if r.load != nil {
		if err := r.load(); failure == nil {
			failure = err
		}
	}
	return agent, failure
}

// objects returns objects with the port of each backend in place of its name after a $.
func (r *run) objects(text string) string {
	for name, b := range r.backends {
		text = strings.ReplaceAll(text, "$"+name, strconv.Itoa(b.port))
	}
	return text
}

func (r *run) step(s step) error {
	switch {
	case s.Call != nil:
		return r.call(s)
	case s.Load != nil:
		return r.startLoad(s.Load)
	case s.Services != nil:
		r.plane.write("services.yaml", r.services(s.Services))
	case s.Objects != nil:
		r.plane.write("objects.yaml", r.objects(*s.Objects))
	case s.Fail != nil:
		for name, calls := range s.Fail {
			r.backends[name].failures.Store(int32(calls))
		}
	case s.Restart:
		r.plane.stop()
		for _, b := range r.backends {
			b.served.Store(0)
			b.failed.Store(0)
		}
		r.plane.start()
		r.plane.await()
	case s.Stop:
		r.plane.stop()
		r.stopped = true
	case s.Start:
		r.plane.start()
		r.stopped = false
	case s.Reported:
		return r.reported()
	case s.Acked != nil:
		return r.acked(s.Acked)
	default:
		return fmt.Errorf("the step is empty")
	}
	return nil
}

// serving returns the control plane from which clients get their resources.
func (r *run) serving() *plane {
	if r.stopped {
		return r.fallback
	}
	return r.plane
}

// acked reads from the client, by CSDS, which types it has accepted.
func (r *run) acked(want []string) error {
	if _, err := r.client.await(r.t); err != nil {
		return err
	}
	if got := slices.Sorted(maps.Keys(r.client.states(r.t))); !slices.Equal(got, want) {
		return fmt.Errorf("the client has accepted %q, want %q", got, want)
	}
	return nil
}

// addServer adds the control plane of another bootstrap as the second choice.
func addServer(t *testing.T, bootstrap, other string) string {
	t.Helper()
	var first, second map[string]any
	for text, into := range map[string]*map[string]any{bootstrap: &first, other: &second} {
		if err := json.Unmarshal([]byte(text), into); err != nil {
			t.Fatal(err)
		}
	}
	first["xds_servers"] = append(first["xds_servers"].([]any), second["xds_servers"].([]any)...)
	return string(must(json.Marshal(first))(t))
}

// call makes the calls of a step, and repeats them if the results are expected eventually.
func (r *run) call(s step) error {
	spec := *s.Call
	spec.Timeout = min(spec.Timeout, duration(r.patience))
	if r.scenario.except(r.language) != "" && s.Expect.Codes["OK"] == spec.Count && !s.Expect.Eventually {
		// A scenario that fails may take the timeout of each of its calls, so a few of many come first.
		few := spec
		few.Count = min(spec.Count, spec.Parallel)
		outcomes, err := r.client.call(&few)
		if err == nil {
			err = (&expectation{Codes: map[string]int{"OK": few.Count}}).check(r.language, outcomes, nil)
		}
		if err != nil {
			return err
		}
	}
	for end := time.Now().Add(r.patience); ; {
		for _, b := range r.backends {
			b.take()
		}
		outcomes, err := r.client.call(&spec)
		if err != nil {
			return err
		}
		var sights []observation
		for _, b := range r.backends {
			sights = append(sights, b.take()...)
		}
		err = s.Expect.check(r.language, outcomes, sights)
		if err == nil || !s.Expect.Eventually || time.Now().After(end) {
			return err
		}
	}
}

// startLoad makes calls in the background after the first one was answered.
func (r *run) startLoad(spec *callSpec) error {
	calls := 0
	once := func() error {
		outcomes, err := r.client.call(spec)
		if err != nil {
			return err
		}
		for _, o := range outcomes {
			if o.Code != 0 {
				return fmt.Errorf("after %d calls one ended with status %d: %s", calls, o.Code, o.Text)
			}
			calls++
		}
		return nil
	}
	if err := once(); err != nil {
		return err
	}
	var stopped atomic.Bool
	ended := make(chan error, 1)
	go func() {
		var err error
		for err == nil && !stopped.Load() {
			err = once()
		}
		ended <- err
	}()
	r.load = func() error {
		stopped.Store(true)
		err := <-ended
		r.t.Logf("%d calls were answered in the background", calls)
		return err
	}
	return nil
}

// services returns Services with one port, each with the slices and pods of its backends.
func (r *run) services(services map[string][]string) string {
	var docs []string
	doc := func(format string, args ...any) { docs = append(docs, fmt.Sprintf(format, args...)) }
	for name, backends := range services {
		doc("apiVersion: v1\nkind: Service\nmetadata: {name: %s, namespace: demo}\nspec: {ports: [{name: grpc, port: 80}]}\n", name)
		for _, backend := range backends {
			b := r.backends[backend]
			region, zone, _ := strings.Cut(b.spec.Zone, "/")
			for _, family := range b.families() {
				doc(`apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: %s-%s-%s, namespace: demo, labels: {kubernetes.io/service-name: %s}}
addressType: %s
ports: [{name: grpc, port: %d}]
endpoints:
- addresses: ["%s"]
  conditions: {ready: true}
  zone: %q
  nodeName: node-%s
  targetRef: {kind: Pod, name: %s, namespace: demo}
`, name, b.name, strings.ToLower(family), name, family, b.port, loopback[family], zone, b.name, b.name)
			}
			doc("apiVersion: v1\nkind: Pod\nmetadata: {name: %s, namespace: demo, labels: {version: %s}}\nspec: {serviceAccountName: %q}\n",
				b.name, b.spec.Version, b.spec.Account)
			doc("apiVersion: v1\nkind: Node\nmetadata: {name: node-%s, labels: {topology.kubernetes.io/region: %q, topology.kubernetes.io/zone: %q}}\n",
				b.name, region, zone)
		}
	}
	slices.Sort(docs)
	return strings.Join(slices.Compact(docs), "---\n")
}
