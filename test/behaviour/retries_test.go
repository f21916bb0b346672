package behaviour

import (
	"slices"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
)

// TestRetriesOnlyByRule: without Istio's default policy, only calls with a retry policy in their rule are retried.
func TestRetriesOnlyByRule(t *testing.T) {
	off := watch.Options{Defaults: mesh.Defaults{NoRetries: true}}
	tests := map[string]struct {
		objects  []string
		want     codes.Code
		attempts []string
	}{
		"no rule":                   {nil, codes.Unavailable, []string{""}},
		"a rule that says nothing":  {[]string{routes("echo", "route: [{destination: {host: echo}}]")}, codes.Unavailable, []string{""}},
		"a rule that wants retries": {[]string{routes("echo", "{retries: {attempts: 1}, route: [{destination: {host: echo}}]}")}, codes.OK, []string{"", "1"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBackend(t, "a", "v1")
			p := newPlaneOf(t, off, append(test.objects, service("echo", b))...)
			b.failures.Store(1)
			if _, err := call(t, p.dial("echo")); status.Code(err) != test.want {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if attempts, _ := b.seen(); !slices.Equal(attempts, test.attempts) {
				t.Errorf("the backend saw attempts %q, want %q", attempts, test.attempts)
			}
		})
	}
}
