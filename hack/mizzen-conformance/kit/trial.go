package kit

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc/codes"
)

// trial is a client with a control plane and three backends of its own.
type trial struct {
	plane   *plane
	a, b, c *backend
	client  Client
	running Running
	// patience is how long the client has for anything that it should do at once.
	patience time.Duration
	miss     string
	note     string
}

// newTrial serves all that is needed for calls to a.
func newTrial(client Client, patience time.Duration) (t *trial, err error) {
	t = &trial{client: client, patience: patience}
	defer func() {
		if err != nil {
			t.stop()
		}
	}()
	if t.plane, err = newPlane(); err != nil {
		return t, err
	}
	for name, b := range map[string]**backend{"a": &t.a, "b": &t.b, "c": &t.c} {
		if *b, err = newBackend(name); err != nil {
			return t, err
		}
	}
	t.plane.set(listener(host, table), route("kit-a"), cluster("kit-a"), load(endpointsOf("kit-a"), t.a))
	return t, nil
}

func (t *trial) stop() {
	if t.running != nil {
		if err := t.running.Stop(); err != nil {
			t.missed(err.Error())
		}
	}
	if t.plane != nil && t.plane.server != nil {
		t.plane.end()
		t.plane.stop()
	}
	for _, b := range []*backend{t.a, t.b, t.c} {
		if b != nil {
			b.stop()
		}
	}
}

// missed notes the first reason why the check is not passed.
func (t *trial) missed(why string) {
	if t.miss == "" {
		t.miss = why
	}
}

// fail ends the check.
func (t *trial) fail(format string, args ...any) { panic(miss(fmt.Sprintf(format, args...))) }

// agent is the user agent in the first node that the client sent. A client that does not state one there has it in the header of its stream.
func (t *trial) agent() string {
	r, _ := t.plane.seen()
	header := ""
	for _, e := range r {
		if e.act == opened {
			header = e.header
		}
		if node := e.request.GetNode(); node != nil {
			return cmp.Or(strings.TrimSpace(node.GetUserAgentName()+" "+node.GetUserAgentVersion()), header)
		}
	}
	return ""
}

// bootstrap is the file with which clients of gRPC find the plane.
func (t *trial) bootstrap() string {
	text, err := json.Marshal(map[string]any{
		"xds_servers": []any{map[string]any{
			"server_uri": t.plane.address, "channel_creds": []any{map[string]any{"type": "insecure"}}, "server_features": []string{"xds_v3"},
		}},
		"node": map[string]any{"id": "kit", "cluster": "kit", "locality": map[string]any{}, "metadata": map[string]any{"NAMESPACE": "default"}},
	})
	if err != nil {
		t.fail("%v", err)
	}
	return string(text)
}

// start runs the client, which makes no call yet.
func (t *trial) start() {
	running, err := t.client.Start(t.bootstrap())
	if err != nil {
		t.fail("%v", err)
	}
	t.running = running
}

// begin runs the client, and waits until its calls reach a.
func (t *trial) begin() {
	t.start()
	t.recover("a")
}

// timer is more than the time after which clients take a resource that is not sent as one that does not exist, and more than the longest
// pause between their streams at first: gRPC waits for 15 s.
func (t *trial) timer() time.Duration { return 3 * t.patience }

// calls makes calls, one after the other.
func (t *trial) calls(target string, count int, timeout time.Duration) []Outcome {
	outcomes, err := t.running.Call(calling(target, count, timeout))
	if err != nil {
		t.fail("%v", err)
	}
	return outcomes
}

func calling(target string, count int, timeout time.Duration) Command {
	return Command{Target: "xds:///" + target, Method: "/kit.Kit/Call", Count: count, Parallel: 1, Spacing: 0.01, Timeout: timeout.Seconds()}
}

// ok is whether a call succeeded.
func (o *Outcome) ok() bool { return codes.Code(o.Code) == codes.OK }

func (o *Outcome) String() string {
	return fmt.Sprintf("%v after %.0f ms: %s", codes.Code(o.Code), o.MS, o.Text)
}

// backend is the name in its response.
func (o *Outcome) backend() string {
	var a answer
	if json.Unmarshal([]byte(o.Body), &a) != nil {
		return fmt.Sprintf("%q", o.Body)
	}
	return a.Backend
}

// pause lets calls that go on, and a client that does too much, be seen for a while.
func (t *trial) pause(while time.Duration) { <-time.After(while) }

// reach waits until calls reach these backends and no others. A call that fails on the way ends the check.
func (t *trial) reach(backends ...string) { t.arrive(t.patience, false, backends) }

// recover waits for the same, longer, and lets calls fail until then.
func (t *trial) recover(backends ...string) { t.arrive(t.timer(), true, backends) }

