package resolve

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/watch"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// world is a Resolver in a bubble, with a server that answers as the test says.
type world struct {
	*Resolver

	inbox *watch.Inbox
	mu    sync.Mutex
	now   func() (Answer, error)
	asked []time.Time
}

func inBubble(t *testing.T, first func() (Answer, error), test func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{inbox: watch.NewInbox(), now: first}
		w.Resolver = New(func(context.Context, string) (Answer, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.asked = append(w.asked, time.Now())
			return w.now()
		})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- w.Run(ctx, w.inbox) }()
		w.Want(map[string]struct{}{"db.example.com": {}})
		synctest.Wait()
		test(t, w)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func (w *world) answer(now func() (Answer, error)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = now
}

// lookups is how often the name was looked up.
func (w *world) lookups() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.asked)
}

// name returns what was put into the inbox since the last call; nil if nothing was.
func (w *world) name() *object.Name {
	changes, _ := w.inbox.Take()
	if o := changes.Objects[object.NameKey("db.example.com")]; o != nil {
		return o.Value.(*object.Name)
	}
	return nil
}

func ips(texts ...string) []netip.Addr {
	var all []netip.Addr
	for _, text := range texts {
		all = append(all, netip.MustParseAddr(text))
	}
	return all
}

func answering(ttl time.Duration, texts ...string) func() (Answer, error) {
	return func() (Answer, error) { return Answer{ips(texts...), ttl}, nil }
}

func failing(err error) func() (Answer, error) {
	return func() (Answer, error) { return Answer{}, err }
}

// TestRefresh: a TTL below and above the limits, with jitter.
func TestRefresh(t *testing.T) {
	for ttl, want := range map[time.Duration]time.Duration{time.Second: minRefresh, time.Minute: time.Minute, time.Hour: maxRefresh} {
		inBubble(t, answering(ttl, "10.0.0.1"), func(t *testing.T, w *world) {
			<-time.After(5*want + want/2)
			w.mu.Lock()
			defer w.mu.Unlock()
			if n := len(w.asked); n < 5 || n > 7 {
				t.Errorf("TTL %v: got %d lookups in %v, want one for each %v", ttl, n, 5*want+want/2, want)
			}
			for i := 1; i < len(w.asked); i++ {
				if in := w.asked[i].Sub(w.asked[i-1]); in < want*89/100 || in > want*111/100+time.Second {
					t.Errorf("TTL %v: a lookup after %v, want %v within a tenth", ttl, in, want)
				}
			}
		})
	}
}

// TestAnswers: rotating answers are united, failures keep the last ones, and a name that does not exist for long loses them.
func TestAnswers(t *testing.T) {
	inBubble(t, answering(time.Second, "10.0.0.2", "10.0.0.1"), func(t *testing.T, w *world) {
		expect := func(what string, failure bool, want ...string) {
			t.Helper()
			if got := w.name(); got == nil || (got.Failure != "") != failure || !slices.Equal(got.Addresses, ips(want...)) {
				t.Errorf("%s: got %+v, want %v, failing: %t", what, got, want, failure)
			}
		}
		// step is one lookup with that answer. When it takes place depends on the jitter.
		step := func(now func() (Answer, error)) {
			w.answer(now)
			for n := w.lookups(); w.lookups() == n; synctest.Wait() {
				<-time.After(time.Second)
			}
		}
		expect("the first answer", false, "10.0.0.1", "10.0.0.2")
		step(answering(time.Second, "10.0.0.1", "10.0.0.2"))
		if got := w.name(); got != nil {
			t.Errorf("the same addresses in another order: got %+v, want no change", got)
		}
		step(answering(time.Second, "10.0.0.3"))
		expect("another answer", false, "10.0.0.1", "10.0.0.2", "10.0.0.3")
		step(failing(errors.New("no answer")))
		expect("a failure", true, "10.0.0.1", "10.0.0.2", "10.0.0.3")
		step(answering(time.Second, "10.0.0.3"))
		expect("an answer again; the oldest of three is forgotten", false, "10.0.0.1", "10.0.0.2", "10.0.0.3")
		w.answer(failing(ErrNoSuchName))
		<-time.After(time.Minute)
		synctest.Wait()
		expect("no such name for long", true)
		step(answering(time.Second, "10.0.0.9"))
		<-time.After(2 * maxRetry)
		synctest.Wait()
		expect("the name is back", false, "10.0.0.9")
	})
}

// TestAddressesThatAreNotSent: an answer does not lead clients to their own machine, or to services of the network that they are in. Of very
// many addresses a part is sent.
func TestAddressesThatAreNotSent(t *testing.T) {
	inBubble(t, answering(time.Minute, "127.0.0.1", "169.254.169.254", "::1", "fe80::1", "224.0.0.1", "0.0.0.0", "::ffff:127.0.0.1", "10.0.0.1"), func(t *testing.T, w *world) {
		if got := w.name(); got == nil || !slices.Equal(got.Addresses, ips("10.0.0.1")) || got.LeftOut != "127.0.0.1" {
			t.Errorf("got %+v, want 10.0.0.1 alone", got)
		}
	})
	inBubble(t, func() (Answer, error) { return Answer{addressesOf(4000), time.Minute}, nil }, func(t *testing.T, w *world) {
		if got := w.name(); got == nil || len(got.Addresses) != maxAddresses || !got.TooMany {
			t.Errorf("got %+v, want %d addresses", got, maxAddresses)
		}
	})
}

// TestWant: names come and go, more than are looked up at a time, and the Resolver says when each was looked up.
func TestWant(t *testing.T) {
	inBubble(t, answering(time.Minute, "10.0.0.1"), func(t *testing.T, w *world) {
		names := map[string]struct{}{}
		for i := range 5 * parallel {
			names[fmt.Sprintf("n%d.example.com", i)] = struct{}{}
		}
		w.name()
		w.Want(names)
		settled := w.Settled()
		<-settled
		changes, _ := w.inbox.Take()
		if len(changes.Objects) != len(names) {
			t.Errorf("got %d names, want %d", len(changes.Objects), len(names))
		}
		if _, old := w.records["db.example.com"]; old {
			t.Error("a name that is not wanted any more is kept")
		}
	})
}

// TestSlowDomain: names of a domain whose servers do not answer do not keep other names from being looked up, however many they are.
func TestSlowDomain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(func(ctx context.Context, name string) (Answer, error) {
			if name == "db.example.org" {
				return Answer{ips("10.0.0.1"), time.Minute}, nil
			}
			select {
			case <-time.After(4 * time.Second):
			case <-ctx.Done():
			}
			return Answer{}, errors.New("no answer")
		})
		ctx, cancel := context.WithCancel(t.Context())
		inbox, ended := watch.NewInbox(), make(chan error)
		go func() { ended <- r.Run(ctx, inbox) }()
		names := map[string]struct{}{}
		for i := range 1000 {
			names[fmt.Sprintf("n%d.slow.example.com", i)] = struct{}{}
		}
		r.Want(maps.Clone(names))
		<-time.After(30 * time.Second)
		names["db.example.org"] = struct{}{}
		r.Want(names)
		<-time.After(time.Second)
		synctest.Wait()
		changes, _ := inbox.Take()
		if changes.Objects[object.NameKey("db.example.org")] == nil {
			t.Error("a name of another domain is not looked up within a second")
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
