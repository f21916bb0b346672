package assemble

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/internal/watchtest"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

func pinnedService(id string, until time.Time) string {
	return strings.Replace(watchtest.EchoService, "metadata: {", "metadata: {annotations: {mizzen.dev/pin: \""+id+","+until.UTC().Format("2006-01-02T15:04Z07:00")+"\"}, ", 1)
}

func sends(name, to string) string {
	return watchtest.VirtualService(name, "01", "hosts: [echo], http: [{route: [{destination: {host: "+to+"}}]}]")
}

// TestPin holds the rules for a host as of a generation, until the pin ends, while edits go on. What did not exist then has no effect,
// and what existed only then is back.
func TestPin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		then := map[object.Key]*object.Object{}
		for _, o := range watchtest.Objects(t, sends("cart", "one")+watchtest.DestinationRule("gone", "01", "host: echo, subsets: [{name: old}]")+sends("other", "x")) {
			if o.Key.Name != "other" {
				then[o.Key] = o
			}
		}
		a := newTestAssembler()
		a.rollouts.generations = func(id string) (map[object.Key]*object.Object, error) {
			if id != "g-3f2a91" {
				return nil, errors.New("generation " + id + " is not kept")
			}
			return then, nil
		}
		end := time.Now().Add(time.Hour)
		w := apply(t, a, pinnedService("g-3f2a91", end)+sends("cart", "two")+sends("young", "three"))
		subsetOf := func() string {
			if rule := watchtest.Get(w.DestinationRules, watchtest.EchoHost).For("demo", "", 1); rule != nil {
				return rule.Subsets[0].Name
			}
			return ""
		}
		wantDestinations(t, w, "one", "one")
		if subsetOf() != "old" {
			t.Errorf("got subset %q, want that of the generation", subsetOf())
		}
		if n := len(slices.Collect(watchtest.Get(w.VirtualServices, watchtest.EchoHost).For("demo").All())); n != 1 {
			t.Errorf("clients follow %d VirtualServices, want the one of the generation", n)
		}
		if lines := watchtest.ProblemLines(w); !strings.Contains(strings.Join(lines, "\n"), "warning Pinned Service demo/echo") {
			t.Errorf("got problems %q, want that the host is pinned", lines)
		}
		w = apply(t, a, sends("cart", "four")+watchtest.DestinationRule("fresh", "01", "host: echo, subsets: [{name: new}]"))
		wantDestinations(t, w, "one", "one")
		if subsetOf() != "old" {
			t.Errorf("got subset %q after an edit, want that of the generation", subsetOf())
		}
		in, due := a.Due(time.Now())
		if !due || in > time.Hour {
			t.Fatalf("the next World is due in %v, %v; want when the pin ends", in, due)
		}
		<-time.After(in)
		w = a.World()
		wantDestinations(t, w, "four", "four")
		if subsetOf() != "new" {
			t.Errorf("got subset %q after the end, want the current one", subsetOf())
		}
		if lines := strings.Join(watchtest.ProblemLines(w), "\n"); !strings.Contains(lines, "The pin ended") {
			t.Errorf("got problems\n%s\nwant that the pin ended", lines)
		}
		w = apply(t, a, watchtest.EchoService)
		if lines := strings.Join(watchtest.ProblemLines(w), "\n"); strings.Contains(lines, "Pinned") || len(a.rollouts.versions)+len(a.rules.shares) > 0 {
			t.Errorf("got problems\n%s\nwant that nothing is left of the pin", lines)
		}
	})
}

// TestPinWithoutGeneration holds nothing, and says so.
func TestPinWithoutGeneration(t *testing.T) {
	a := newTestAssembler()
	a.rollouts.generations = func(id string) (map[object.Key]*object.Object, error) {
		return nil, errors.New("generation " + id + " is not kept")
	}
	defer func() {
		if in, due := a.Due(time.Now()); !due || in > pinRetry {
			t.Errorf("the generation is looked for again in %v, %v; want within %v", in, due, pinRetry)
		}
	}()
	w := apply(t, a, pinnedService("g-ffffff", time.Now().Add(time.Hour))+sends("cart", "two"))
	wantDestinations(t, w, "two", "two")
	if lines := strings.Join(watchtest.ProblemLines(w), "\n"); !strings.Contains(lines, "error Pinned Service demo/echo") || len(w.Rollouts) != 0 {
		t.Errorf("got problems\n%s\nwant that the rules are not held", lines)
	}
}

// TestPinWhereNothingIsKept: a check of files has no history, so that it cannot hold anything. A valid pin is no error there, and one that
// cannot be read has the error of its value alone.
func TestPinWhereNothingIsKept(t *testing.T) {
	end := func(d time.Duration) mesh.Pin { return mesh.Pin{Generation: "g-3f2a91", Until: time.Now().Add(d)} }
	for name, test := range map[string]struct {
		pin  mesh.Pin
		want string
	}{
		"valid": {end(time.Hour), "info Pinned Service demo/echo"}, "far away": {end(8 * 24 * time.Hour), "warning Pinned Service demo/echo"}, "ended": {end(-time.Hour), "warning Pinned Service demo/echo"},
		"unread": {mesh.Pin{Invalid: true}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := newTestAssembler()
			for _, o := range watchtest.Objects(t, watchtest.EchoService) {
				if s, is := o.Value.(*mesh.Service); is {
					s.Pin = test.pin
				}
				a.Apply(map[object.Key]*object.Object{o.Key: o}, nil)
			}
			pinned := slices.DeleteFunc(watchtest.ProblemLines(a.World()), func(line string) bool { return !strings.Contains(line, "Pinned") })
			if got := strings.Join(pinned, "\n"); !strings.HasPrefix(got, test.want) || (got == "") != (test.want == "") {
				t.Errorf("got problems %q, want %q", got, test.want)
			}
		})
	}
}

// TestPinAndRollout: what is pinned is not rolled out. The rollout goes on when the pin ends.
func TestPinAndRollout(t *testing.T) {
	then := map[object.Key]*object.Object{}
	for _, o := range watchtest.Objects(t, sends("cart", "zero")) {
		then[o.Key] = o
	}
	a := newTestAssembler()
	a.rollouts.generations = func(string) (map[object.Key]*object.Object, error) { return then, nil }
	apply(t, a, watchtest.EchoService+rolledOut("cart", "10%,5m,abort", "one"))
	wantDestinations(t, apply(t, a, rolledOut("cart", "10%,5m,abort", "two")), "two", "one")
	w := apply(t, a, pinnedService("g-1", time.Now().Add(time.Hour)))
	wantDestinations(t, w, "zero", "zero")
	for _, r := range w.Rollouts {
		if r.Stage == mesh.RolloutRunning {
			t.Errorf("got %+v, want that nothing is rolled out", r)
		}
	}
	wantDestinations(t, apply(t, a, watchtest.EchoService), "two", "one")
}
