package election

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	clienttesting "k8s.io/client-go/testing"
)

// leaseTest is a Lease in a fake cluster, and the replicas that compete for it.
type leaseTest struct {
	t *testing.T
	*dynamicfake.FakeDynamicClient
}

func newLeaseTest(t *testing.T) *leaseTest {
	t.Helper()
	return &leaseTest{t, dynamicfake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), nil)}
}

// candidate is a replica that competes for the Lease.
func (o *leaseTest) candidate(identity string) *Lease {
	return newLease(o, "home", "mizzen", identity)
}

// try makes one attempt of a candidate.
func (o *leaseTest) try(l *Lease, want bool) {
	o.t.Helper()
	if held, err := l.acquireOrRenew(o.t.Context()); held != want || err != nil {
		o.t.Fatalf("%s tries to acquire the Lease: got %v, %v, want %v", l.identity, held, err, want)
	}
}

// spec returns the spec of the Lease, decoded as strictly as the API server does.
func (o *leaseTest) spec() coordinationv1.LeaseSpec {
	o.t.Helper()
	object, err := o.Resource(leases).Namespace("home").Get(o.t.Context(), "mizzen", metav1.GetOptions{})
	if err != nil {
		o.t.Fatal(err)
	}
	typed := strict[coordinationv1.Lease](o.t, object)
	return typed.Spec
}

// strict decodes an object into its type, and fails on unknown fields.
func strict[T any](t *testing.T, object *unstructured.Unstructured) *T {
	t.Helper()
	typed := new(T)
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(object.Object, typed, true); err != nil {
		t.Fatal(err)
	}
	return typed
}

// once makes the next requests of a verb fail with the errors, and later ones succeed.
func (o *leaseTest) once(verb string, failures ...error) {
	o.PrependReactor(verb, "leases", func(clienttesting.Action) (bool, runtime.Object, error) {
		if len(failures) == 0 {
			return false, nil, nil
		}
		err := failures[0]
		failures = failures[1:]
		return true, nil, err
	})
}

var (
	conflict = apierrors.NewConflict(leases.GroupResource(), "mizzen", errors.New("changed"))
	exists   = apierrors.NewAlreadyExists(leases.GroupResource(), "mizzen")
	errMute  = errors.New("no answer")
)

func TestLease(t *testing.T) {
	tests := map[string]struct {
		do          func(o *leaseTest, a, b *Lease)
		holder      string
		transitions int32
	}{
		"whoever comes first": {do: func(o *leaseTest, a, b *Lease) { o.try(a, true); o.try(b, false) }, holder: "a"},
		"who holds it goes on": {do: func(o *leaseTest, a, b *Lease) {
			for range 20 {
				o.try(a, true)
				o.try(b, false)
				advance(2 * time.Second)
			}
		}, holder: "a"},
		"one that is not renewed is taken over, and not sooner": {do: func(o *leaseTest, a, b *Lease) {
			o.try(a, true)
			advance(10 * time.Second)
			o.try(b, false) // now b has observed it
			advance(leaseDuration - time.Second)
			o.try(b, false)
			advance(time.Second)
			o.try(b, true)
			advance(leaseDuration)
		}, holder: "b", transitions: 1},
		"one that was given back is taken at once": {do: func(o *leaseTest, a, b *Lease) {
			o.try(a, true)
			o.try(b, false)
			if err := a.release(o.t.Context()); err != nil {
				o.t.Error(err)
			}
			o.try(b, true)
		}, holder: "b", transitions: 1},
		"who comes back has it still": {do: func(o *leaseTest, a, _ *Lease) {
			o.try(a, true)
			advance(time.Second)
			o.try(o.candidate("a"), true)
		}, holder: "a"},
		"without an answer nothing is written": {do: func(o *leaseTest, a, b *Lease) {
			o.once("get", errMute)
			if held, err := a.acquireOrRenew(o.t.Context()); held || !errors.Is(err, errMute) {
				o.t.Errorf("got %v, %v, want the error", held, err)
			}
			o.try(b, true)
		}, holder: "b"},
		"one that is deleted is made again": {do: func(o *leaseTest, a, _ *Lease) {
			o.try(a, true)
			if err := o.Resource(leases).Namespace("home").Delete(o.t.Context(), "mizzen", metav1.DeleteOptions{}); err != nil {
				o.t.Fatal(err)
			}
			o.try(a, true)
		}, holder: "a"},
		"of two who make it, one does": {do: func(o *leaseTest, a, b *Lease) {
			o.try(a, true)
			o.once("get", apierrors.NewNotFound(leases.GroupResource(), "mizzen"))
			o.once("create", exists)
			o.try(b, false)
		}, holder: "a"},
		"of two who take it over, one does": {do: func(o *leaseTest, a, b *Lease) {
			o.try(a, true)
			o.try(b, false)
			advance(leaseDuration)
			o.once("update", conflict)
			o.try(b, false)
		}, holder: "a"},
		"who was overtaken reads before writing": {do: func(o *leaseTest, a, b *Lease) {
			o.try(a, true)
			o.try(b, false)
			advance(leaseDuration)
			o.try(b, true)
			o.try(a, false)
		}, holder: "b", transitions: 1},
		"a version that somebody else wrote is read again": {do: func(o *leaseTest, a, _ *Lease) {
			o.try(a, true)
			o.once("update", conflict)
			o.try(a, true)
		}, holder: "a"},
		"one that cannot be given back at first is": {do: func(o *leaseTest, a, _ *Lease) {
			o.try(a, true)
			o.once("update", conflict)
			if err := a.release(o.t.Context()); err != nil {
				o.t.Error(err)
			}
		}},
		"nobody gives back what another has": {do: func(o *leaseTest, a, b *Lease) {
			o.try(a, true)
			o.try(b, false)
			if err := b.release(o.t.Context()); err != nil {
				o.t.Error(err)
			}
		}, holder: "a"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := newLeaseTest(t)
				test.do(o, o.candidate("a"), o.candidate("b"))
				spec := o.spec()
				if got := *spec.HolderIdentity; got != test.holder {
					t.Errorf("got %q as holder, want %q", got, test.holder)
				}
				if got := *spec.LeaseTransitions; got != test.transitions {
					t.Errorf("got %d transitions, want %d", got, test.transitions)
				}
				if *spec.LeaseDurationSeconds < 1 || spec.AcquireTime.IsZero() || spec.RenewTime.Before(spec.AcquireTime) {
					t.Errorf("the Lease is invalid: %v", spec)
				}
			})
		})
	}
}

