package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/xds"

	"github.com/mizzen-mesh/mizzen/internal/bootstrap"
)

// stream is calls in one direction, one after another. call returns the version that answered.
type stream struct {
	name string
	call func(context.Context) (string, error)
}

const (
	interval    = 20 * time.Millisecond
	callTimeout = 10 * time.Second
)

var (
	tester = map[string]string{"x-user": "tester"}
	gray   = map[string]string{"baggage": "lane=gray"}
)

// streams are the directions of calls.
func (w *world) streams(greeter testpb.TestServiceClient) []stream {
	spring := func(url string, inbound, headers map[string]string) func(context.Context) (string, error) {
		return func(ctx context.Context) (string, error) { return w.springCall(ctx, url, inbound, headers) }
	}
	golang := func(headers map[string]string) func(context.Context) (string, error) {
		return func(ctx context.Context) (string, error) {
			r, err := greeter.UnaryCall(metadata.NewOutgoingContext(ctx, metadata.New(headers)), &testpb.SimpleRequest{})
			return r.GetServerId(), err
		}
	}
	return []stream{
		{springToGo, spring("http://go-sc-a/A", nil, nil)},
		{springToGoTester, spring("http://go-sc-a/A", nil, tester)},
		{springToGoGray, spring("http://go-sc-a/A", gray, nil)},
		{springToSpring, spring("http://sc-b/A", nil, nil)},
		{goToSpring, w.serviceCall},
		{goToGo, golang(nil)},
		{goToGoTester, golang(tester)},
		{goToGoGray, golang(gray)},
	}
}

const (
	springToGo       = "sc-a -> go-sc-a"
	springToGoTester = "sc-a -> go-sc-a, tester"
	springToGoGray   = "sc-a -> go-sc-a, lane"
	springToSpring   = "sc-a -> sc-b"
	goToSpring       = "go-sc-b -> sc-a"
	goToGo           = "go-sc-b -> go-sc-a"
	goToGoTester     = "go-sc-b -> go-sc-a, tester"
	goToGoGray       = "go-sc-b -> go-sc-a, lane"
)

// springCall has sc-a call a URL by its RestTemplate. inbound are headers of the request to sc-a, headers those of its call.
func (w *world) springCall(ctx context.Context, url string, inbound, headers map[string]string) (string, error) {
	body, err := json.Marshal(map[string]any{"client": "RestTemplate", "url": url, "headers": headers})
	if err != nil {
		return "", err
	}
	if headers == nil {
		body, err = json.Marshal(map[string]any{"client": "RestTemplate", "url": url})
	}
	if err != nil {
		return "", err
	}
	answer, err := w.spring["sc-a"].post(ctx, "/calls", inbound, body)
	if err != nil {
		return "", err
	}
	var outcomes []struct {
		Status      int
		Body, Error string
	}
	if err := json.Unmarshal(answer, &outcomes); err != nil {
		return "", err
	}
	if o := outcomes[0]; o.Status != http.StatusOK {
		return "", fmt.Errorf("status %d: %s%s", o.Status, o.Error, o.Body)
	}
	return version([]byte(outcomes[0].Body))
}

// serviceCall is go-sc-b's call to the Service of sc-a: plain HTTP to the Service's address.
func (w *world) serviceCall(ctx context.Context) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+w.service.address()+"/A", nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return "", errors.New(response.Status)
	}
	var a struct{ Version string }
	err = json.NewDecoder(response.Body).Decode(&a)
	return a.Version, err
}

func version(body []byte) (string, error) {
	var a struct{ Version string }
	err := json.Unmarshal(body, &a)
	return a.Version, err
}

// newGreeter is the gRPC channel of go-sc-b: it finds go-sc-a by xDS.
func (w *world) newGreeter() (*grpc.ClientConn, error) {
	config, err := bootstrap.JSON(bootstrap.Options{ServerURI: w.xds, NodeID: "go-sc-b", Namespace: namespace})
	if err != nil {
		return nil, err
	}
	// gRPC reads an application's bootstrap from the environment once, before main. This one is made at run time.
	builder, err := xds.NewXDSResolverWithConfigForTesting(config)
	if err != nil {
		return nil, fmt.Errorf("make the resolver of go-sc-b: %w", err)
	}
	return grpc.NewClient("xds:///go-sc-a:50051", grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithResolvers(builder))
}

// callAll calls in all directions until ctx ends.
func callAll(ctx context.Context, streams []stream, tally *tally) error {
	var group errgroup.Group
	for _, s := range streams {
		group.Go(func() error {
			ticker := time.NewTicker(interval)
			defer ticker.Stop()
			for {
				select {
				case <-ticker.C:
				case <-ctx.Done():
					return nil
				}
				start := time.Now()
				timed, cancel := context.WithTimeout(ctx, callTimeout)
				version, err := s.call(timed)
				cancel()
				if ctx.Err() == nil {
					tally.add(s.name, start, version, err)
				}
			}
		})
	}
	return group.Wait()
}

// tally counts the calls of a step, by stream and version.
type tally struct {
	mu sync.Mutex // protects the fields below
	// since is the start of the step. Calls that started before belong to no step, but their failures count.
	since    time.Time
	answers  map[string]map[string]int
	failures []string
}

func newTally() *tally {
	t := &tally{}
	t.restart()
	return t
}

func (t *tally) add(stream string, start time.Time, version string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case err != nil:
		t.failures = append(t.failures, stream+": "+err.Error())
	case !start.Before(t.since):
		if t.answers[stream] == nil {
			t.answers[stream] = map[string]int{}
		}
		t.answers[stream][version]++
	}
}

// restart ends a step, and returns its counts and the failures since the last time.
func (t *tally) restart() (map[string]map[string]int, []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	answers, failures := t.answers, t.failures
	t.since, t.answers, t.failures = time.Now(), map[string]map[string]int{}, nil
	return answers, failures
}
