package rollout

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mizzen-mesh/mizzen/internal/load"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

var web = load.Source{Namespace: "shop", Workload: "web"}

func own(first, rest load.Attempts) calls { return rules(pair{first, rest}) }

// rules are calls of one workload by several rules.
func rules(each ...pair) calls {
	c := newCalls()
	for i, p := range each {
		c.add(unit{fmt.Sprint("rule-", i), web}, p)
	}
	return c
}

// shared adds calls of which it is not known by which rules they are made.
func shared(c calls, first, rest load.Attempts) calls {
	c.add(unit{"", web}, pair{first, rest})
	return c
}

// before are the attempts in a minute.
func before(first uint64) calls {
	return own(load.Attempts{Calls: first}, load.Attempts{Calls: 1020})
}

func TestJudge(t *testing.T) {
	policy := mesh.RolloutPolicy{Percent: 10, Window: time.Minute, Abort: true}
	kept := policy
	kept.Abort = false
	over := 61 * time.Second
	tests := map[string]struct {
		evidence
		want Reason
		ends bool
		text string
	}{
		"not acknowledged":               {evidence{policy: policy, clients: 3, pending: 1}, ReasonAcknowledging, false, "1 of 3 clients"},
		"rejected":                       {evidence{policy: policy, clients: 3, pending: 1, refusals: []string{"grpc-go 1.85.0 rejected RDS x: no"}}, ReasonAborted, true, "rejected RDS x"},
		"rejected without abort":         {evidence{policy: kept, clients: 3, refusals: []string{"grpc-go 1.85.0 rejected RDS x: no"}}, ReasonRefused, false, "Correct the object"},
		"in the window":                  {evidence{policy: policy, clients: 3, elapsed: time.Second, calls: own(load.Attempts{Calls: 200, Errors: 200}, load.Attempts{Calls: 200})}, ReasonInProgress, false, "100.0% of 200 attempts"},
		"in the window, without clients": {evidence{policy: policy, elapsed: time.Second}, ReasonNoClients, false, "Raise the share"},
		"deleted, in the window":         {evidence{policy: policy, deleted: true, elapsed: time.Second}, ReasonInProgress, false, "10% of the clients"},
		"equal":                          {evidence{policy: policy, clients: 3, elapsed: over, calls: own(load.Attempts{Calls: 200, Errors: 6}, load.Attempts{Calls: 1000, Errors: 30})}, ReasonPromoted, true, "3.0% of 200"},
		"one point":                      {evidence{policy: policy, clients: 3, elapsed: over, calls: own(load.Attempts{Calls: 10_000, Errors: 99}, load.Attempts{Calls: 10_000})}, ReasonPromoted, true, "1.0% of 10000"},
		"more than one point":            {evidence{policy: policy, clients: 3, elapsed: over, calls: own(load.Attempts{Calls: 10_000, Errors: 110}, load.Attempts{Calls: 10_000})}, ReasonAborted, true, "1.1% of 10000"},
		"worse without abort":            {evidence{policy: kept, clients: 3, elapsed: over, calls: own(load.Attempts{Calls: 100, Errors: 30}, load.Attempts{Calls: 100})}, ReasonFailing, false, "keep the version before"},
		"better":                         {evidence{policy: policy, clients: 3, elapsed: over, calls: own(load.Attempts{Calls: 100}, load.Attempts{Calls: 100, Errors: 90})}, ReasonPromoted, true, "90.0%"},
		"too few with the change":        {evidence{policy: policy, clients: 3, elapsed: over, calls: own(load.Attempts{Calls: 99}, load.Attempts{Calls: 1000})}, ReasonTooFewCalls, false, "99 attempts"},
		"too few without":                {evidence{policy: policy, clients: 3, elapsed: over, calls: own(load.Attempts{Calls: 1000}, load.Attempts{Calls: 1})}, ReasonTooFewCalls, false, "1 attempt "},
		"no client":                      {evidence{policy: policy, elapsed: over, calls: own(load.Attempts{}, load.Attempts{Calls: 1000})}, ReasonNoClients, false, "Raise the share"},
		"no client, and other calls":     {evidence{policy: policy, elapsed: over, calls: own(load.Attempts{Calls: 1000}, load.Attempts{Calls: 1000})}, ReasonNoClients, false, "Raise the share"},
		"other calls hide a rule":        {evidence{policy: policy, clients: 3, elapsed: over, calls: rules(pair{load.Attempts{Calls: 100, Errors: 99}, load.Attempts{Calls: 100}}, pair{load.Attempts{Calls: 100_000}, load.Attempts{Calls: 100_000}})}, ReasonAborted, true, "rule-0, workload shop/web: 99.0% of 100"},
		"other calls hide few":           {evidence{policy: policy, clients: 3, elapsed: over, calls: rules(pair{load.Attempts{Calls: 7, Errors: 7}, load.Attempts{Calls: 3}}, pair{load.Attempts{Calls: 1000}, load.Attempts{Calls: 1000}})}, ReasonTooFewCalls, false, "rule-0, workload shop/web: 100.0% of 7"},
		"few calls by a rule succeed":    {evidence{policy: policy, clients: 3, elapsed: over, calls: rules(pair{load.Attempts{Calls: 7}, load.Attempts{Calls: 3}}, pair{load.Attempts{Calls: 1000}, load.Attempts{Calls: 1000}})}, ReasonPromoted, true, "of 1007"},
		"calls by a rule stop":           {evidence{policy: policy, clients: 3, elapsed: over, calls: rules(pair{load.Attempts{Calls: 1}, load.Attempts{Calls: 1000}}, pair{load.Attempts{Calls: 9000}, load.Attempts{Calls: 9000}}), before: rules(pair{load.Attempts{Calls: 120}, load.Attempts{Calls: 1020}}, pair{load.Attempts{Calls: 9000}, load.Attempts{Calls: 9000}}), beforeFor: time.Minute}, ReasonAborted, true, "rule-0, workload shop/web: 0.0% of 1 "},
		"only shared calls":              {evidence{policy: policy, clients: 3, elapsed: over, calls: shared(newCalls(), load.Attempts{Calls: 1000}, load.Attempts{Calls: 1000})}, ReasonSharedCalls, false, "2000 more do not count"},
		"shared calls do not suffice":    {evidence{policy: policy, clients: 3, elapsed: over, calls: shared(own(load.Attempts{Calls: 99}, load.Attempts{Calls: 1000}), load.Attempts{Calls: 1000}, load.Attempts{Calls: 1000})}, ReasonSharedCalls, false, "of 99 attempts"},
		"shared calls fail":              {evidence{policy: policy, clients: 3, elapsed: over, calls: shared(newCalls(), load.Attempts{Calls: 1000, Errors: 1000}, load.Attempts{Calls: 1000})}, ReasonAborted, true, "100.0% of 1000"},
		"enough, and shared calls":       {evidence{policy: policy, clients: 3, elapsed: over, calls: shared(own(load.Attempts{Calls: 100}, load.Attempts{Calls: 100}), load.Attempts{Calls: 1000}, load.Attempts{Calls: 1000})}, ReasonPromoted, true, "of 100 attempts"},
		"not stopped but shared":         {evidence{policy: policy, clients: 3, elapsed: over, calls: shared(own(load.Attempts{Calls: 1}, load.Attempts{Calls: 1000}), load.Attempts{Calls: 100}, load.Attempts{}), before: before(120), beforeFor: time.Minute}, ReasonSharedCalls, false, ""},
		"deleted":                        {evidence{policy: policy, deleted: true, elapsed: over, calls: own(load.Attempts{Calls: 1000}, load.Attempts{Calls: 1000})}, ReasonPromoted, true, "of 1000"},
		"deleted, and few calls":         {evidence{policy: policy, deleted: true, elapsed: over, calls: own(load.Attempts{}, load.Attempts{Calls: 1000})}, ReasonTooFewCalls, false, "0 attempts"},
		"calls stop":                     {evidence{policy: policy, clients: 3, elapsed: over, calls: own(load.Attempts{Calls: 11}, load.Attempts{Calls: 1000}), before: before(120), beforeFor: time.Minute}, ReasonAborted, true, "stopped calling"},
		"all calls stop":                 {evidence{policy: policy, clients: 3, elapsed: over, calls: own(load.Attempts{}, load.Attempts{Calls: 100}), before: before(120), beforeFor: time.Minute}, ReasonTooFewCalls, false, ""},
		"there were few calls":           {evidence{policy: policy, clients: 3, elapsed: over, calls: own(load.Attempts{}, load.Attempts{Calls: 1000}), before: before(60), beforeFor: time.Minute}, ReasonTooFewCalls, false, ""},
		"calls become fewer":             {evidence{policy: policy, clients: 3, elapsed: over, calls: own(load.Attempts{Calls: 20}, load.Attempts{Calls: 1000}), before: before(120), beforeFor: time.Minute}, ReasonTooFewCalls, false, ""},
		"stopped, without a rejection":   {evidence{policy: kept, clients: 3, elapsed: over, calls: own(load.Attempts{}, load.Attempts{Calls: 1000}), before: before(120), beforeFor: time.Minute}, ReasonFailing, false, "stopped calling"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.remaining, test.stayed = test.before, test.before
			got := judge(test.evidence)
			if got.reason != test.want || (got.promote || got.abort) != test.ends || !strings.Contains(got.message, test.text) {
				t.Errorf("got %+v, want %s with %q, and an end: %v", got, test.want, test.text, test.ends)
			}
			if got.promote != (test.want == ReasonPromoted) || got.abort != (test.want == ReasonAborted) {
				t.Errorf("got %+v, which does not do what its reason says", got)
			}
		})
	}
}
