//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestRestartOfReplicas restarts two control planes behind one address, one after the other, while clients call. No
// call fails, no client is sent anything twice except Listeners, and clients reconnect at different times.
func TestRestartOfReplicas(t *testing.T) {
	const clients, grace = 16, 3 * time.Second
	ns := newSplit(t)
	replicas := []*replica{newReplica(t, "--shutdown-grace", grace.String()), newReplica(t, "--shutdown-grace", grace.String())}
	front := newProxy(t, replicas[0].xds, replicas[1].xds)
	l := startLoad(t, dial(t, replicas[0].plane(front.address()), ns, "echo:50051"))
	for range clients - 1 {
		// To the control plane, each is a separate process.
		client := dial(t, replicas[0].plane(front.address()), ns, "echo:50051")
		if _, err := call(t.Context(), client); err != nil {
			t.Fatal(err)
		}
	}
	l.until(t, "all pods", from(4))
	await(t, "streams of both", func() error { return agree(replicas) })

	for i, r := range replicas {
		begin := time.Now()
		r.Terminate()
		ended := time.Since(begin)
		l.until(t, "calls meanwhile", manyCalls)
		r.start(t)
		r.awaitReady(t)
		arrived := front.arrivals(begin)
		if len(arrived) == 0 {
			t.Fatalf("replica %d: no client reconnected", i)
		}
		spread := arrived[len(arrived)-1].Sub(arrived[0])
		t.Logf("FAULT replica %d restarted: it ended after %v; %d clients reconnected over %v", i, ended.Round(time.Millisecond), len(arrived), spread.Round(time.Millisecond))
		if len(arrived) > 3 && spread < grace/6 {
			t.Errorf("%d clients reconnected within %v, want them spread over %v", len(arrived), spread, grace)
		}
		if i == 0 {
			// All clients are at the other replica. The first replica has not sent anything yet when they return to it.
			r.awaitMetric(t, "mizzen_xds_streams", exactly(0))
		}
	}
	replicas[0].awaitMetric(t, "mizzen_xds_streams", exactly(clients))
	// Each gets a response without resources.
	replicas[0].awaitMetric(t, "mizzen_xds_responses_total", func(n float64) bool { return n >= clients })
	for _, kind := range []string{"cds", "rds", "eds"} {
		if got := replicas[0].metric(t, "mizzen_xds_resources_sent_total", `type="`+kind+`"`); got != 0 {
			t.Errorf("clients that reconnected were sent %v resources of %s, want none", got, kind)
		}
	}
	applyWeights(t, ns, 95, 5)
	l.until(t, "change afterwards", mostly("v1"))
	// Now all clients are at the first replica; one client requests from the second.
	if _, err := call(t.Context(), dial(t, replicas[1].plane(replicas[1].xds), ns, "echo:50051")); err != nil {
		t.Fatal(err)
	}
	await(t, "both agree", func() error { return agree(replicas) })
}

// agree compares the versions of all resources of the clients of both replicas.
func agree(replicas []*replica) error {
	first, err := replicas[0].held()
	if err != nil {
		return err
	}
	other, err := replicas[1].held()
	if err != nil {
		return err
	}
	if diff := cmp.Diff(first, other); diff != "" || len(first) < 4 {
		return fmt.Errorf("%d resources; the replicas differ:\n%s", len(first), diff)
	}
	return nil
}

// held returns the versions of the resources that clients have.
func (r *replica) held() (map[string]string, error) {
	text, err := r.get("/api/resources")
	if err != nil {
		return nil, err
	}
	var all []struct {
		Type, Name, Version string
		Subscribers         int
	}
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		return nil, err
	}
	versions := map[string]string{}
	for _, resource := range all {
		if resource.Subscribers > 0 {
			versions[resource.Type+" "+resource.Name] = resource.Version
		}
	}
	return versions, nil
}
