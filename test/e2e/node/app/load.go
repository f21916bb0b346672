package main

import (
	"context"
	"encoding/json"
	"fmt"
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

// load calls a target continuously, and prints the results every second. The first calls wait until the target is
// resolved. After that every failed call counts.
func load(ctx context.Context, target string) error {
	channel, err := grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer channel.Close()
	client, sum := testpb.NewTestServiceClient(channel), tally{By: map[string]int{}}
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
			sum.count(ctx, client)
		}
	}
}

func (s *tally) count(ctx context.Context, client testpb.TestServiceClient) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	answer, err := client.UnaryCall(ctx, &testpb.SimpleRequest{}, grpc.WaitForReady(s.OK == 0))
	switch {
	case err == nil:
		s.OK++
		s.By[answer.GetServerId()]++
		s.By[answer.GetHostname()]++
	case s.OK > 0:
		s.Failed++
		s.Error = time.Now().UTC().Format(time.TimeOnly) + " " + err.Error()
	}
}
