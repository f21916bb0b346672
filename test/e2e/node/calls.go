package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// Tally is the state of a load client's calls. By counts the answers of the last second, by version and by pod.
type Tally struct {
	OK     int            `json:"ok"`
	Failed int            `json:"failed"`
	Error  string         `json:"error"`
	By     map[string]int `json:"by"`
}

// Calls are the calls of a pod that calls continuously.
type Calls struct {
	Cluster        *Cluster
	Namespace, Pod string
	// Versions are the versions of the servers that are called.
	Versions []string
	// Read returns the newest tally. Nil reads the log of the pod.
	Read func(t *testing.T) Tally
	// Lost is the number of calls that were expected to fail.
	Lost int
	// Patience is the longest time that a test waits; the package's Patience if it is 0.
	Patience time.Duration
}

// StartCalls applies a pod that runs `app load`, and waits until a call of it has succeeded.
func StartCalls(t *testing.T, c *Cluster, namespace, pod, yaml string, versions ...string) *Calls {
	t.Helper()
	c.Apply(t, namespace, yaml)
	c.AwaitReady(t, namespace, "pod/"+pod)
	k := &Calls{Cluster: c, Namespace: namespace, Pod: pod, Versions: versions}
	k.Begin(t)
	return k
}

// Begin waits until a call has succeeded.
func (k *Calls) Begin(t *testing.T) {
	t.Helper()
	k.Await(t, "calls succeed", func(now Tally) error {
		if now.OK == 0 {
			return errors.New("no call succeeded")
		}
		return nil
	})
}

// Tally returns the newest tally.
func (k *Calls) Tally(t *testing.T) Tally {
	t.Helper()
	if k.Read != nil {
		return k.Read(t)
	}
	// The log has the lines of gRPC between those of the client.
	var now Tally
	lines := strings.Split(k.Cluster.Kubectl(t, "--namespace", k.Namespace, "logs", k.Pod, "--tail=100"), "\n")
	for _, line := range slices.Backward(lines) {
		if !strings.HasPrefix(line, "{") {
			continue
		}
		if err := json.Unmarshal([]byte(line), &now); err != nil {
			t.Fatalf("%s printed %q: %v", k.Pod, line, err)
		}
		break
	}
	return now
}

// Await polls until check returns nil for the newest tally.
func (k *Calls) Await(t *testing.T, what string, check func(Tally) error) {
	t.Helper()
	patience := k.Patience
	if patience == 0 {
		patience = Patience
	}
	k.Cluster.AwaitFor(t, patience, k.Pod+": "+what, func() error {
		now := k.Tally(t)
		if err := check(now); err != nil {
			return fmt.Errorf("%w; its last line is %+v", err, now)
		}
		return nil
	})
}

// Only waits until these versions or pods answer all calls of a second, each of them at least one, and returns after how long.
func (k *Calls) Only(t *testing.T, versions ...string) time.Duration {
	t.Helper()
	begin := time.Now()
	k.Await(t, "calls are answered by "+strings.Join(versions, " and "), func(now Tally) error {
		left := 0
		for _, version := range k.Versions {
			left += now.By[version]
		}
		for _, version := range versions {
			if now.By[version] == 0 {
				return fmt.Errorf("none by %s", version)
			}
			left -= now.By[version]
		}
		if left != 0 {
			return fmt.Errorf("%d by others", left)
		}
		return nil
	})
	return time.Since(begin)
}

// Continue waits for a number of further calls, and fails if any call has failed that was not expected to.
func (k *Calls) Continue(t *testing.T, after string, further int) {
	t.Helper()
	from := k.Tally(t).OK
	k.Await(t, "calls go on", func(now Tally) error {
		if now.OK < from+further {
			return fmt.Errorf("%d more", now.OK-from)
		}
		return nil
	})
	if now := k.Tally(t); now.Failed > k.Lost {
		t.Errorf("%s: %s lost %d of %d calls after %s: %s", t.Name(), k.Pod, now.Failed, now.OK+now.Failed, after, now.Error)
	}
}
