package rollout

import (
	"strings"
	"testing"
	"time"

	"github.com/mizzen-mesh/mizzen/internal/load"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

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
		"not acknowledged":             {evidence{policy: policy, clients: 3, pending: 1}, ReasonAcknowledging, false, "1 of 3 clients"},
		"rejected":                     {evidence{policy: policy, clients: 3, pending: 1, refusals: []string{"grpc-go 1.85.0 rejected RDS x: no"}}, ReasonAborted, true, "rejected RDS x"},
		"rejected without abort":       {evidence{policy: kept, clients: 3, refusals: []string{"grpc-go 1.85.0 rejected RDS x: no"}}, ReasonRefused, false, "Correct the object"},
		"in the window":                {evidence{policy: policy, clients: 3, elapsed: time.Second, first: load.Attempts{Calls: 200, Errors: 200}, rest: load.Attempts{Calls: 200}}, ReasonInProgress, false, "100.0% of 200 attempts"},
		"equal":                        {evidence{policy: policy, clients: 3, elapsed: over, first: load.Attempts{Calls: 100, Errors: 3}, rest: load.Attempts{Calls: 1000, Errors: 30}}, ReasonPromoted, true, "3.0% of 100"},
		"one point":                    {evidence{policy: policy, clients: 3, elapsed: over, first: load.Attempts{Calls: 100, Errors: 1}, rest: load.Attempts{Calls: 100}}, ReasonPromoted, true, "1.0% of 100"},
		"more than one point":          {evidence{policy: policy, clients: 3, elapsed: over, first: load.Attempts{Calls: 100, Errors: 2}, rest: load.Attempts{Calls: 100}}, ReasonAborted, true, "2.0% of 100"},
		"worse without abort":          {evidence{policy: kept, clients: 3, elapsed: over, first: load.Attempts{Calls: 100, Errors: 2}, rest: load.Attempts{Calls: 100}}, ReasonFailing, false, "keep the version before"},
		"better":                       {evidence{policy: policy, clients: 3, elapsed: over, first: load.Attempts{Calls: 100}, rest: load.Attempts{Calls: 100, Errors: 90}}, ReasonPromoted, true, "90.0%"},
		"too few with the change":      {evidence{policy: policy, clients: 3, elapsed: over, first: load.Attempts{Calls: 99}, rest: load.Attempts{Calls: 1000}}, ReasonTooFewCalls, false, "99 attempts"},
		"too few without":              {evidence{policy: policy, clients: 3, elapsed: over, first: load.Attempts{Calls: 1000}, rest: load.Attempts{Calls: 1}}, ReasonTooFewCalls, false, "1 attempt "},
		"no client":                    {evidence{policy: policy, elapsed: over, rest: load.Attempts{Calls: 1000}}, ReasonNoClients, false, "Raise the share"},
		"no client, and other calls":   {evidence{policy: policy, elapsed: over, first: load.Attempts{Calls: 1000}, rest: load.Attempts{Calls: 1000}}, ReasonNoClients, false, "Raise the share"},
		"deleted":                      {evidence{policy: policy, deleted: true, elapsed: over, first: load.Attempts{Calls: 1000}, rest: load.Attempts{Calls: 1000}}, ReasonPromoted, true, "of 1000"},
		"deleted, and few calls":       {evidence{policy: policy, deleted: true, elapsed: over, rest: load.Attempts{Calls: 1000}}, ReasonTooFewCalls, false, "0 attempts"},
		"calls stop":                   {evidence{policy: policy, clients: 3, elapsed: over, first: load.Attempts{Calls: 11}, rest: load.Attempts{Calls: 1000}, firstRate: 2, restRate: 17}, ReasonAborted, true, "stopped calling"},
		"all calls stop":               {evidence{policy: policy, clients: 3, elapsed: over, rest: load.Attempts{Calls: 100}, firstRate: 2, restRate: 17}, ReasonTooFewCalls, false, ""},
		"there were few calls":         {evidence{policy: policy, clients: 3, elapsed: over, rest: load.Attempts{Calls: 1000}, firstRate: 1, restRate: 17}, ReasonTooFewCalls, false, ""},
		"calls become fewer":           {evidence{policy: policy, clients: 3, elapsed: over, first: load.Attempts{Calls: 20}, rest: load.Attempts{Calls: 1000}, firstRate: 2, restRate: 17}, ReasonTooFewCalls, false, ""},
		"stopped, without a rejection": {evidence{policy: kept, clients: 3, elapsed: over, rest: load.Attempts{Calls: 1000}, firstRate: 2, restRate: 17}, ReasonFailing, false, "stopped calling"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
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
