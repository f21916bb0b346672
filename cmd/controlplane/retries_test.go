package main

import (
	"strings"
	"testing"
)

const plainService = "apiVersion: v1\nkind: Service\nmetadata: {name: echo, namespace: demo}\nspec: {ports: [{name: grpc, port: 7070}]}\n"

func TestDefaultRetries(t *testing.T) {
	tests := map[string]struct {
		args []string
		want int // the number of routes with retries
	}{
		"by default":  {nil, 1},
		"as in Istio": {[]string{"--default-retries=istio"}, 1},
		"off":         {[]string{"--default-retries=off"}, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := command(t.Context(), plainService, append([]string{"render", "-f", "-", "--type", "rds"}, test.args...)...)
			if n := strings.Count(got.stdout, "retry_policy"); got.code != exitOK || n != test.want {
				t.Errorf("got exit code %d and %d routes that retry, want 0 and %d:\n%s", got.code, n, test.want, got.stdout)
			}
		})
	}
	got := command(t.Context(), plainService, "check", "-f", "-", "--default-retries=always")
	if got.code != exitUsage || !strings.Contains(got.err, "it is one of istio, off") {
		t.Errorf("got exit code %d and %q, want %d and the two values", got.code, got.err, exitUsage)
	}
}
