package kube

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
	"github.com/mizzen-mesh/mizzen/pkg/watch/internal/watchtest"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

const testWait = 5 * time.Second

// storeState runs a Source of a cluster with the Services one and two in namespace a, and returns the state that it
// stored.
func storeState(t *testing.T) *memory {
	t.Helper()
	m := newMemory()
	synctest.Test(t, func(t *testing.T) {
		c := newFakeCluster(t, newFakeService("a", "one"), newFakeService("a", "two"))
		c.start(watch.Options{StateStore: m, StateWait: testWait})
		c.wait()
	})
	if m.err != nil || m.text == nil {
		t.Fatalf("nothing was stored: %v", m.err)
	}
	return m
}

// TestRecall starts while the cluster cannot be read. The stored state is served and reported, and nothing is
// deleted. Once the cluster was read, its objects replace the stored ones.
func TestRecall(t *testing.T) {
	m := storeState(t)
	synctest.Test(t, func(t *testing.T) {
		c := newFakeCluster(t, newFakeService("a", "one"), newFakeService("a", "three"))
		c.fail("pods", errors.New("connection refused"))
		c.start(watch.Options{StateStore: m, StateWait: testWait})
		stored := c.wait()
		if diff := cmp.Diff(serviceHosts(stored), []string{"one.a.svc.cluster.local", "two.a.svc.cluster.local"}); diff != "" {
			t.Fatalf("hosts while the cluster cannot be read (-got +want):\n%s", diff)
		}
		if stored.StoredAt.IsZero() || len(stored.Problems) != 1 || stored.Problems[0].Code != mesh.CodeLastGood {
			t.Errorf("got StoredAt %v and Problems %v, want a stored World", stored.StoredAt, stored.Problems)
		}
		text := m.text
		c.fail("pods", nil)
		read := c.wait()
		if diff := cmp.Diff(serviceHosts(read), []string{"one.a.svc.cluster.local", "three.a.svc.cluster.local"}); diff != "" {
			t.Errorf("hosts once the cluster was read (-got +want):\n%s", diff)
		}
		if !read.StoredAt.IsZero() || len(read.Problems) != 0 {
			t.Errorf("got StoredAt %v and Problems %v, want neither", read.StoredAt, read.Problems)
		}
		// Clients keep what did not change, and no World was sent in between.
		if read.Revision != stored.Revision+1 || watchtest.Get(read.Services, "one.a.svc.cluster.local") != watchtest.Get(stored.Services, "one.a.svc.cluster.local") {
			t.Error("an unchanged object has another pointer")
		}
		c.wait()
		if bytes.Equal(text, m.text) {
			t.Error("the objects of the cluster are not stored")
		}
	})
}

// TestRecallOfRollouts starts with a rule whose changes are rolled out. What is stored says what it was before, unless it is that of
// another cluster with the same URL, or there is nothing.
func TestRecallOfRollouts(t *testing.T) {
	start := func(m *memory, uid, timeout string) (rollout *mesh.Rollout, log string) {
		synctest.Test(t, func(t *testing.T) {
			var out strings.Builder
			own := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "kube-system", UID: types.UID(uid)}}
			c := newFakeCluster(t, own, newFakeService("a", "one"))
			rule := newFakeRule(object.KindVirtualService, "one", map[string]any{"hosts": []any{"one"}, "http": []any{
				map[string]any{"timeout": timeout, "route": []any{map[string]any{"destination": map[string]any{"host": "one"}}}},
			}})
			rule.SetAnnotations(map[string]string{mesh.AnnotationRollout: "10%,5m"})
			resource := object.KindVirtualService.Row().Resource
			if _, err := c.istio.Resource(resource).Namespace("a").Create(t.Context(), rule, metav1.CreateOptions{}); err != nil {
				t.Fatal(err)
			}
			c.start(watch.Options{StateStore: m, StateWait: testWait, Logger: slog.New(slog.NewTextHandler(&out, nil))})
			w := c.wait()
			if w.ClusterUID != uid || len(w.Rollouts) != 1 {
				t.Fatalf("got UID %q and %d rollouts, want %q and one", w.ClusterUID, len(w.Rollouts), uid)
			}
			rollout, log = w.Rollouts[0], out.String()
		})
		return rollout, log
	}
	m := newMemory()
	r, log := start(m, "1", "1s")
	if r.Candidate != "" || strings.Contains(log, "WARN") || !strings.Contains(log, "nothing is stored") {
		t.Errorf("first start: %v\n%s", r, log)
	}
	stored := m.text
	if r, log = start(m, "1", "2s"); r.Candidate == "" || strings.Contains(log, "WARN") {
		t.Errorf("the same cluster: %v\n%s", r, log)
	}
	m.text = stored
	if r, log = start(m, "2", "2s"); r.Candidate != "" || !strings.Contains(log, "belongs to another cluster") {
		t.Errorf("another cluster: %v\n%s", r, log)
	}
}

