package resolve

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// entryFeed has one ServiceEntry, whose name the control plane resolves. It is never complete if the source is away.
type entryFeed struct{ away bool }

func (f entryFeed) Run(ctx context.Context, inbox *watch.Inbox) error {
	if !f.away {
		key := object.Key{Kind: object.KindServiceEntry, Namespace: "demo", Name: "ledger"}
		inbox.Put(watch.Changes{Objects: map[object.Key]*object.Object{key: {Key: key, Value: &object.ServiceEntry{
			Hosts: []object.DeclaredHost{{Name: "ledger.example.com", Field: "spec.hosts[0]"}}, Ports: []mesh.Port{{Name: "grpc", Number: 80}},
			Resolution: networking.ServiceEntry_DNS, By: mesh.ResolveServer, Export: mesh.Export{Public: true},
		}}}})
		inbox.Complete()
	}
	<-ctx.Done()
	return nil
}

// memoryStore keeps the state of a source.
type memoryStore struct{ text []byte }

func (s *memoryStore) Save(write func(io.Writer) error) (ok bool) {
	var text bytes.Buffer
	if ok = write(&text) == nil; ok {
		s.text = text.Bytes()
	}
	return ok
}

func (s *memoryStore) Load(read func(io.Reader) error) error {
	if s.text == nil {
		return errors.New("nothing is stored")
	}
	return read(bytes.NewReader(s.text))
}

// TestRestart restarts the control plane while nothing resolves names: clients keep the addresses that were stored, whether or not
// the source can be read, until the name is resolved again, or does not exist.
func TestRestart(t *testing.T) {
	answer := func(text string) Lookup {
		return func(context.Context, string) (Answer, error) {
			return Answer{Addresses: []netip.Addr{netip.MustParseAddr(text)}, TTL: time.Hour}, nil
		}
	}
	fails := func(err error) Lookup { return func(context.Context, string) (Answer, error) { return Answer{}, err } }
	unreachable := fails(errors.New("no answer"))
	synctest.Test(t, func(t *testing.T) {
		store := &memoryStore{}
		// run returns the endpoints and Problems that a process has after a while.
		run := func(lookup Lookup, away bool, after time.Duration) (addresses, problems []string) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			worlds, ended := watch.NewWorlds(), make(chan error)
			source := watch.NewSource(entryFeed{away}, watch.Options{Names: New(lookup), StateStore: store, StateWait: time.Second})
			go func() { ended <- source.Run(ctx, worlds) }()
			first := true
			for end := time.After(after); ctx.Err() == nil; {
				select {
				case w := <-worlds:
					addresses, problems = nil, nil
					set, _ := w.Endpoints.Get("ledger.example.com")
					if set != nil {
						for _, e := range set.Endpoints {
							addresses = append(addresses, e.Address)
						}
					}
					for _, p := range w.Problems {
						if p.Code == mesh.CodeNotResolved {
							problems = append(problems, p.Message)
						}
					}
					if first && len(addresses) == 0 && store.text != nil {
						t.Error("the first World has no endpoints")
					}
					first = false
				case <-end:
					cancel()
				}
			}
			if err := <-ended; err != nil {
				t.Error(err)
			}
			return addresses, problems
		}
		check := func(when string, got, problems []string, want, problem string) {
			t.Helper()
			if strings.Join(got, " ") != want || (len(problems) > 0) != (problem != "") || problem != "" && !slices.ContainsFunc(problems, func(p string) bool { return strings.Contains(p, problem) }) {
				t.Errorf("%s: got the endpoints %q and the Problems %q, want %q and %q", when, got, problems, want, problem)
			}
		}
		got, problems := run(answer("10.1.0.1"), false, time.Minute)
		check("with DNS", got, problems, "10.1.0.1", "")
		got, problems = run(unreachable, false, 4*time.Second)
		check("restarted without DNS", got, problems, "10.1.0.1", "Clients keep its last 1 addresses")
		got, problems = run(unreachable, false, 10*time.Minute)
		check("and later", got, problems, "10.1.0.1", "no answer")
		got, problems = run(unreachable, true, time.Minute)
		check("restarted without DNS and without the source", got, problems, "10.1.0.1", "")
		got, problems = run(answer("10.1.0.2"), false, time.Minute)
		check("with another answer", got, problems, "10.1.0.2", "")
		got, problems = run(fails(ErrNoSuchName), false, 10*time.Minute)
		check("once the name is gone", got, problems, "", "does not exist")
	})
}
