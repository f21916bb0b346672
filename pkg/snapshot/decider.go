package snapshot

import (
	"errors"
	"fmt"
	"sync"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"github.com/mizzen-mesh/mizzen/pkg/authz"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate"
	"github.com/mizzen-mesh/mizzen/pkg/translate/inbound"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// decider decides the calls that arrive on a port as the server there does: by the resources that it gets.
type decider struct {
	in     inbound.Input
	engine *authz.Engine
	err    error

	// mu protects refusals, which has the accounts whose every call is refused, and by which policy; maxRefusals bounds it.
	mu       sync.Mutex
	refusals map[mesh.Account]refusal
}

// refusal is whether every call of an account is refused. policy is the DENY policy that refuses them, NAMESPACE/NAME; empty
// if the ALLOW policies do not match them.
type refusal struct {
	refused bool
	policy  string
}

// maxRefusals bounds the accounts that a decider remembers.
const maxRefusals = 10_000

// decider returns the one of a server's port. It is made once for each Input.
func (s *Snapshot) decider(server inbound.Server, port uint32) *decider {
	in := server.At(port)
	return s.servers.of(server.Client.Namespace).deciders.get(in, func(in inbound.Input) *decider {
		d := &decider{in: in, refusals: map[mesh.Account]refusal{}}
		d.engine, d.err = s.engineOf(server, in)
		return d
	})
}

// engineOf makes the engine from the resources of the port, as they are translated. If translation panics, the server is
// sent rules that refuse every call.
func (s *Snapshot) engineOf(server inbound.Server, in inbound.Input) (engine *authz.Engine, err error) {
	defer func() {
		if p := recover(); p != nil {
			engine, err = nil, fmt.Errorf("translation failed: %v", p)
		}
	}()
	if in.Security == mesh.ServerClosed {
		return nil, errors.New("the server does not serve")
	}
	// Any address of the port will do: it does not decide calls.
	listener := server.ListenerAt("decided", resource.ListenAddress{Host: "0.0.0.0", Port: in.Port})
	policies := s.servers.of(server.Client.Namespace).translatePolicy
	listeners, routes := translate.Server(listener, policies).Listeners, translate.Server(in, policies).Routes
	if len(listeners) != 1 || len(routes) != 1 {
		return nil, errors.New("the server has no Listener")
	}
	served, _ := listeners[0].Message.(*listenerv3.Listener)
	table, _ := routes[0].Message.(*routev3.RouteConfiguration)
	return authz.Server(served, table)
}

// decide decides a call of an account. A server that accepts plaintext does not know who calls.
func (d *decider) decide(call authz.Call, from mesh.Account) authz.Verdict {
	switch {
	case d.in.Security == mesh.ServerClosed:
		return authz.Verdict{Action: authz.None, Reason: "The server does not serve: mode STRICT applies, and its pod has no certificate."}
	case d.err != nil:
		return authz.Verdict{Action: authz.None, Reason: fmt.Sprintf("The rules cannot be evaluated: %v.", d.err)}
	}
	return d.engine.Evaluate(d.as(call, from))
}

// as returns the call with what the server knows of the caller.
func (d *decider) as(call authz.Call, from mesh.Account) authz.Call {
	if d.in.Security == mesh.ServerMTLS && from.Name != "" {
		call.Authenticated, call.Principals = true, []string{from.ID(d.in.TrustDomain)}
	}
	return call
}

// refuses reports whether every call of an account is refused, whatever method it calls.
func (d *decider) refuses(from mesh.Account) refusal {
	d.mu.Lock()
	defer d.mu.Unlock()
	if r, ok := d.refusals[from]; ok {
		return r
	}
	r := refusal{refused: true}
	if d.engine != nil {
		var v authz.Verdict
		v, r.refused = d.engine.Refusal(d.as(authz.Call{AnyMethod: true, AnyHeaders: true}, from))
		r.policy = v.Policy
	}
	if len(d.refusals) < maxRefusals {
		d.refusals[from] = r
	}
	return r
}