// TestRecallWaits does not read the stored state while the wait for the cluster lasts.
func TestRecallWaits(t *testing.T) {
	m := storeState(t)
	synctest.Test(t, func(t *testing.T) {
		c := newFakeCluster(t, newFakeService("a", "three"))
		c.start(watch.Options{StateStore: m, StateWait: testWait})
		if w := c.wait(); w.Revision != 1 || !w.StoredAt.IsZero() {
			t.Errorf("got revision %d of %v, want the first World to be of the cluster", w.Revision, w.StoredAt)
		}
	})
}

// TestRecallNothing starts while the cluster cannot be read and there is no usable stored state. It waits for the
// cluster.
func TestRecallNothing(t *testing.T) {
	tests := map[string]string{
		"nothing":     "",
		"later form":  `{"version":99,"domain":"cluster.local"}`,
		"no JSON":     "what is this",
		"cut objects": `{"version":1,"domain":"cluster.local"}` + "\n" + `{"kind":"Service",`,
		"bad message": `{"version":1,"domain":"cluster.local"}` + "\n" + `{"kind":"VirtualService","name":"x","virtualService":{"spec":"AAAA"}}`,
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMemory()
				if text != "" {
					m.text = []byte(text)
				}
				var log strings.Builder
				c := newFakeCluster(t, newFakeService("a", "one"))
				c.fail("pods", errors.New("connection refused"))
				c.start(watch.Options{StateStore: m, StateWait: testWait, Logger: slog.New(slog.NewTextHandler(&log, nil))})
				if w := c.wait(); w != nil {
					t.Errorf("got a World with %v, want none", serviceHosts(w))
				}
				if !strings.Contains(log.String(), "there is no stored state to serve") {
					t.Errorf("the log does not report it:\n%s", log.String())
				}
				c.fail("pods", nil)
				if got := serviceHosts(c.wait()); len(got) != 1 {
					t.Errorf("got %v once the cluster was read, want one Service", got)
				}
			})
		})
	}
}

// TestSavesAreFew changes a Service every second and counts the saves: one at once, then one every ten seconds, and
// one at the end.
func TestSavesAreFew(t *testing.T) {
	m := newMemory()
	synctest.Test(t, func(t *testing.T) {
		c := newFakeCluster(t, newFakeService("a", "one"))
		c.start(watch.Options{StateStore: m, StateWait: testWait})
		services := c.core.CoreV1().Services("a")
		for i := range 35 {
			service := newFakeService("a", "one")
			service.Spec.Ports[0].Port = int32(100 + i)
			if _, err := services.Update(t.Context(), service, metav1.UpdateOptions{}); err != nil {
				t.Fatal(err)
			}
			<-time.After(time.Second) // time of the bubble
		}
		if got := len(m.saved); got != 4 {
			t.Errorf("%d saves in 35 seconds, want 4", got)
		}
	})
	if got := len(m.saved); got != 5 {
		t.Errorf("%d saves at the end, want 5", got)
	}
	if !bytes.Contains(m.text, []byte(`"Number":134`)) {
		t.Error("the last change is not stored")
	}
}

// TestFailedSavesAreRepeated changes nothing after a save failed: it is repeated all the same, until it works, and at the end.
func TestFailedSavesAreRepeated(t *testing.T) {
	for name, c := range map[string]struct {
		failures int
		after    time.Duration
		want     int
	}{
		"twice, then not":      {2, time.Minute, 3},
		"the process ends":     {1, time.Second, 1},
		"it works immediately": {0, time.Minute, 1},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMemory()
			m.full = c.failures
			synctest.Test(t, func(t *testing.T) {
				newFakeCluster(t, newFakeService("a", "one")).start(watch.Options{StateStore: m, StateWait: testWait})
				<-time.After(c.after) // time of the bubble
				if got := len(m.saved); got != c.want {
					t.Errorf("%d saves, want %d", got, c.want)
				}
			})
			if !bytes.Contains(m.text, []byte(`"one"`)) {
				t.Error("the state is not stored")
			}
		})
	}
}

var _ watch.StateStore = (*memory)(nil)

// memory is a StateStore in memory.
type memory struct {
	text []byte
	// saved has a value for each save.
	saved chan struct{}
	err   error
	// full is how many of the next saves fail.
	full int
}

func newMemory() *memory { return &memory{saved: make(chan struct{}, 100)} }

func (m *memory) Save(write func(io.Writer) error) (ok bool) {
	defer func() { m.saved <- struct{}{} }()
	if m.full > 0 {
		m.full--
		return false
	}
	var text bytes.Buffer
	if m.err = write(&text); m.err == nil {
		m.text = text.Bytes()
	}
	return m.err == nil
}

func (m *memory) Load(read func(io.Reader) error) error {
	if m.text == nil {
		return fs.ErrNotExist
	}
	return read(bytes.NewReader(m.text))
}
