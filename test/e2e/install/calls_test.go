//go:build e2e

package install_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mizzen-mesh/mizzen/test/e2e/node"
)

// tally is the state of a load client's calls. By counts the answers of the last second.
type tally struct {
	OK     int            `json:"ok"`
	Failed int            `json:"failed"`
	Error  string         `json:"error"`
	By     map[string]int `json:"by"`
}

// calls are the calls of a pod that calls continuously.
type calls struct {
	c       *node.Cluster
	ns, pod string
	// read returns the newest tally.
	read func(t *testing.T) tally
	// lost is the number of calls that were expected to fail.
	lost int
	// patience is the longest time that a test waits.
	patience time.Duration
}

func startCalls(t *testing.T, c *node.Cluster, ns, pod, yaml string) *calls {
	t.Helper()
	c.Apply(t, ns, yaml)
	c.AwaitReady(t, ns, "pod/"+pod)
	k := &calls{c: c, ns: ns, pod: pod, patience: node.Patience}
	k.read = k.log
	k.begin(t)
	return k
}

// begin waits until a call has succeeded.
func (k *calls) begin(t *testing.T) {
	t.Helper()
	k.await(t, "calls succeed", func(now tally) error {
		if now.OK == 0 {
			return errors.New("no call succeeded")
		}
		return nil
	})
}

// log reads the log of the pod, which has the lines of gRPC between those of the client.
func (k *calls) log(t *testing.T) tally {
	t.Helper()
	var now tally
	lines := strings.Split(k.c.Kubectl(t, "--namespace", k.ns, "logs", k.pod, "--tail=100"), "\n")
	for _, line := range slices.Backward(lines) {
		if !strings.HasPrefix(line, "{") {
			continue
		}
		if err := json.Unmarshal([]byte(line), &now); err != nil {
			t.Fatalf("%s printed %q: %v", k.pod, line, err)
		}
		break
	}
	return now
}

func (k *calls) await(t *testing.T, what string, check func(tally) error) {
	t.Helper()
	k.c.AwaitFor(t, k.patience, k.pod+": "+what, func() error {
		now := k.read(t)
		if err := check(now); err != nil {
			return fmt.Errorf("%w; its last line is %+v", err, now)
		}
		return nil
	})
}

// only waits until these versions or pods answer all calls of a second, each of them at least one.
func (k *calls) only(t *testing.T, versions ...string) {
	t.Helper()
	k.await(t, "calls are answered by "+strings.Join(versions, " and "), func(now tally) error {
		left := 0
		for name, n := range now.By {
			if name == "v1" || name == "v2" {
				left += n
			}
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
}

// continues waits for another hundred calls, and checks that no call has failed so far.
func (k *calls) continues(t *testing.T, after string) {
	t.Helper()
	from := k.read(t).OK
	k.await(t, "calls go on", func(now tally) error {
		if now.OK < from+100 {
			return fmt.Errorf("%d more", now.OK-from)
		}
		return nil
	})
	if now := k.read(t); now.Failed > k.lost {
		t.Errorf("%s: %s lost %d of %d calls after %s: %s", t.Name(), k.pod, now.Failed, now.OK+now.Failed, after, now.Error)
	}
}
