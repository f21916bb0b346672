package assemble

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// TestPeerCover compares with a search among all earlier objects.
func TestPeerCover(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		var cover peerCover
		var earlier []*mesh.PeerAuthentication
		for range 12 {
			p := &mesh.PeerAuthentication{}
			for range r.IntN(4) {
				if p.Selector == nil {
					p.Selector = map[string]string{}
				}
				p.Selector[string(rune('a'+r.IntN(3)))] = string(rune('x' + r.IntN(2)))
			}
			var want *mesh.PeerAuthentication
			for _, first := range earlier {
				if (first.Selector == nil) == (p.Selector == nil) && mesh.MakeLabels(p.Selector).Match(first.Selector) {
					want = first
					break
				}
			}
			if got := cover.of(p); got != want {
				t.Fatalf("%v after %v: got %v, want %v", p.Selector, earlier, got, want)
			}
			cover.add(p)
			earlier = append(earlier, p)
		}
	}
}

// TestManyPeerAuthentications: one author's objects do not keep the control plane busy. Ten times as many take about ten times as long; a time
// that grows with the square of their number would be a hundred times as long.
func TestManyPeerAuthentications(t *testing.T) {
	// fastest is the shortest time of three attempts: the machine may be busy with something else.
	fastest := func(n int) time.Duration {
		best := time.Hour
		for range 3 {
			start := time.Now()
			var cover peerCover
			for i := range n {
				p := &mesh.PeerAuthentication{Selector: map[string]string{"app": "echo", "version": fmt.Sprint(i)}}
				if got := cover.of(p); got != nil {
					t.Fatalf("%v is covered by %v", p.Selector, got.Selector)
				}
				cover.add(p)
			}
			best = min(best, time.Since(start))
		}
		return best
	}
	if few, many := fastest(2000), fastest(20_000); many > 50*few {
		t.Errorf("2,000 objects took %v, and ten times as many took %v", few, many)
	}
}
