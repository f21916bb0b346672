//go:build e2e

package clusters_test

import (
	"encoding/json"
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
}

// startCalls applies a pod that runs `app load`, and waits until a call has succeeded.
func startCalls(t *testing.T, c *node.Cluster, ns, pod, yaml string) *calls {
	t.Helper()
	c.Apply(t, ns, yaml)
	k := &calls{c, ns, pod}
	c.AwaitReady(t, ns, "pod/"+pod)
	k.goOn(t, 1)
	return k
}

// read returns the newest tally.
func (k *calls) read(t *testing.T) (now tally) {
	t.Helper()
	lines := strings.Split(k.c.Kubectl(t, "--namespace", k.ns, "logs", k.pod, "--tail=100"), "\n")
	for _, line := range slices.Backward(lines) {
		if strings.HasPrefix(line, "{") {
			if err := json.Unmarshal([]byte(line), &now); err != nil {
				t.Fatalf("%s printed %q: %v", k.pod, line, err)
			}
			break
		}
	}
	return now
}

// only waits until these clusters answer all calls of a second, each of them at least one, and returns after how long.
func (k *calls) only(t *testing.T, clusters ...string) time.Duration {
	t.Helper()
	begin := time.Now()
	k.c.Await(t, fmt.Sprintf("%s is answered by %v", k.pod, clusters), func() error {
		now := k.read(t)
		var got []string
		for _, name := range []string{"a", "b"} {
			if now.By[name] > 0 {
				got = append(got, name)
			}
		}
		if !slices.Equal(got, clusters) {
			return fmt.Errorf("got answers of %v; the last line is %+v", got, now)
		}
		return nil
	})
	return time.Since(begin)
}

// goOn waits for further calls, and fails if any call has failed since the first one succeeded.
func (k *calls) goOn(t *testing.T, further int) {
	t.Helper()
	from := k.read(t).OK
	k.c.Await(t, k.pod+" calls", func() error {
		if now := k.read(t); now.OK < from+further {
			return fmt.Errorf("%d more; its last line is %+v", now.OK-from, now)
		}
		return nil
	})
	if now := k.read(t); now.Failed > 0 {
		t.Errorf("%s lost %d of %d calls: %s", k.pod, now.Failed, now.OK+now.Failed, now.Error)
	}
}
