package ads

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// fakeProtocol is a protocol whose methods are set by a test.
type fakeProtocol struct {
	onRecv func(*serving.Session) error
	onSend func(*serving.Response) error
}

func (x fakeProtocol) recv(s *serving.Session) error { return x.onRecv(s) }

func (x fakeProtocol) send(r *serving.Response) error { return x.onSend(r) }

// slowProtocol is a protocol whose recv takes a second. busy counts the requests that are being read.
type slowProtocol struct {
	protocol
	busy *atomic.Int32
}

func (x slowProtocol) recv(s *serving.Session) error {
	x.busy.Add(1)
	defer x.busy.Add(-1)
	err := x.protocol.recv(s)
	<-time.After(time.Second)
	return err
}

// TestStreamsEnd ends streams for every reason that one of the two goroutines can have.
func TestStreamsEnd(t *testing.T) {
	ask := func(s *serving.Session) {
		s.Request(&serving.Request{Type: snapshot.EndpointType, Names: []string{"outbound|80||echo.demo.svc.cluster.local"}})
	}
	once := func(then func() error) func(*serving.Session) error {
		first := true
		return func(s *serving.Session) error {
			if first {
				first = false
				ask(s)
				return nil
			}
			return then()
		}
	}
	for name, test := range map[string]struct {
		talk func(end context.CancelFunc, done <-chan struct{}) fakeProtocol
		want codes.Code
	}{
		"the client leaves": {func(context.CancelFunc, <-chan struct{}) fakeProtocol {
			return fakeProtocol{once(func() error { return errClientClosed }), func(*serving.Response) error { return nil }}
		}, codes.OK},
		"a request is refused": {func(context.CancelFunc, <-chan struct{}) fakeProtocol {
			return fakeProtocol{once(func() error { return status.Error(codes.ResourceExhausted, "too much") }), func(*serving.Response) error { return nil }}
		}, codes.ResourceExhausted},
		"to read panics": {func(context.CancelFunc, <-chan struct{}) fakeProtocol {
			return fakeProtocol{once(func() error { panic("reading") }), func(*serving.Response) error { return nil }}
		}, codes.Internal},
		"a response cannot be sent": {func(_ context.CancelFunc, done <-chan struct{}) fakeProtocol {
			return fakeProtocol{once(func() error { <-done; return errClientClosed }), func(*serving.Response) error { return errors.New("gone") }}
		}, codes.Unavailable},
		"the server ends it": {func(end context.CancelFunc, done <-chan struct{}) fakeProtocol {
			return fakeProtocol{once(func() error { <-done; return errClientClosed }), func(*serving.Response) error { end(); return nil }}
		}, codes.OK},
		"the server ends it while there is always more to say": {func(end context.CancelFunc, done <-chan struct{}) fakeProtocol {
			var session *serving.Session
			said := 0
			return fakeProtocol{
				func(s *serving.Session) error {
					if session == nil {
						session = s
						ask(s)
						return nil
					}
					<-done
					return errClientClosed
				},
				func(r *serving.Response) error {
					end()
					if said++; said > 100 {
						return errors.New("it goes on")
					}
					name := fmt.Sprintf("outbound|80||echo%d.demo.svc.cluster.local", said)
					session.Request(&serving.Request{Type: snapshot.EndpointType, Names: []string{name}, Nonce: r.Nonce})
					return nil
				},
			}
		}, codes.OK},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := serving.NewStore(serving.Options{})
				store.Publish(&mesh.World{Domain: "cluster.local"})
				d := newDiscovery(t.Context(), Options{Store: store, Logger: slog.New(slog.DiscardHandler)})
				ctx, end := context.WithCancel(t.Context())
				defer end()
				done := make(chan struct{})
				x := slowProtocol{test.talk(end, done), new(atomic.Int32)}
				err := d.run(&clientStream{streamCtx: t.Context(), ctx: ctx, cancel: end}, serving.ClientInfoOf(nil, "", ""), x, func() {})
				if got := status.Code(err); got != test.want {
					t.Errorf("got %v, want %v", err, test.want)
				}
				close(done)
				d.receivers.Wait()
				if n := x.busy.Load(); n != 0 {
					t.Errorf("%d requests are still being served after the server has stopped", n)
				}
			})
		})
	}
}

// TestHalfClosed has clients that send their requests, close the sending side and read, as command line tools do.
// Their last request is answered, whichever of the two goroutines is faster: with so many streams each case occurs.
func TestHalfClosed(t *testing.T) {
	const streams = 20_000
	store := serving.NewStore(serving.Options{})
	store.Publish(&mesh.World{Domain: "cluster.local"})
	d := newDiscovery(t.Context(), Options{Store: store, Logger: slog.New(slog.DiscardHandler)})
	answers := 0
	all := fakeProtocol{
		func(s *serving.Session) error {
			s.Request(&serving.Request{Type: snapshot.EndpointType, Names: []string{echoCluster}})
			return errClientClosed
		},
		func(*serving.Response) error {
			answers++
			return nil
		},
	}
	for range streams {
		v := &clientStream{streamCtx: t.Context(), ctx: t.Context(), cancel: func() {}}
		if err := d.run(v, serving.ClientInfoOf(nil, "", ""), all, func() {}); err != nil {
			t.Fatal(err)
		}
	}
	if answers != streams {
		t.Errorf("%d of %d clients were answered", answers, streams)
	}
}
