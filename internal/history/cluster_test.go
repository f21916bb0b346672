package history_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mizzen-mesh/mizzen/pkg/snapshot/snapshottest"
)

// recordIn records the World of objects in the cluster with a UID.
func (r *recorder) recordIn(uid string, objects ...string) string {
	r.t.Helper()
	world := *snapshottest.Load(r.t, objects)
	world.ClusterUID = uid
	return r.recordWorld(&world)
}

// TestClusters restarts with the folder of a history, in clusters with several URLs and UIDs. A UID says more than a URL, if it
// is known of both.
func TestClusters(t *testing.T) {
	for name, test := range map[string]struct {
		url, uid, thenURL, thenUID string
		// early is how many generations are there before the cluster was read, and kept how many after that.
		early, kept int
	}{
		"the same":                      {"a", "1", "a", "1", 3, 4},
		"another with the URL":          {"a", "1", "a", "2", 3, 1},
		"the same by another URL":       {"a", "1", "b", "1", 0, 4},
		"another":                       {"a", "1", "b", "2", 0, 1},
		"the UID is not known any more": {"a", "1", "a", "", 3, 4},
		"the UID was not known":         {"a", "", "a", "1", 3, 4},
		"no UID, another URL":           {"a", "", "b", "1", 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "history")
			r, _ := onDisk(t, dir, test.url)
			for i := range 3 {
				r.recordIn(test.uid, service("cart", 80), rule("cart", i+1))
			}
			r.end()
			again, log := onDisk(t, dir, test.thenURL)
			again.at = r.at
			if got := len(again.List("", 0)); got != test.early {
				t.Errorf("%d generations before the cluster was read, want %d\n%s", got, test.early, log)
			}
			again.end() // Nothing was recorded: nothing is lost.
			id := again.recordIn(test.thenUID, service("cart", 80), rule("cart", 9))
			again.end()
			all := again.List("", 0)
			if len(all) != test.kept || all[0].ID != id || all[0].Number != 4 {
				t.Errorf("got %v, want %d generations\n%s", summary(all), test.kept, log)
			}
			if _, err := again.Resolve("previous"); (err == nil) != (test.kept > 1) {
				t.Errorf("the previous one: %v", err)
			}
			third, log := onDisk(t, dir, test.thenURL)
			if third.recordIn(test.thenUID, service("cart", 80), rule("cart", 9)); len(third.List("", 0)) != test.kept {
				t.Errorf("after one more restart: %v, want %d generations\n%s", summary(third.List("", 0)), test.kept, log)
			}
		})
	}
}

// TestTwoClustersInOneFolder goes to and fro between two clusters with one URL. Each gets its own history back.
func TestTwoClustersInOneFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "history")
	for process := range 4 {
		uid, port := fmt.Sprint(process%2), 80+process%2
		r, log := onDisk(t, dir, "a")
		for i := range 2 {
			r.recordIn(uid, service("cart", port), rule("cart", process*2+i+1))
		}
		r.end()
		all := r.List("", 0)
		if want := 2 * (process/2 + 1); len(all) != want {
			t.Errorf("process %d: %v, want %d generations\n%s", process, summary(all), want, log)
		}
		for _, g := range all {
			objects, err := r.Objects(g.ID)
			if err != nil {
				t.Fatal(err)
			}
			for _, text := range texts(objects) {
				if strings.Contains(text, `"port":`+fmt.Sprint(81-process%2)) {
					t.Errorf("process %d: generation %d has an object of the other cluster", process, g.Number)
				}
			}
		}
	}
}
