package xds

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
)

// TestCovers has the outcomes of plain HTTP calls that a condition repeats, as the Java agent's RoutedCallTest has them.
func TestCovers(t *testing.T) {
	outcomes := map[string]Outcome{"connect": {Err: errors.New("refused"), Unreached: true}, "reset": {Err: errors.New("reset")}}
	for _, status := range []int{200, 404, 409, 418, 500, 502, 503, 504, 599} {
		outcomes[strconv.Itoa(status)] = Outcome{Status: status}
	}
	for on, want := range map[string]string{
		"5xx":                             "500 502 503 504 599 connect reset",
		"gateway-error":                   "502 503 504 connect reset",
		"connect-failure, refused-stream": "connect",
		"reset-before-request":            "connect",
		"reset":                           "connect reset",
		"retriable-4xx":                   "409",
		"retriable-status-codes":          "418",
		"unavailable,cancelled":           "",
	} {
		p, err := readRetries(parsed[routev3.RetryPolicy](t, `{"retryOn": "`+on+`", "retriableStatusCodes": [418], "numRetries": 2}`))
		if err != nil {
			t.Fatal(err)
		}
		for name, o := range outcomes {
			if got := p.covers(o); got != slices.Contains(strings.Fields(want), name) {
				t.Errorf("%s and %s: got %v", on, name, got)
			}
		}
	}
}

// TestRetryTimes: the time between retries of plain HTTP calls grows to its bound, and the number of retries is bounded.
func TestRetryTimes(t *testing.T) {
	p, err := readRetries(parsed[routev3.RetryPolicy](t, `{"retryOn": "5xx", "numRetries": 9, "retryBackOff": {"baseInterval": "0.001s"}}`))
	if err != nil {
		t.Fatal(err)
	}
	failed := Outcome{Status: 500}
	longest := []time.Duration{time.Millisecond, 3 * time.Millisecond, 7 * time.Millisecond, 10 * time.Millisecond, 10 * time.Millisecond}
	for range 1000 {
		for retry, limit := range longest {
			if wait, again := p.waitHTTP(retry, failed); !again || wait > limit {
				t.Fatalf("retry %d: got %v and %v, want up to %v", retry, wait, again, limit)
			}
		}
	}
	if _, again := p.waitHTTP(9, failed); again {
		t.Error("got a tenth retry of nine")
	}
}
