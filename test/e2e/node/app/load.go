package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	testpb "google.golang.org/grpc/interop/grpc_testing"
)

// pace is the time between two calls of load, and within is the time in which each call must end.
const (
	pace   = 10 * time.Millisecond
	within = 5 * time.Second
)

// tally is one line of load's results.
type tally struct {
	OK     int    `json:"ok"`
	Failed int    `json:"failed"`
	Error  string `json:"error,omitempty"`
	// By counts the answers of the last second by version and by pod.
	By map[string]int `json:"by"`
}

// answer is what an HTTP service answers.
type answer struct {
	Version string `json:"version"`
	Pod     string `json:"pod,omitempty"`
	// Served is the number of gRPC calls that the pod has answered.
	Served int64 `json:"served,omitempty"`
}

// caller makes one call.
type caller func(ctx context.Context, wait bool) (answer, error)

// load calls a target continuously, and prints the results every second. The first calls wait until the target is
// resolved. After that every failed call counts.
func load(ctx context.Context, target string) error {
	call := get(target)
	if !strings.HasPrefix(target, "http://") {
		channel, err := grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			return err
		}
		defer channel.Close()
		call = unary(testpb.NewTestServiceClient(channel))
	}
	sum := tally{By: map[string]int{}}
	second := time.NewTicker(time.Second)
	next := time.NewTicker(pace)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-second.C:
			line, err := json.Marshal(sum)
			if err != nil {
				return err
			}
			fmt.Println(string(line))
			sum.By = map[string]int{}
		case <-next.C:
			sum.count(ctx, call)
		}
	}
}

func (s *tally) count(ctx context.Context, call caller) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	answer, err := call(ctx, s.OK == 0)
	switch {
	case err == nil:
		s.OK++
		s.By[answer.Version]++
		s.By[answer.Pod]++
	case s.OK > 0:
		s.Failed++
		s.Error = time.Now().UTC().Format(time.TimeOnly) + " " + err.Error()
	}
}

func unary(client testpb.TestServiceClient) caller {
	return func(ctx context.Context, wait bool) (answer, error) {
		a, err := client.UnaryCall(ctx, &testpb.SimpleRequest{}, grpc.WaitForReady(wait))
		return answer{Version: a.GetServerId(), Pod: a.GetHostname()}, err
	}
}

// get calls by plain HTTP: it resolves the name by DNS, and kube-proxy balances.
func get(url string) caller {
	return func(ctx context.Context, _ bool) (a answer, err error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
		if err != nil {
			return a, err
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return a, err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return a, errors.New(response.Status)
		}
		err = json.NewDecoder(response.Body).Decode(&a)
		return a, err
	}
}
