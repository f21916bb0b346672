package assemble

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/internal/watchtest"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

const (
	guardGrace = 10 * time.Second
)

func newGuardedAssembler() *Assembler {
	return New(Options{Domain: "cluster.local", RootNamespace: "istio-system", EmptyServiceGrace: guardGrace})
}

// echoes applies slices of echo with these conditions, one endpoint each. An empty text removes the slice.
func echoes(a *Assembler, conditions ...string) string {
	text := watchtest.EchoService
	for i, c := range conditions {
		if c == "" {
			a.remove(object.Key{Kind: object.KindEndpointSlice, Namespace: "demo", Name: "echo-" + string(rune('a'+i))})
			continue
		}
		one := watchtest.Slices(fmt.Sprintf("ports: [{name: grpc, port: 1}]\nendpoints: [{addresses: [10.0.0.%d], conditions: {%s}}]", i+1, c))
		text += strings.ReplaceAll(one, "echo-a", "echo-"+string(rune('a'+i)))
	}
	return text
}

const (
	isReady  = "ready: true"
	isDown   = "ready: false"
	isEnding = "ready: false, serving: true, terminating: true"
)

// TestGuard takes a Service through steps, each with its own World, and checks whether its endpoints are kept.
func TestGuard(t *testing.T) {
	tests := map[string]struct {
		steps [][]string
		kept  bool
	}{
		"both go at once":                        {[][]string{{isReady, isReady}, {"", ""}}, true},
		"both are unready at once":               {[][]string{{isReady, isReady}, {isDown, isDown}}, true},
		"one is unready, the other goes":         {[][]string{{isReady, isReady}, {isDown, ""}}, true},
		"the last two of three":                  {[][]string{{isReady, isReady, isDown}, {"", "", isDown}}, true},
		"one by one":                             {[][]string{{isReady, isReady}, {isReady, isDown}, {isDown, isDown}}, false},
		"the only one":                           {[][]string{{isReady}, {""}}, false},
		"two, one of which is not ready":         {[][]string{{isReady, isDown}, {"", ""}}, false},
		"both end in good order":                 {[][]string{{isReady, isReady}, {isEnding, isEnding}}, false},
		"both end in good order, and are gone":   {[][]string{{isReady, isReady}, {isEnding, isEnding}, {"", ""}}, false},
		"both go, and only another one is ready": {[][]string{{isReady, isReady}, {"", "", isReady}}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newGuardedAssembler()
				for _, step := range test.steps[:len(test.steps)-1] {
					apply(t, a, echoes(a, step...))
				}
				before := watchtest.Get(a.World().Endpoints, watchtest.EchoHost)
				w := apply(t, a, echoes(a, test.steps[len(test.steps)-1]...))
				kept := before != nil && watchtest.Get(w.Endpoints, watchtest.EchoHost) == before
				if kept != test.kept || watchtest.Vanished(w) != test.kept {
					t.Errorf("got the endpoints kept: %t, a Problem: %t; want both %t", kept, watchtest.Vanished(w), test.kept)
				}
			})
		})
	}
}

// TestGuardOfSeries removes endpoints one after the other.
func TestGuardOfSeries(t *testing.T) {
	tests := map[string]struct {
		apart time.Duration
		steps [][]string
		want  int // endpoints kept
	}{
		"slices deleted by one command":         {50 * time.Millisecond, [][]string{{isReady, isReady, isReady}, {"", isReady, isReady}, {"", "", isReady}, {"", "", ""}}, 3},
		"slices deleted one by one":             {burst, [][]string{{isReady, isReady}, {"", isReady}, {"", ""}}, 0},
		"unready one by one, however quickly":   {time.Millisecond, [][]string{{isReady, isReady}, {isDown, isReady}, {isDown, isDown}}, 0},
		"one goes, the other is unready":        {time.Millisecond, [][]string{{isReady, isReady}, {"", isReady}, {"", isDown}}, 0},
		"replaced, and the new ones go later":   {burst, [][]string{{isReady, isReady}, {"", isReady}, {"", "", isReady}, {"", "", ""}}, 0},
		"in good order, and quickly":            {time.Millisecond, [][]string{{isReady, isReady}, {isEnding, isReady}, {"", isReady}, {"", isEnding}, {"", ""}}, 0},
		"the row begins anew after a long time": {burst, [][]string{{isReady, isReady, isReady}, {"", isReady, isReady}, {"", "", ""}}, 2},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newGuardedAssembler()
				var w *mesh.World
				for _, step := range test.steps {
					<-time.After(test.apart)
					w = apply(t, a, echoes(a, step...))
				}
				got := 0
				if set := watchtest.Get(w.Endpoints, watchtest.EchoHost); set != nil {
					got = ready(set)
				}
				if got != test.want || watchtest.Vanished(w) != (test.want > 0) {
					t.Errorf("got %d endpoints kept, a Problem: %t; want %d", got, watchtest.Vanished(w), test.want)
				}
			})
		})
	}
}

// TestGuardEnds ends the guard for one reason after the other.
func TestGuardEnds(t *testing.T) {
	tests := map[string]struct {
		change func(t *testing.T, a *Assembler)
		want   int // endpoints
	}{
		"the grace is over": {func(*testing.T, *Assembler) { <-time.After(guardGrace) }, 0},
		"the Service is deleted": {func(_ *testing.T, a *Assembler) {
			a.remove(object.Key{Kind: object.KindService, Namespace: "demo", Name: "echo"})
		}, 0},
		"one endpoint comes": {func(t *testing.T, a *Assembler) { apply(t, a, echoes(a, "", "", isReady)) }, 1},
		"one of them comes back, and goes": {func(t *testing.T, a *Assembler) {
			apply(t, a, echoes(a, isReady))
			apply(t, a, echoes(a, ""))
		}, 0},
		"it becomes an external name": {func(t *testing.T, a *Assembler) {
			apply(t, a, strings.ReplaceAll(watchtest.EchoService, "spec: {", "spec: {type: ExternalName, externalName: a.example, "))
		}, 0},
		"another change, no end":       {func(t *testing.T, a *Assembler) { apply(t, a, echoes(a, isDown)) }, 2},
		"the grace is over, a change":  {func(t *testing.T, a *Assembler) { <-time.After(guardGrace); apply(t, a, echoes(a, isDown)) }, 1},
		"a little before it would end": {func(*testing.T, *Assembler) { <-time.After(guardGrace - 1) }, 2},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newGuardedAssembler()
				apply(t, a, echoes(a, isReady, isReady))
				apply(t, a, echoes(a, "", ""))
				test.change(t, a)
				w := a.World()
				got := 0
				if set := watchtest.Get(w.Endpoints, watchtest.EchoHost); set != nil {
					got = len(set.Endpoints)
				}
				if kept := test.want == 2; got != test.want || watchtest.Vanished(w) != kept {
					t.Errorf("got %d endpoints, a Problem: %t; want %d, %t", got, watchtest.Vanished(w), test.want, kept)
				}
				if _, due := a.Due(time.Now()); due != (test.want == 2) {
					t.Errorf("Due returned %t", due)
				}
			})
		})
	}
}

func TestGuardIsOffByDefault(t *testing.T) {
	a := newTestAssembler()
	apply(t, a, echoes(a, isReady, isReady))
	if w := apply(t, a, echoes(a, "", "")); watchtest.Get(w.Endpoints, watchtest.EchoHost) != nil || watchtest.Vanished(w) {
		t.Error("endpoints are kept without a grace period")
	}
}