func (t *trial) arrive(within time.Duration, mayFail bool, backends []string) {
	var got []string
	for end := time.Now().Add(within); time.Now().Before(end); {
		got = nil
		for _, o := range t.calls(host, 4*len(backends), t.timer()) {
			if o.ok() {
				got = append(got, o.backend())
				continue
			}
			if !mayFail {
				t.fail("a call that should reach %s failed: %v", strings.Join(backends, " and "), &o)
			}
			got = append(got, o.String())
		}
		slices.Sort(got)
		if slices.Equal(slices.Compact(slices.Clone(got)), backends) {
			return
		}
	}
	t.fail("after %v calls still reached %q, and should reach %s", within, slices.Compact(got), strings.Join(backends, " and "))
}

// during makes calls while do runs, and a little longer. No call may fail. What do itself calls is called in between.
func (t *trial) during(do func()) {
	end, failed := make(chan struct{}), make(chan string, 1)
	go func() { failed <- t.failure(end) }()
	var why string
	func() {
		defer func() {
			close(end)
			why = <-failed
		}()
		do()
	}()
	if why != "" {
		t.fail("a call failed meanwhile: %s", why)
	}
}

// failure makes calls until end is closed, and some more. It returns how one failed.
func (t *trial) failure(end <-chan struct{}) string {
	for more := true; more; {
		select {
		case <-end:
			more = false
		default:
		}
		outcomes, err := t.running.Call(calling(host, 5, t.timer()))
		if err != nil {
			return err.Error()
		}
		for _, o := range outcomes {
			if !o.ok() {
				return o.String()
			}
		}
	}
	return ""
}

// failing waits until calls fail, each within its time, and returns one of them. It returns nil if they do not fail in a while.
func (t *trial) failing(while time.Duration) *Outcome {
	for end := time.Now().Add(while); time.Now().Before(end); {
		for _, o := range t.calls(host, 3, t.timer()) {
			if !o.ok() {
				return &o
			}
		}
	}
	return nil
}

// unavailable ends the check unless a call failed as unavailable, and before its time limit.
func (t *trial) unavailable(o *Outcome, when string) {
	switch {
	case o == nil:
		t.fail("calls did not fail %s", when)
	case codes.Code(o.Code) != codes.Unavailable:
		t.fail("calls failed %s with %v, and should fail as Unavailable", when, o)
	}
}

// await waits until the record satisfies a condition.
func (t *trial) await(what string, is func(record) bool) record {
	r, err := t.plane.await(t.patience, is)
	if err != nil {
		t.fail("the client did not %s within %v", what, t.patience)
	}
	return r
}

// latest is the newest response of a type.
func (t *trial) latest(kind string) event {
	r, _ := t.plane.seen()
	all := r.responses(kind)
	if len(all) == 0 {
		t.fail("the client did not subscribe to %s", short[kind])
	}
	return all[len(all)-1]
}

// acknowledged waits for the answer to the latest response of a type, which must be an acknowledgement.
func (t *trial) acknowledged(kind string) {
	sent := t.latest(kind).response
	r := t.await("answer the response of "+short[kind], func(r record) bool { return r.answer(sent) != nil })
	got := r.answer(sent)
	switch {
	case got.GetErrorDetail() != nil:
		t.fail("the client refused a response of %s: %s", short[kind], got.GetErrorDetail().GetMessage())
	case got.GetVersionInfo() != sent.GetVersionInfo():
		t.fail("the client acknowledged the %s version %q with the version %q", short[kind], sent.GetVersionInfo(), got.GetVersionInfo())
	}
}

// refusal waits for the answer to the latest response of a type, which must be a refusal with a text.
func (t *trial) refusal(kind string) *discoveryv3.DiscoveryRequest {
	sent := t.latest(kind).response
	r := t.await("answer the response of "+short[kind], func(r record) bool { return r.answer(sent) != nil })
	got := r.answer(sent)
	switch {
	case got.GetErrorDetail() == nil:
		t.fail("the client acknowledged a response of %s that it must refuse", short[kind])
	case got.GetErrorDetail().GetMessage() == "":
		t.fail("the client refused a response of %s without a text", short[kind])
	}
	return got
}

// refused waits for a refusal with this version.
func (t *trial) refused(kind, version string) {
	if got := t.refusal(kind); got.GetVersionInfo() != version {
		t.fail("the refusal of %s has the version %q, and should have %q, the last that was accepted", short[kind], got.GetVersionInfo(), version)
	}
}

// version is the newest that was sent of a type.
func (t *trial) version(kind string) string { return t.latest(kind).response.GetVersionInfo() }
