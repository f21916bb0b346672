package watch

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

const (
	guardGrace = 10 * time.Second
)

func newGuardedAssembler() *assembler {
	return newAssembler(Options{EmptyServiceGrace: guardGrace}.withDefaults())
}

// echoes are the slices of echo with these conditions, one endpoint each. An empty text is a slice that is gone.
func echoes(a *assembler, conditions ...string) string {
	text := echoService
	for i, c := range conditions {
		if c == "" {
			a.remove(objectKey{KindEndpointSlice, "demo", "echo-" + string(rune('a'+i))})
			continue
		}
		one := slicesOf(fmt.Sprintf("ports: [{name: grpc, port: 1}]\nendpoints: [{addresses: [10.0.0.%d], conditions: {%s}}]", i+1, c))
		text += strings.ReplaceAll(one, "echo-a", "echo-"+string(rune('a'+i)))
	}
	return text
}

const (
	isReady  = "ready: true"
	isDown   = "ready: false"
	isEnding = "ready: false, serving: true, terminating: true"
)

// TestGuard takes a Service through steps, each a World of its own, and looks whether its endpoints are kept.
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
				before := get(a.world().Endpoints, echoHost)
				w := apply(t, a, echoes(a, test.steps[len(test.steps)-1]...))
				kept := before != nil && get(w.Endpoints, echoHost) == before
				if kept != test.kept || saysVanished(w) != test.kept {
					t.Errorf("got the endpoints kept: %t, a Problem: %t; want both %t", kept, saysVanished(w), test.kept)
				}
			})
		})
	}
}

// TestGuardOfARow has endpoints go one after the other.
func TestGuardOfARow(t *testing.T) {
	tests := map[string]struct {
		apart time.Duration
		steps [][]string
		want  int // endpoints kept
	}{
		"slices deleted by one command":         {50 * time.Millisecond, [][]string{{isReady, isReady, isReady}, {"", isReady, isReady}, {"", "", isReady}, {"", "", ""}}, 3},
		"slices deleted one by one":             {together, [][]string{{isReady, isReady}, {"", isReady}, {"", ""}}, 0},
		"unready one by one, however quickly":   {time.Millisecond, [][]string{{isReady, isReady}, {isDown, isReady}, {isDown, isDown}}, 0},
		"one goes, the other is unready":        {time.Millisecond, [][]string{{isReady, isReady}, {"", isReady}, {"", isDown}}, 0},
		"replaced, and the new ones go later":   {together, [][]string{{isReady, isReady}, {"", isReady}, {"", "", isReady}, {"", "", ""}}, 0},
		"in good order, and quickly":            {time.Millisecond, [][]string{{isReady, isReady}, {isEnding, isReady}, {"", isReady}, {"", isEnding}, {"", ""}}, 0},
		"the row begins anew after a long time": {together, [][]string{{isReady, isReady, isReady}, {"", isReady, isReady}, {"", "", ""}}, 2},
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
				if set := get(w.Endpoints, echoHost); set != nil {
					got = ready(set)
				}
				if got != test.want || saysVanished(w) != (test.want > 0) {
					t.Errorf("got %d endpoints kept, a Problem: %t; want %d", got, saysVanished(w), test.want)
				}
			})
		})
	}
}

// TestGuardEnds has kept endpoints go, each time for another reason.
func TestGuardEnds(t *testing.T) {
	tests := map[string]struct {
		change func(t *testing.T, a *assembler)
		want   int // endpoints
	}{
		"the grace is over":      {func(*testing.T, *assembler) { <-time.After(guardGrace) }, 0},
		"the Service is deleted": {func(_ *testing.T, a *assembler) { a.remove(objectKey{KindService, "demo", "echo"}) }, 0},
		"one endpoint comes":     {func(t *testing.T, a *assembler) { apply(t, a, echoes(a, "", "", isReady)) }, 1},
		"one of them comes back, and goes": {func(t *testing.T, a *assembler) {
			apply(t, a, echoes(a, isReady))
			apply(t, a, echoes(a, ""))
		}, 0},
		"it becomes an external name": {func(t *testing.T, a *assembler) {
			apply(t, a, strings.ReplaceAll(echoService, "spec: {", "spec: {type: ExternalName, externalName: a.example, "))
		}, 0},
		"another change, no end":       {func(t *testing.T, a *assembler) { apply(t, a, echoes(a, isDown)) }, 2},
		"the grace is over, a change":  {func(t *testing.T, a *assembler) { <-time.After(guardGrace); apply(t, a, echoes(a, isDown)) }, 1},
		"a little before it would end": {func(*testing.T, *assembler) { <-time.After(guardGrace - 1) }, 2},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newGuardedAssembler()
				apply(t, a, echoes(a, isReady, isReady))
				apply(t, a, echoes(a, "", ""))
				test.change(t, a)
				w := a.world()
				got := 0
				if set := get(w.Endpoints, echoHost); set != nil {
					got = len(set.Endpoints)
				}
				if kept := test.want == 2; got != test.want || saysVanished(w) != kept {
					t.Errorf("got %d endpoints, a Problem: %t; want %d, %t", got, saysVanished(w), test.want, kept)
				}
				if _, due := a.due(time.Now()); due != (test.want == 2) {
					t.Errorf("got something due: %t", due)
				}
			})
		})
	}
}

