package behaviour

import (
	"fmt"
	"testing"
	"time"
)

// policy is a DestinationRule for host with this traffic policy, a YAML flow mapping.
func policy(host, traffic string) string {
	return fmt.Sprintf("apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: %s, namespace: demo}\n"+
		"spec: {host: %s, trafficPolicy: %s}\n", host, host, traffic)
}

// An endpoint whose calls fail is left out after a while, and the others serve.
func TestOutlierIsEjected(t *testing.T) {
	good, other, bad := newBackend(t, "a", "v1"), newBackend(t, "b", "v1"), newBackend(t, "c", "v1")
	bad.failures.Store(1 << 30)
	p := newPlane(t, service("echo", good, other, bad),
		policy("echo", "{outlierDetection: {consecutive5xxErrors: 5, interval: 0.1s, baseEjectionTime: 60s}}"),
		routes("echo", "{retries: {attempts: 0}, route: [{destination: {host: echo}}]}"))
	client := p.dial("echo")
	failed, answered := 0, map[string]int{}
	for deadline := time.Now().Add(20 * time.Second); answered["a"]+answered["b"] < 300; {
		resp, err := call(t, client)
		if err != nil {
			failed, answered = failed+1, map[string]int{}
		}
		answered[resp.GetHostname()]++
		if time.Now().After(deadline) {
			t.Fatalf("calls still fail: %d so far", failed)
		}
	}
	if failed == 0 {
		t.Error("no call failed, so nothing was ejected for its failures")
	}
	if answered["a"] < 100 || answered["b"] < 100 {
		t.Errorf("the calls are spread as %v, want both others to serve alike", answered)
	}
}
