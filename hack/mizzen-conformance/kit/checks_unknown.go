package kit

import (
	"time"

	managerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// unknownChecks are about what a client does not know or did not ask for, and about what does not exist.
var unknownChecks = []*Check{
	{
		ID: "host-unknown", Area: "unknown resources", Rule: "xDS protocol, gRFC A57",
		About: "calls to a host whose Listener does not exist fail as unavailable, at the latest by the client's timer, and others go on; when the Listener appears, calls succeed",
		run: func(t *trial) {
			const missing = "missing.test:50051"
			t.begin()
			o := t.calls(missing, 1, t.timer())[0]
			t.unavailable(&o, "to a host that does not exist")
			t.note = after(o)
			t.reach("a")
			t.plane.set(t.listener(missing, table))
			for end := time.Now().Add(t.patience); ; {
				if o := t.calls(missing, 1, t.timer())[0]; o.ok() {
					return
				} else if time.Now().After(end) {
					t.fail("calls to a host that appeared still fail: %v", &o)
				}
			}
		},
	},
	{
		ID: "no-answer", Area: "unknown resources", Rule: "xDS protocol, gRFC A57",
		About: "calls fail as unavailable by the client's timer if a resource is never sent; when it comes, calls succeed",
		run: func(t *trial) {
			t.plane.withhold(routes, table)
			t.start()
			o := t.calls(host, 1, t.timer())[0]
			if o.ok() {
				t.fail("a call succeeded without a RouteConfiguration")
			}
			t.unavailable(&o, "without a RouteConfiguration")
			t.note = after(o)
			t.plane.release(routes)
			t.recover("a")
		},
	},
	{
		ID: "unasked", Area: "unknown resources", Rule: protocol,
		About: "it ignores resources that it did not ask for, and uses the others of the response",
		run: func(t *trial) {
			t.begin()
			t.during(func() {
				if !t.wildcard { // It asked for all of them.
					t.plane.push(clusters, t.cluster("kit-other"), t.cluster("kit-a"))
					t.acknowledged(clusters)
				}
				t.plane.push(endpoints, load(endpointsOf("kit-other"), t.c), load(endpointsOf("kit-a"), t.b))
				t.acknowledged(endpoints)
				t.reach("b")
			})
		},
	},
	{
		ID: "type-unknown", Area: "unknown resources", Rule: protocol,
		About: "a response of a type that it did not ask for harms nothing",
		run: func(t *trial) {
			t.begin()
			t.during(func() {
				const other = "type.googleapis.com/envoy.service.runtime.v3.Runtime"
				t.plane.push(other, resource{other, "kit", &anypb.Any{TypeUrl: other}})
				t.pause(500 * time.Millisecond)
				t.plane.set(load(endpointsOf("kit-a"), t.b))
				t.reach("b")
			})
			t.acknowledged(endpoints)
		},
	},
	{
		ID: "field-unknown", Area: "unknown resources", Rule: protocol,
		About: "it accepts a resource with a field that it does not know",
		run: func(t *trial) {
			t.begin()
			t.during(func() {
				changed := load(endpointsOf("kit-a"), t.b)
				changed.body = proto.CloneOf(changed.body)
				changed.body.Value = protowire.AppendVarint(protowire.AppendTag(changed.body.GetValue(), 40_000, protowire.VarintType), 1)
				t.plane.set(changed)
				t.acknowledged(endpoints)
				t.reach("b")
			})
		},
	},
}

// after says when a call failed, in steps that do not differ between runs.
func after(o Outcome) string {
	if o.MS < 5000 {
		return "calls fail within 5 s"
	}
	return "calls fail by its timer"
}

// unknownFilter is an HTTP filter that no client knows.
func unknownFilter(optional bool) *managerv3.HttpFilter {
	return &managerv3.HttpFilter{
		Name: "kit", IsOptional: optional,
		ConfigType: &managerv3.HttpFilter_TypedConfig{TypedConfig: &anypb.Any{TypeUrl: "type.googleapis.com/mizzen.kit.v1.Unknown"}},
	}
}