func TestGuardIsOffByDefault(t *testing.T) {
	a := newTestAssembler()
	apply(t, a, echoes(a, isReady, isReady))
	if w := apply(t, a, echoes(a, "", "")); get(w.Endpoints, echoHost) != nil || saysVanished(w) {
		t.Error("endpoints are kept without a grace")
	}
}

// TestKubeKeepsVanishedEndpoints deletes all the slices of a Service. Nothing else happens, so that the source has to wake by
// itself when the grace is over.
func TestKubeKeepsVanishedEndpoints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newFakeCluster(t, newFakeService("demo", "echo"), newFakeSlice("a", "10.0.0.1"), newFakeSlice("b", "10.0.0.2"))
		c.start(Options{EmptyServiceGrace: time.Minute})
		c.wait()
		c.refuse("endpointslices", nil)
		start := time.Now()
		deleteSlices(t, c)
		w := c.wait()
		if set := get(w.Endpoints, echoHost); set == nil || len(set.Endpoints) != 2 || !saysVanished(w) {
			t.Fatalf("got endpoints %v and problems %q, want both endpoints kept", set, problemLines(w))
		}
		w = <-c.worlds
		if set := get(w.Endpoints, echoHost); set != nil || saysVanished(w) {
			t.Errorf("got endpoints %v and problems %q when the grace is over, want none", set, problemLines(w))
		}
		if after := time.Since(start); after < time.Minute || after > time.Minute+time.Second {
			t.Errorf("the endpoints were kept for %s, want a minute", after)
		}
	})
}

func newFakeSlice(name, address string) *discoveryv1.EndpointSlice {
	return &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "demo", Name: "echo-" + name, ResourceVersion: "1", Labels: map[string]string{discoveryv1.LabelServiceName: "echo"},
		},
		AddressType: discoveryv1.AddressTypeIPv4,
		Ports:       []discoveryv1.EndpointPort{{Name: new("grpc"), Port: new(int32(1)), Protocol: new(corev1.ProtocolTCP)}},
		Endpoints:   []discoveryv1.Endpoint{{Addresses: []string{address}}},
	}
}

// deleteSlices deletes both slices before the source hears of either.
func deleteSlices(t *testing.T, c *fakeCluster) {
	t.Helper()
	for _, name := range []string{"echo-a", "echo-b"} {
		if err := c.core.DiscoveryV1().EndpointSlices("demo").Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFileKeepsVanishedEndpoints(t *testing.T) {
	for name, grace := range map[string]time.Duration{"kept": time.Hour, "the grace is over": 50 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, "service.yaml", echoService)
			path := write(t, dir, "slices.yaml", slicesOf("ports: [{name: grpc, port: 1}]\nendpoints: [{addresses: [10.0.0.1]}, {addresses: [10.0.0.2]}]"))
			worlds := startSource(t, NewFile(dir, Options{EmptyServiceGrace: grace}))
			await(t, worlds, "two endpoints stand", func(w *mesh.World) bool { return w.EndpointCount() == 2 })
			if err := os.Rename(path, filepath.Join(dir, "slices.txt")); err != nil {
				t.Fatal(err)
			}
			if grace == time.Hour {
				await(t, worlds, "they are kept, with a Problem", func(w *mesh.World) bool { return w.EndpointCount() == 2 && saysVanished(w) })
			} else {
				await(t, worlds, "they are gone, and so is the Problem", func(w *mesh.World) bool { return w.EndpointCount() == 0 && !saysVanished(w) })
			}
		})
	}
}

func saysVanished(w *mesh.World) bool {
	for _, p := range w.Problems {
		if p.Code == mesh.CodeEndpointsVanished && p.Object == (mesh.Ref{Kind: "Service", Namespace: "demo", Name: "echo"}) {
			return true
		}
	}
	return false
}
