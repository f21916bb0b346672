package routes

import (
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// TestAttemptLimit: the limit of an attempt makes no call be retried that would not be without it. For HTTP clients it limits a
// call that has one attempt.
func TestAttemptLimit(t *testing.T) {
	for name, test := range map[string]struct {
		family            mesh.Family
		off, byDefault    bool
		attempts          int32
		limit             time.Duration // of the call
		want              int32
		wantLimit         time.Duration
		wantAttemptLimits bool
	}{
		"by default":                      {family: mesh.FamilyHTTP, byDefault: true, attempts: 2, want: 2, wantAttemptLimits: true},
		"by default, which is off":        {family: mesh.FamilyHTTP, byDefault: true, off: true, attempts: 2, wantLimit: time.Second},
		"and a longer limit of the call":  {family: mesh.FamilyHTTP, byDefault: true, off: true, attempts: 2, limit: time.Minute, wantLimit: time.Second},
		"and a shorter limit of the call": {family: mesh.FamilyHTTP, byDefault: true, off: true, attempts: 2, limit: time.Millisecond, wantLimit: time.Millisecond},
		"never":                           {family: mesh.FamilyHTTP, wantLimit: time.Second},
		"three times":                     {family: mesh.FamilyHTTP, off: true, attempts: 3, want: 3, wantAttemptLimits: true},
		"gRPC, by default, which is off":  {family: mesh.FamilyGRPC, byDefault: true, off: true, attempts: 2},
		"gRPC, by default":                {family: mesh.FamilyGRPC, byDefault: true, attempts: 2, want: 2, wantAttemptLimits: true},
	} {
		t.Run(name, func(t *testing.T) {
			rule := &networking.HTTPRoute{Retries: &networking.HTTPRetry{Attempts: test.attempts, PerTryTimeout: durationpb.New(time.Second)}}
			if test.limit != 0 {
				rule.Timeout = durationpb.New(test.limit)
			}
			resolver := destinationResolver{family: test.family, defaults: mesh.Defaults{NoRetries: test.off}}
			got := resolver.limited(rule, &mesh.Author{DefaultRetries: test.byDefault})
			if got.GetRetries().GetAttempts() != test.want || got.GetTimeout().AsDuration() != test.wantLimit || (got.GetRetries().GetPerTryTimeout() != nil) != test.wantAttemptLimits {
				t.Errorf("got %v", got)
			}
		})
	}
}