func advance(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// TestLeaderStopsBeforeTheLeaseExpires has a leader that cannot renew stop before another replica may lead.
func TestLeaderStopsBeforeTheLeaseExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newLeaseTest(t)
		var away atomic.Bool
		o.PrependReactor("*", "leases", func(a clienttesting.Action) (bool, runtime.Object, error) {
			switch {
			case away.Load():
				return true, nil, errMute
			case a.GetVerb() == "update":
				<-time.After(300 * time.Millisecond) // so that attempts and the deadline do not coincide
			}
			return false, nil, nil
		})
		var log bytes.Buffer
		w := New(Options{
			Dynamic: o, Namespace: "home", Name: "mizzen", Identity: "a", Logger: slog.New(slog.NewTextHandler(&log, nil)),
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- w.Run(ctx) }()
		advance(5 * time.Second)
		if !w.Leading() {
			t.Fatal("the only replica does not lead")
		}
		renewed := o.spec().RenewTime.Time
		away.Store(true)
		advance(time.Until(renewed.Add(renewDeadline - time.Millisecond)))
		if !w.Leading() {
			t.Error("it stopped before the renew deadline")
		}
		advance(time.Millisecond)
		if w.Leading() {
			t.Error("it still leads after the renew deadline")
		}
		advance(time.Minute)
		if n := strings.Count(log.String(), "level=WARN"); n != 1 {
			t.Errorf("got %d warnings about an API server that does not respond, want 1:\n%s", n, log.String())
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestShutdownDoesNotWaitForTheAPIServer ends a leader while the API server accepts requests and does not respond.
func TestShutdownDoesNotWaitForTheAPIServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newLeaseTest(t)
		w := New(Options{
			Dynamic: unresponsive{o}, Namespace: "home", Name: "mizzen", Identity: "a", Logger: slog.New(slog.DiscardHandler),
		})
		l := o.candidate("a")
		o.try(l, true)
		l.client = unresponsive{o}.Resource(leases)
		began := time.Now()
		w.release(t.Context(), l)
		if took := time.Since(began); took > retryPeriod {
			t.Errorf("the shutdown took %v, want at most %v", took, retryPeriod)
		}
	})
}

// unresponsive is an API server that does not respond to writers.
type unresponsive struct{ dynamic.Interface }

func (m unresponsive) Resource(r schema.GroupVersionResource) dynamic.NamespaceableResourceInterface {
	return unresponsiveResource{m.Interface.Resource(r)}
}

type unresponsiveResource struct {
	dynamic.NamespaceableResourceInterface
}

func (unresponsiveResource) Update(ctx context.Context, _ *unstructured.Unstructured, _ metav1.UpdateOptions, _ ...string) (*unstructured.Unstructured, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}
