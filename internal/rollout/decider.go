package rollout

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/mizzen-mesh/mizzen/internal/load"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// interval is how often rollouts are looked at.
const interval = time.Second

// Store knows the clients, and what each of them has.
type Store interface {
	Current() *snapshot.Snapshot
	ClientSyncs() iter.Seq[serving.ClientSync]
}

// Options are what a Decider needs. Registry may be nil.
type Options struct {
	Store    Store
	Loads    *load.Table
	Logger   *slog.Logger
	Registry prometheus.Registerer
	// Leads reports whether this replica decides. The others read what it decided from the conditions of the objects. If nil, every
	// process decides.
	Leads func() bool
	// Generation reads the objects of a generation of the configuration; nil if none is kept.
	Generation func(id string) (map[object.Key]*object.Object, error)
	// PeerRefusals returns why clients of other replicas rejected an object; nil if that is not known.
	PeerRefusals func(mesh.Ref) []string
}

// Decider looks at the rollouts of the current World, and puts what it decides into the inbox of the source. Bind must be called
// before Run.
type Decider struct {
	o Options
	// known has what is remembered of each rollout. The goroutine of Run owns it.
	known map[mesh.Ref]*record

	mu     sync.Mutex
	states []State
	// said is what the conditions of objects are to say.
	said map[mesh.Ref]Condition
}

// New makes a Decider that is not bound yet.
func New() *Decider { return &Decider{known: map[mesh.Ref]*record{}} }

// Bind gives the Decider what it reads.
func (d *Decider) Bind(o Options) {
	d.o = o
	if o.Registry == nil {
		return
	}
	o.Registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "mizzen_rollouts_aborted", Help: "Rollouts that were aborted, and whose objects were not corrected since.",
	}, func() float64 { return d.count(mesh.RolloutAborted) }), prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "mizzen_rollouts_running", Help: "Rollouts of which some clients follow the new version, and others the one before.",
	}, func() float64 { return d.count(mesh.RolloutRunning) }), prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "mizzen_pins", Help: "Services whose rules are held as of an earlier generation of the configuration.",
	}, func() float64 { return d.count(mesh.RolloutPinned) }))
}

// Generation reads the objects of a generation, once the Decider is bound.
func (d *Decider) Generation(id string) (map[object.Key]*object.Object, error) {
	if d.o.Generation == nil {
		return nil, errors.New("this process keeps no generations")
	}
	return d.o.Generation(id)
}

func (d *Decider) count(stage mesh.RolloutStage) float64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := 0
	for i := range d.states {
		if d.states[i].Stage == stage {
			n++
		}
	}
	return float64(n)
}

