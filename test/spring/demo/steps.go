package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sync/errgroup"
	testpb "google.golang.org/grpc/interop/grpc_testing"
)

// stepTime is how long calls are counted in each step.
const stepTime = 6 * time.Second

// share has the bounds of v2's share in a stream. If the share is random, they are seven standard deviations wide or more.
type share struct{ low, high float64 }

var (
	all   = share{1, 1}
	none  = share{0, 0}
	half  = share{0.25, 0.75}
	tenth = share{0.001, 0.30}
)

// step is a change and what is expected of it. Streams that want does not name have only to be answered.
type step struct {
	title  string
	change func(ctx context.Context, w *world) (time.Time, error)
	want   map[string]share
	// followed is the stream whose answers show that the change has arrived, and the version that they have then.
	followed map[string]string
	// note is printed after the time that this took.
	note string
}

// edit returns a change of the rules.
func edit(r rules) func(context.Context, *world) (time.Time, error) {
	return func(_ context.Context, w *world) (time.Time, error) {
		w.rules = r
		return w.write("rules.yaml", r.String())
	}
}

// steps are the story. Each step starts from the state after the one before.
var steps = []step{
	{
		title: "as installed: 90 % of the calls to go-sc-a go to v1, 10 % to v2",
		want:  map[string]share{springToGo: tenth, goToGo: tenth, springToSpring: none, goToSpring: none},
	},
	{
		title:  "a weight shift: 50 % to v1, 50 % to v2",
		change: edit(rules{v1: 50, v2: 50}),
		want:   map[string]share{springToGo: half, goToGo: half},
	},
	{
		title:    "a header route: everything to v1, but calls with x-user: tester to v2",
		change:   edit(rules{v1: 100, header: true}),
		want:     map[string]share{springToGo: none, goToGo: none, springToGoTester: all, goToGoTester: all, springToGoGray: none},
		followed: map[string]string{springToGo: "v1", goToGo: "v1", springToGoTester: "v2", goToGoTester: "v2", springToGoGray: "v1", goToGoGray: "v1"},
	},
	{
		title:    "a lane: calls in the lane gray to v2, all others to v1; sc-a carries the lane of the request that it answers",
		change:   edit(rules{v1: 100, lane: true}),
		want:     map[string]share{springToGo: none, goToGo: none, springToGoGray: all, goToGoGray: all, springToGoTester: none, springToSpring: none},
		followed: map[string]string{springToGoGray: "v2", goToGoGray: "v2", springToGoTester: "v1", goToGoTester: "v1"},
	},
	{
		title:  "the control plane is killed: the rules stay",
		change: killPlane,
		want:   map[string]share{springToGo: none, goToGo: none, springToGoGray: all, goToGoGray: all},
	},
	{
		title:    "the control plane is back, and everything is sent to v2",
		change:   returnPlane,
		want:     map[string]share{springToGo: all, goToGo: all, springToGoGray: all},
		followed: map[string]string{springToGo: "v2", goToGo: "v2", springToGoTester: "v2", goToGoTester: "v2"},
		note:     ": they try to reconnect every few seconds",
	},
}

func killPlane(_ context.Context, w *world) (time.Time, error) {
	w.plane.Kill()
	return time.Now(), nil
}

func returnPlane(ctx context.Context, w *world) (time.Time, error) {
	if err := w.startPlane(); err != nil {
		return time.Time{}, err
	}
	return edit(rules{v2: 100})(ctx, w)
}

// tell runs the story under calls in all directions.
func (w *world) tell(ctx context.Context) error {
	conn, err := w.newGreeter()
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	streams := w.streams(testpb.NewTestServiceClient(conn))
	for _, s := range streams { // the first call of each waits for the control plane
		if _, err := s.call(ctx); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	w.introduce(os.Stdout)
	w.tally = newTally()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return callAll(ctx, streams, w.tally) })
	group.Go(func() error {
		defer cancel()
		return w.runSteps(ctx, streams)
	})
	return group.Wait()
}

func (w *world) runSteps(ctx context.Context, streams []stream) error {
	calls, failures, faults := 0, 0, 0
	for i, s := range steps {
		fmt.Printf("\n[%d/%d] %s\n", i+1, len(steps), s.title)
		found, err := w.runStep(ctx, s, streams)
		if err != nil {
			return err
		}
		calls += found.calls
		failures += found.failures
		faults += len(found.faults)
	}
	fmt.Printf("\n%d calls in %d directions, %d failed.\n", calls, len(streams), failures)
	if faults > 0 {
		return errNotAsStated
	}
	fmt.Println("Everything went as stated.")
	return nil
}

// result is what a step gave.
type result struct {
	calls, failures int
	faults          []string
}

func (w *world) runStep(ctx context.Context, s step, streams []stream) (result, error) {
	var r result
	if s.change != nil {
		at, err := s.change(ctx, w)
		if err != nil {
			return r, err
		}
		if err := w.awaitFollowed(ctx, s, streams, at); err != nil {
			r.faults = append(r.faults, err.Error())
		}
	}
	_, before := w.tally.restart()
	select {
	case <-time.After(stepTime):
	case <-ctx.Done():
		return r, ctx.Err()
	}
	answers, failures := w.tally.restart()
	failures = append(before, failures...)
	r.failures = len(failures)
	if len(failures) > 0 {
		r.faults = append(r.faults, fmt.Sprintf("%d calls failed, the first one: %s", len(failures), failures[0]))
	}
	for _, stream := range streams {
		n := answers[stream.name]["v1"] + answers[stream.name]["v2"]
		r.calls += n
		got := float64(answers[stream.name]["v2"]) / float64(max(n, 1))
		if want, ok := s.want[stream.name]; n == 0 || ok && (got < want.low || got > want.high) {
			r.faults = append(r.faults, fmt.Sprintf("%s: v2 got %.1f %% of %d calls, not %.0f to %.0f %%", stream.name, 100*got, n, 100*want.low, 100*want.high))
		}
	}
	printStep(os.Stdout, streams, answers, r)
	return r, nil
}

// awaitFollowed waits until the streams have the answers that show the change, and prints how long it took.
func (w *world) awaitFollowed(ctx context.Context, s step, streams []stream, at time.Time) error {
	if s.followed == nil {
		// The shares show it. Calls that started before the change was followed are not counted.
		return w.settle(ctx, at)
	}
	for _, stream := range streams {
		want, ok := s.followed[stream.name]
		for ok {
			got, err := stream.call(ctx)
			if err == nil && got == want {
				break
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if time.Since(at) > 30*time.Second {
				return errors.New(stream.name + ": the change was not followed within 30 s")
			}
		}
	}
	fmt.Printf("      all callers follow it after %d ms%s\n", time.Since(at).Milliseconds(), s.note)
	return nil
}

// settle waits for a second after a change.
func (w *world) settle(ctx context.Context, at time.Time) error {
	select {
	case <-time.After(time.Until(at.Add(time.Second))):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
