package mesh

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestMap applies random edits to a Map and to a plain map. At the end it compares all intermediate Maps, to prove
// that later edits did not change them.
func TestMap(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var m Map[int]
	plain := map[string]int{}
	type version struct {
		m    Map[int]
		want map[string]int
	}
	var history []version
	for step := range 500 {
		set, remove := map[string]int{}, []string(nil)
		for range r.IntN(4) {
			set[fmt.Sprint(r.IntN(300))] = step
		}
		for range r.IntN(3) {
			host := fmt.Sprint(r.IntN(300))
			delete(set, host)
			remove = append(remove, host)
		}
		m = m.With(set, remove)
		maps.Copy(plain, set)
		for _, host := range remove {
			delete(plain, host)
		}
		history = append(history, version{m, maps.Clone(plain)})
	}
	for i, v := range history {
		if got := maps.Collect(v.m.All()); !maps.Equal(got, v.want) {
			t.Fatalf("after %d edits: %s", i+1, cmp.Diff(v.want, got))
		}
		if got, want := v.m.Len(), len(v.want); got != want {
			t.Fatalf("after %d edits: length %d, want %d", i+1, got, want)
		}
	}
}

func TestMapSharesWhatDoesNotChange(t *testing.T) {
	set := map[string]*int{}
	for i := range 1000 {
		set[fmt.Sprint(i)] = &i
	}
	before := Map[*int]{}.With(set, nil)
	other := new(int)
	after := before.With(map[string]*int{"7": other}, nil)
	copied := 0
	for i := range before.shards {
		if fmt.Sprintf("%p", before.shards[i]) != fmt.Sprintf("%p", after.shards[i]) {
			copied++
		}
	}
	if copied != 1 {
		t.Errorf("%d shards were copied for one key, want 1", copied)
	}
	if got, _ := after.Get("7"); got != other {
		t.Error("the new value is missing")
	}
	if unchanged := before.With(nil, nil); unchanged.shards != before.shards {
		t.Error("an empty edit made a copy")
	}
}

// TestMapDiffering compares a Map with those that it was derived from, and with one that has the same content.
func TestMapDiffering(t *testing.T) {
	set := map[string]int{}
	for i := range 10_000 {
		set[strconv.Itoa(i)] = i
	}
	first := Map[int]{}.With(set, nil)
	second := first.With(map[string]int{"7": 8, "new": 1}, []string{"9"})
	found := slices.Collect(second.Differing(first))
	for _, host := range []string{"7", "new", "9"} {
		if !slices.Contains(found, host) {
			t.Errorf("%s is missing", host)
		}
	}
	if len(found) > 1000 {
		t.Errorf("%d hosts, of three that differ", len(found))
	}
	if n := len(slices.Collect(first.Differing(first))); n != 0 {
		t.Errorf("a Map differs from itself by %d hosts", n)
	}
	if n := len(slices.Collect(first.Differing(Map[int]{}))); n != first.Len() {
		t.Errorf("all of a Map are %d of %d hosts", n, first.Len())
	}
}