// Run decides until ctx ends.
func (d *Decider) Run(ctx context.Context, inbox *watch.Inbox) error {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if current := d.o.Store.Current(); current != nil {
				inbox.Put(d.step(current, time.Now()))
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// step looks at every rollout once, and returns the verdicts.
func (d *Decider) step(current *snapshot.Snapshot, now time.Time) watch.Changes {
	changes := watch.NewChanges()
	rollouts := current.World().Rollouts
	services := map[mesh.Ref]map[load.Service]struct{}{}
	all := map[load.Service]struct{}{}
	for _, r := range rollouts {
		services[r.Object] = servicesOf(current, r)
		for s := range services[r.Object] {
			all[s] = struct{}{}
		}
	}
	d.o.Loads.Follow(all)
	audience := d.audience(current.World(), rollouts)
	addWithheld(audience, current, rollouts)
	addFaults(audience, current, rollouts)
	d.addPeers(audience, rollouts)
	states := make([]State, 0, len(rollouts))
	for _, r := range rollouts {
		rec := d.known[r.Object]
		if rec == nil {
			rec = &record{}
			d.known[r.Object] = rec
		}
		clients := audience[r.Object]
		clients.scope = scopeOf(r)
		state, decided := d.look(r, rec, clients, d.attempted(services[r.Object], r), now)
		if d.o.Leads != nil && !d.o.Leads() {
			state, decided = follow(current.World(), r, rec, state, decided)
		}
		if decided != nil {
			state.end(rec.ended, decided)
			if !decided.Abort {
				rec.forget()
			}
			key := object.VerdictKey(r.Object)
			changes.Objects[key] = &object.Object{Key: key, Value: decided}
			d.o.Logger.Info("a rollout ended", "object", r.Object.String(), "reason", string(state.Reason), "candidate", r.Candidate, "message", state.Message)
		}
		states = append(states, state)
	}
	for of := range d.known {
		if services[of] == nil {
			delete(d.known, of)
		}
	}
	conditions := d.conditions(current.World(), states)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.states, d.said = states, conditions
	return changes
}

// look describes one rollout, and returns a verdict if one is due.
func (d *Decider) look(r *mesh.Rollout, rec *record, clients audience, sum mark, now time.Time) (State, *object.Verdict) {
	sum.at = now
	rec.renew(r, now)
	rec.settled = rec.settled || now.Sub(rec.seen) >= min(settling, r.Policy.Window)
	state := stateOf(r)
	if r.Stage != mesh.RolloutRunning {
		late := reports * d.o.Loads.Interval()
		rec.remember(sum, max(r.Policy.Window, late), late)
		rec.acknowledged, rec.begun, rec.met = time.Time{}, time.Time{}, false
		rec.waiting, rec.emptied, rec.broken = time.Time{}, time.Time{}, time.Time{}
		switch said := rec.ended; {
		case r.Stage == mesh.RolloutNone && said.promote:
			state.Message, state.First, state.Rest = said.message, said.first, said.rest
		case r.Stage == mesh.RolloutAborted && said.abort:
			state.First, state.Rest = said.first, said.rest
		}
		return state, nil
	}
	rec.ran = now
	e := rec.evidence(r.Policy, clients, sum, d.o.Loads.Interval())
	e.deleted = deletes(r)
	v := judge(e)
	state.Clients, state.Pending, state.First, state.Rest, state.Since = e.clients, clients.pending, e.first, e.rest, rec.begun.UTC()
	state.Reason, state.Message = v.reason, v.message
	switch {
	case v.promote || v.abort:
		rec.ended, rec.objects = v, r.Objects
		return state, &object.Verdict{Candidate: r.Candidate, Abort: v.abort, Cause: v.cause}
	case v.reason == ReasonNoClients && e.elapsed >= r.Policy.Window: // Clients that are away for a moment do not begin it anew.
		rec.met = false
	case v.again:
		rec.failing = v
		rec.begin(sum, clients.connected)
	case rec.failing.again && v.reason == ReasonInProgress:
		state.Reason, state.Message = rec.failing.reason, rec.failing.message
	}
	return state, nil
}

// audience is how far a change has reached the clients that follow it first.
type audience struct {
	clients, pending int
	refusals         []string
	// silent are those that have not acknowledged it.
	silent []string
	// connected are the clients of the part that follows the change, and use it; all of that part if the change only deletes objects.
	connected map[load.Caller]struct{}
	// fault and empty are what is wrong with the change, and broken with the version before.
	fault, empty, broken string
	// scope says which calls the change concerns.
	scope scope
}

// deletes reports whether a change deletes objects and does nothing else.
func deletes(r *mesh.Rollout) bool { return len(r.Gone) == len(r.Objects) }

// audience finds, for each rollout that is running, the clients that follow it and use resources that are made from its objects.
func (d *Decider) audience(world *mesh.World, rollouts []*mesh.Rollout) map[mesh.Ref]audience {
	found := map[mesh.Ref]audience{}
	running := slices.DeleteFunc(slices.Clone(rollouts), func(r *mesh.Rollout) bool { return r.Stage != mesh.RolloutRunning })
	if len(running) == 0 {
		return found
	}
	for _, r := range running {
		found[r.Object] = audience{connected: map[load.Caller]struct{}{}}
	}
	for client := range d.o.Store.ClientSyncs() {
		of := client.ClientInfo
		for _, r := range running {
			if first := (mesh.Share{Part: mesh.First, Buckets: r.Policy.Buckets()}); first.Has(of.Client.Bucket) {
				a := found[r.Object]
				if a.add(client, r.Objects) || deletes(r) {
					a.connected[load.Caller{From: load.SourceOfIdentity(world, of.Identity, of.Client.Namespace, of.Account.Name), Bucket: of.Client.Bucket}] = struct{}{}
				}
				found[r.Object] = a
			}
		}
	}
	return found
}

// addWithheld adds the resources that clients are not sent, because they would reject them.
func addWithheld(to map[mesh.Ref]audience, current *snapshot.Snapshot, rollouts []*mesh.Rollout) {
	for _, r := range rollouts {
		if r.Stage != mesh.RolloutRunning {
			continue
		}
		for _, p := range current.Problems() {
			if p.Code == mesh.CodeHeldBack && slices.Contains(r.Objects, p.Object) {
				a := to[r.Object]
				a.refusals = append(a.refusals, "a resource was withheld, because clients would reject it")
				to[r.Object] = a
			}
		}
	}
}

// addFaults adds the first error that the change has and the version before has not, or else the first destination without an endpoint;
// and, if there is none, what the version before has and the change has not.
func addFaults(to map[mesh.Ref]audience, current *snapshot.Snapshot, rollouts []*mesh.Rollout) {
	for _, r := range rollouts {
		if r.Stage != mesh.RolloutRunning {
			continue
		}
		a := to[r.Object]
		errs, before := current.ChangeErrors(r)
		empty, emptyBefore := current.EmptyDestinations(r)
		switch before = append(before, emptyBefore...); {
		case len(errs) > 0:
			a.fault = errs[0].Object.String() + " " + errs[0].Field + ": " + errs[0].Message
		case len(empty) > 0:
			a.empty = empty[0].Object.String() + ": " + empty[0].Message
		case len(before) > 0:
			a.broken = before[0].Object.String() + ": " + before[0].Message
		}
		to[r.Object] = a
	}
}

// addPeers adds what clients of other replicas rejected.
func (d *Decider) addPeers(to map[mesh.Ref]audience, rollouts []*mesh.Rollout) {
	if d.o.PeerRefusals == nil {
		return
	}
	for _, r := range rollouts {
		for _, of := range r.Objects {
			if lines := d.o.PeerRefusals(of); r.Stage == mesh.RolloutRunning && len(lines) > 0 {
				a := to[r.Object]
				a.refusals = append(a.refusals, lines...)
				to[r.Object] = a
			}
		}
	}
}

// add counts a client if it uses a resource that is made from one of the objects, and reports whether it does.
func (a *audience) add(client serving.ClientSync, objects []mesh.Ref) (uses bool) {
	pending := false
	for i := range client.Resources {
		r := &client.Resources[i]
		if !slices.ContainsFunc(objects, func(of mesh.Ref) bool { return slices.Contains(r.Current.Refs, of) }) {
			continue
		}
		uses, pending = true, pending || r.Pending()
		if r.Rejected {
			a.refusals = append(a.refusals, client.KindAndVersion()+" rejected "+r.Type.Name()+" "+r.Name+": "+r.Reason)
			slices.Sort(a.refusals)
		}
	}
	if uses {
		a.clients++
	}
	if pending {
		a.pending++
		a.silent = append(a.silent, client.KindAndVersion()+" "+client.ClientInfo.NodeID)
	}
	return uses
}
