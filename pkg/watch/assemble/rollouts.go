package assemble

import (
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// rolloutIndex gives a change of rules with a RolloutPolicy to a part of the clients first. Meanwhile there are two versions of
// each rule that changed: what the object says, under its Key, and what was approved, under Key.HeldKey. Both are rules like
// others: they are bound to the same Services, and each client sees one of the two by its bucket.
type rolloutIndex struct {
	rules      *rules
	namespaces *namespaceIndex
	problems   *problemIndex
	// before is what rules said that changed since the last World. recalled is set if it is known for the first World, too.
	before   map[object.Key]any
	recalled bool
	// own are the VirtualServices with a policy.
	own map[object.Key]struct{}
	// approved has the approved versions of the rules that differ from them; nil for a rule that is new.
	approved map[object.Key]any
	// versions are the rules of which there are two versions now. These may say the same: a rule is merged with another that has two,
	// or delegates to it.
	versions map[object.Key]any
	verdicts map[mesh.Ref]object.Verdict
	// said is what the conditions of rules say about a change. unknown has the hashes of the rules of which other replicas may know
	// an approved version that this one does not.
	said    map[object.Key]string
	unknown map[object.Key]string
	// hosts are those to which the rules that follow the policy of an object send calls.
	hosts map[mesh.Ref]map[string]struct{}
	// split are the delegates that follow no policy, because the VirtualServices that delegate to them follow several.
	split map[object.Key]struct{}
	// apart are the Routes in a namespace with a policy, which they do not follow.
	apart map[object.Key]struct{}
	// pins are those of Services. generations reads the objects of a generation; nil if none is kept. pinProblems are the Services
	// with a Problem of their pin.
	pins        map[object.Key]*pin
	generations func(id string) (map[object.Key]*object.Object, error)
	pinProblems map[object.Key]struct{}
	// list is every Rollout, sorted.
	list []*mesh.Rollout
	// atOnce is set if all clients follow all changes.
	atOnce bool
	// dirty is set if a policy, an approved version or a verdict changed.
	dirty bool
}

func newRolloutIndex(r *rules, n *namespaceIndex, problems *problemIndex) *rolloutIndex {
	return &rolloutIndex{
		rules: r, namespaces: n, problems: problems, before: map[object.Key]any{}, own: map[object.Key]struct{}{},
		approved: map[object.Key]any{}, versions: map[object.Key]any{}, verdicts: map[mesh.Ref]object.Verdict{}, pins: map[object.Key]*pin{}, said: map[object.Key]string{}, unknown: map[object.Key]string{},
	}
}

// note records that an object is going to change.
func (x *rolloutIndex) note(key object.Key) {
	if key.Kind == object.KindNamespace || isRoute(key) && x.namespaces.rollouts+len(x.apart) > 0 {
		x.dirty = true
	}
	if _, noted := x.before[key]; !noted && isRule(key) {
		x.before[key] = x.current(key)
	}
}

// say records what the condition of a rule says.
func (x *rolloutIndex) say(key object.Key, reason string) {
	if _, unknown := x.unknown[key]; unknown {
		x.dirty = true
	}
	if reason == "" || !isRule(key) {
		delete(x.said, key)
	} else {
		x.said[key] = reason
	}
}

func isRule(key object.Key) bool {
	return key.Kind == object.KindVirtualService || key.Kind == object.KindDestinationRule
}

func isRoute(key object.Key) bool {
	return key.Kind == object.KindGRPCRoute || key.Kind == object.KindHTTPRoute
}

// restore records an approved version, or a verdict, and reports whether the object is one of these.
func (x *rolloutIndex) restore(o object.Object) bool {
	verdict, decided := o.Value.(*object.Verdict)
	switch {
	case o.Key.Held:
		key := o.Key
		key.Held = false
		x.approved[key] = o.Value
	case o.Key.Kind == object.KindVerdict && decided:
		x.verdicts[object.VerdictOf(o.Key)] = *verdict
	case o.Key.Kind == object.KindVerdict:
		delete(x.verdicts, object.VerdictOf(o.Key))
	default:
		return false
	}
	x.dirty = true
	return true
}

// recall records what rules said, and what had been approved, before the process started. It is called once, before the first World.
func (x *rolloutIndex) recall(stored map[object.Key]*object.Object) {
	for key, o := range stored {
		switch {
		case x.restore(*o):
		case isRule(key):
			x.before[key] = o.Value
		}
	}
	x.recalled = true
}

// stored lists what a process that starts later needs to go on.
func (x *rolloutIndex) stored() (all []object.Object) {
	for key, value := range x.approved {
		all = append(all, object.Object{Key: key.HeldKey(), Value: value})
	}
	for of, v := range x.verdicts {
		all = append(all, object.Object{Key: object.VerdictKey(of), Value: &v})
	}
	return all
}

// current returns what a rule says; nil if it does not exist.
func (x *rolloutIndex) current(key object.Key) any {
	if key.Kind == object.KindVirtualService {
		if h := x.rules.routes.entries[key.ID()]; h != nil {
			return h.VirtualService
		}
	} else if r := x.rules.policies.rules[key.ID()]; r != nil {
		return r.DestinationRule
	}
	return nil
}

// hasPolicies reports whether any object has a RolloutPolicy.
func (x *rolloutIndex) hasPolicies() bool { return len(x.own) > 0 || x.namespaces.rollouts > 0 }

// apply finds out which rules have two versions, and which part of the clients follows which. first means that there was no World
// yet: what rules say then is no change.
func (x *rolloutIndex) apply(first bool) {
	before := take(&x.before)
	for key := range before {
		delete(x.own, key)
		if v, ok := x.current(key).(*object.VirtualService); ok && v.Rollout.IsSet() {
			x.own[key] = struct{}{}
		}
	}
	now := time.Now()
	looked := len(before) > 0 || x.dirty || x.pinExpired(now)
	if x.dirty = false; !looked || !x.hasPolicies() && len(x.approved)+len(x.versions)+len(x.list)+len(x.pins)+len(x.pinProblems)+len(x.apart) == 0 {
		return
	}
	for key, old := range before {
		if (!first || x.recalled) && x.begins(key, old) {
			x.approved[key] = old
		}
	}
	x.recalled = false
	x.findUnknown(first)
	pins := x.pinned(now)
	units := append(x.units(pins), pins...)
	x.install(units)
	x.askForReports()
	x.report(units)
	x.relist(units)
}

// begins reports whether a change of a rule, from old, is to be rolled out and is the first one.
func (x *rolloutIndex) begins(key object.Key, old any) bool {
	_, held := x.approved[key]
	return !held && !x.atOnce && x.policyOf(key, old).policy.IsSet() && object.RuleHash(old) != object.RuleHash(x.current(key))
}

// install puts both versions of every rule of the units into the rules, and removes what is there of others.
func (x *rolloutIndex) install(units []*rolloutUnit) {
	old := x.versions
	x.versions = map[object.Key]any{}
	for _, u := range units {
		for key, approved := range u.versions {
			x.versions[key] = approved
			x.rules.shares[key] = mesh.Share{Part: mesh.First, Buckets: u.buckets}
			x.rules.shares[key.HeldKey()] = mesh.Share{Part: mesh.Rest, Buckets: u.buckets}
			x.put(key.HeldKey(), approved)
			x.put(key, x.current(key))
		}
	}
	for key := range old {
		if _, still := x.versions[key]; !still {
			delete(x.rules.shares, key)
			delete(x.rules.shares, key.HeldKey())
			x.put(key.HeldKey(), nil)
			x.put(key, x.current(key))
		}
	}
}

func (x *rolloutIndex) put(key object.Key, value any) {
	if key.Kind == object.KindVirtualService {
		v, _ := value.(*object.VirtualService)
		x.rules.putVirtualService(key, v)
	} else {
		d, _ := value.(*object.DestinationRule)
		x.rules.putDestinationRule(key, d)
	}
	if value == nil {
		x.problems.put(problemKey{topicHost, key}, nil)
		x.problems.put(problemKey{topicPorts, key}, nil)
	}
}

// askForReports makes clients report their calls to the hosts to which the rules with a policy send calls: whether a change makes
// calls fail is read from these reports.
func (x *rolloutIndex) askForReports() {
	asked, split := map[string]mesh.Ref{}, map[object.Key]struct{}{}
	x.hosts = map[mesh.Ref]map[string]struct{}{}
	if x.hasPolicies() {
		for _, h := range x.rules.routes.entries {
			p := x.policyOf(h.key, nil)
			if p.split && !h.key.Held {
				split[h.key] = struct{}{}
			}
			if !p.policy.IsSet() {
				continue
			}
			for _, host := range append(slices.Collect(maps.Values(h.destinations)), h.fullHosts...) {
				x.hosts[p.of] = with(x.hosts[p.of], host)
				if other, ok := asked[host]; !ok || p.of.Compare(other) < 0 {
					asked[host] = p.of
				}
			}
		}
	}
	x.namespaces.ask(asked)
	x.split = x.reportEach(x.split, split, splitProblem)
	apart := map[object.Key]struct{}{}
	if x.namespaces.rollouts > 0 {
		for key := range x.rules.attached.routes {
			if n := x.namespaces.all[key.Namespace]; n != nil && n.Rollout.IsSet() {
				apart[key] = struct{}{}
			}
		}
	}
	x.apart = x.reportEach(x.apart, apart, apartProblem)
}

// reportEach reports a Problem of each object of a set, and none of those that were in it before. It returns the set.
func (x *rolloutIndex) reportEach(before, now map[object.Key]struct{}, problem func(object.Key) mesh.Problem) map[object.Key]struct{} {
	for key := range now {
		x.problems.put(problemKey{topicRollout, key}, []mesh.Problem{problem(key)})
	}
	for key := range before {
		if _, still := now[key]; !still {
			x.problems.put(problemKey{topicRollout, key}, nil)
		}
	}
	return now
}

// relist makes the list. An entry that did not change keeps its pointer.
func (x *rolloutIndex) relist(units []*rolloutUnit) {
	all := map[mesh.Ref]*mesh.Rollout{}
	for key := range x.own {
		if p := x.policyOf(key, nil); p.policy.IsSet() {
			all[p.of] = &mesh.Rollout{Object: p.of, Policy: p.policy, Stage: mesh.RolloutNone, Hosts: x.sortedHosts(p.of)}
		}
	}
	for name, n := range x.namespaces.all {
		if n.Rollout.IsSet() {
			of := object.Key{Kind: object.KindNamespace, Name: name}.Ref()
			all[of] = &mesh.Rollout{Object: of, Policy: n.Rollout, Stage: mesh.RolloutNone, Hosts: x.sortedHosts(of)}
		}
	}
	for key := range x.unknown {
		if r := all[x.policyOf(key, nil).of]; r != nil {
			r.Stage, r.Objects = mesh.RolloutUnknown, append(r.Objects, key.Ref())
			mesh.SortFunc(r.Objects, mesh.Ref.Compare)
		}
	}
	for _, u := range units {
		all[u.of] = x.rolloutOf(u)
	}
	list := slices.SortedFunc(maps.Values(all), func(a, b *mesh.Rollout) int { return a.Object.Compare(b.Object) })
	for i, r := range list {
		if at, found := slices.BinarySearchFunc(x.list, r.Object, func(o *mesh.Rollout, of mesh.Ref) int { return o.Object.Compare(of) }); found && reflect.DeepEqual(x.list[at], r) {
			list[i] = x.list[at]
		}
	}
	x.list = list
}

func (x *rolloutIndex) sortedHosts(of mesh.Ref) []string {
	return slices.Sorted(maps.Keys(x.hosts[of]))
}
