package watch

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// fakeFeed runs the functions that a test sends, and ends with the error of one that fails.
type fakeFeed struct {
	do chan func(*Inbox) error
}

func (f *fakeFeed) Run(ctx context.Context, inbox *Inbox) error {
	for {
		select {
		case do := <-f.do:
			if err := do(inbox); err != nil {
				return err
			}
		case <-ctx.Done():
			return nil
		}
	}
}

func serviceNamed(name string) Changes {
	key := object.Key{Kind: object.KindService, Namespace: "demo", Name: name}
	return Changes{Objects: map[object.Key]*object.Object{key: {Key: key, Value: &mesh.Service{Ref: key.Ref(), Host: name}}}}
}

// TestSource runs a feed and reads the Worlds of what it puts in: no World before the source is complete, one World
// for changes that arrive together, and at least MinInterval between two.
func TestSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		feed, worlds := &fakeFeed{make(chan func(*Inbox) error)}, NewWorlds()
		ended := make(chan error, 1)
		go func() { ended <- NewSource(feed, Options{MinInterval: time.Second}).Run(t.Context(), worlds) }()
		put := func(names ...string) {
			feed.do <- func(inbox *Inbox) error {
				for _, name := range names {
					inbox.Put(serviceNamed(name))
				}
				return nil
			}
			synctest.Wait()
		}
		check := func(when string, want ...string) {
			t.Helper()
			var got []string
			select {
			case w := <-worlds:
				got = w.Services.Hosts()
			default:
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s: hosts of the World (-want +got):\n%s", when, d)
			}
		}
		put("a")
		check("before the source is complete")
		feed.do <- func(inbox *Inbox) error { inbox.Complete(); return nil }
		synctest.Wait()
		check("once the source is complete", "a")
		put("b", "c")
		put("d")
		check("within the interval")
		<-time.After(time.Second)
		synctest.Wait()
		check("after the interval", "a", "b", "c", "d")
		<-time.After(time.Minute)
		put("e")
		check("after a pause", "a", "b", "c", "d", "e")

		broken := errors.New("the source cannot be read")
		feed.do <- func(*Inbox) error { return broken }
		if err := <-ended; !errors.Is(err, broken) {
			t.Errorf("the source ended with %v, want the error of its feed", err)
		}
	})
}
