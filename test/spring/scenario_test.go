//go:build spring

package spring

import (
	"fmt"
	"math"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// scenario is a story that is played with every client.
type scenario struct {
	name, about string
	// ports and pods are of the service; see parsePods.
	ports, pods string
	// rules are its VirtualServices and DestinationRules.
	rules string
	play  func(s *scene)
	// except says why it cannot pass with a train, a client, "TRAIN CLIENT" or "starter CLIENT". It must fail then.
	except map[string]string
}

// why returns why a scenario cannot pass with a client.
func (s *scenario) why(train, client string) string {
	_, way, _ := strings.Cut(train, " ")
	for _, key := range []string{train + " " + client, way + " " + client, client, train} {
		if why := s.except[key]; why != "" {
			return why
		}
	}
	return ""
}

// scene is a scenario that is played with one client.
type scene struct {
	t *testing.T
	*service
	app    *application
	client client
	// train and library name the client.
	train, library string
}

// check makes calls, and fails if the application did not make them.
func (s *scene) do(c call) []outcome {
	s.t.Helper()
	if !strings.HasPrefix(c.URL, "http:") {
		c.URL = "http://" + s.name + c.URL
	}
	return must(s.client.do(c))(s.t)
}

// once makes one call.
func (s *scene) once(c call) outcome {
	s.t.Helper()
	return s.do(c)[0]
}

// get makes an ordinary call.
func (s *scene) get() outcome {
	s.t.Helper()
	return s.once(call{URL: "/A"})
}

// version fails unless a call is answered by a version.
func (s *scene) version(c call, want string) {
	s.t.Helper()
	if o := s.once(c); o.Status != 200 || o.answer().Version != want {
		s.t.Errorf("%s %s %v: got %v, want an answer of %s", c.method(), c.URL, c.Headers, o, want)
	}
}

// status fails unless a call is answered with a status.
func (s *scene) status(c call, want int) outcome {
	s.t.Helper()
	o := s.once(c)
	if o.Status != want {
		s.t.Errorf("%s %s %v: got %v, want status %d", c.method(), c.URL, c.Headers, o, want)
	}
	return o
}

// count returns how many outcomes have a property.
func count(outcomes []outcome, has func(outcome) bool) int {
	n := 0
	for _, o := range outcomes {
		if has(o) {
			n++
		}
	}
	return n
}

func ofVersion(v string) func(outcome) bool {
	return func(o outcome) bool { return o.Status == 200 && o.answer().Version == v }
}

func failed(o outcome) bool { return o.Status != 200 }

// share fails unless the number of outcomes with a property is within five standard deviations of its share.
func (s *scene) share(outcomes []outcome, what string, has func(outcome) bool, want float64) {
	s.t.Helper()
	n, all := float64(count(outcomes, has)), float64(len(outcomes))
	if sigma := math.Sqrt(all * want * (1 - want)); math.Abs(n-all*want) > 5*sigma {
		s.t.Errorf("%s: got %.0f of %.0f, want %.0f ± %.0f; the first outcome: %v", what, n, all, all*want, 5*sigma, outcomes[0])
	}
}

// answered fails if one of the outcomes is not an answer.
func (s *scene) answered(outcomes []outcome) {
	s.t.Helper()
	if n := count(outcomes, failed); n > 0 {
		for _, o := range outcomes {
			if failed(o) {
				s.t.Errorf("%d of %d calls failed, the first one: %v", n, len(outcomes), o)
				return
			}
		}
	}
}

// follows waits until calls have a property, and fails if it took longer than two seconds.
func (s *scene) follows(c call, what string, has func(outcome) bool) {
	s.t.Helper()
	took := eventually(s.t, 10*time.Second, func() error {
		if o := s.once(c); !has(o) {
			return fmt.Errorf("%s: got %v", what, o)
		}
		return nil
	})
	if took > 2*time.Second {
		s.t.Errorf("%s: it took %v, want at most 2s", what, took)
	}
}

// load calls without a pause until the function that it returns is called, which fails the test if a call failed.
func (s *scene) load(c call) (stop func() int) {
	c.Count, c.Parallel = 20, 2
	if !strings.HasPrefix(c.URL, "http:") {
		c.URL = "http://" + s.name + c.URL
	}
	return runLoad(s.t, s.client, c)
}

func runLoad(t *testing.T, client client, c call) (stop func() int) {
	var stopped atomic.Bool
	var calls int
	ended := make(chan error, 1)
	go func() {
		for !stopped.Load() {
			outcomes, err := client.do(c)
			for _, o := range outcomes {
				if failed(o) {
					err = fmt.Errorf("after %d calls: %v", calls, o)
				} else {
					calls++
				}
			}
			if err != nil {
				ended <- err
				return
			}
		}
		ended <- nil
	}()
	return func() int {
		t.Helper()
		stopped.Store(true)
		if err := <-ended; err != nil {
			t.Errorf("a call under load failed: %v", err)
		}
		return calls
	}
}

// quiet waits until a pod got no request for a while.
func quiet(t *testing.T, take func() int) {
	t.Helper()
	last := time.Now()
	eventually(t, 10*time.Second, func() error {
		if take() > 0 {
			last = time.Now()
		}
		if since := time.Since(last); since < 300*time.Millisecond {
			return fmt.Errorf("the pod still gets requests")
		}
		return nil
	})
}
