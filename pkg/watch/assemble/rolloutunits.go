package assemble

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// rolloutUnit is what one object with a RolloutPolicy rolls out: all of it reaches a client, or nothing does.
type rolloutUnit struct {
	of     mesh.Ref
	policy mesh.RolloutPolicy
	// versions has the approved versions of the rules; changed are those that differ from what is approved.
	versions map[object.Key]any
	changed  []object.Key
	// pinned are rules that differ, too, and that a pin holds now. candidate identifies what the changed and the pinned rules say: a pin
	// makes no other change of it.
	pinned    []object.Key
	candidate string
	cause     string
	stage     mesh.RolloutStage
	behind    mesh.Ref
	pin       mesh.Pin
	// buckets is how many buckets the clients have that follow the change.
	buckets uint16
}

// rolloutPolicy is the policy of a rule, and the object that has it. split is set for a delegate of VirtualServices of which some
// have another policy.
type rolloutPolicy struct {
	of     mesh.Ref
	policy mesh.RolloutPolicy
	split  bool
}

// policyOf returns the policy that a rule follows: its own, or that of its namespace. A VirtualService without hosts follows those
// that delegate to it. old is what a rule said that does not exist any more.
func (x *rolloutIndex) policyOf(key object.Key, old any) rolloutPolicy {
	v, _ := x.current(key).(*object.VirtualService)
	if v != nil && v.Rollout.IsSet() {
		return rolloutPolicy{of: key.Ref(), policy: v.Rollout}
	}
	var of rolloutPolicy
	if n := x.namespaces.all[key.Namespace]; n != nil && n.Rollout.IsSet() {
		of = rolloutPolicy{of: object.Key{Kind: object.KindNamespace, Name: key.Namespace}.Ref(), policy: n.Rollout}
	}
	if v == nil {
		v, _ = old.(*object.VirtualService)
	}
	if v == nil || len(v.Spec.GetHosts()) > 0 {
		return of
	}
	found := false
	for _, root := range x.rules.routes.delegators[key.ID().Current()] {
		if root.isDelegate() || root.key.Held {
			continue
		}
		its := x.policyOf(root.key, nil)
		if found && its.of != of.of {
			return rolloutPolicy{split: true}
		}
		of, found = its, true
	}
	return of
}

// units returns what is rolled out now, sorted. It forgets approved versions that are not needed any more. What is pinned waits.
func (x *rolloutIndex) units(pins []*rolloutUnit) []*rolloutUnit {
	byObject := map[mesh.Ref]*rolloutUnit{}
	for key, old := range x.approved {
		pinned := slices.ContainsFunc(pins, func(u *rolloutUnit) bool { _, held := u.versions[key]; return held })
		p, now := x.policyOf(key, old), x.current(key)
		newDelegate := old == nil && len(object.RuleHosts(now)) == 0 // Nothing delegates to it yet.
		if !p.policy.IsSet() || newDelegate || object.RuleHash(old) == object.RuleHash(now) {
			if !pinned {
				delete(x.approved, key)
			}
			continue
		}
		u := byObject[p.of]
		if u == nil {
			u = &rolloutUnit{of: p.of, policy: p.policy, stage: mesh.RolloutRunning, versions: map[object.Key]any{}}
			byObject[p.of] = u
		}
		if pinned {
			u.pinned = append(u.pinned, key)
		} else {
			u.versions[key], u.changed = old, append(u.changed, key)
		}
	}
	maps.DeleteFunc(byObject, func(_ mesh.Ref, u *rolloutUnit) bool { return len(u.changed) == 0 })
	x.obey(byObject, len(pins) > 0)
	units := slices.SortedFunc(maps.Values(byObject), func(a, b *rolloutUnit) int { return a.of.Compare(b.of) })
	claimed := map[string]mesh.Ref{}
	for _, u := range units {
		if u.stage == mesh.RolloutRunning && u.policy.Invalid {
			u.stage = mesh.RolloutHeld
		}
		x.widen(u)
		x.queue(u, claimed)
	}
	return units
}

// obey does what was decided about the units, and forgets verdicts about other changes, unless they are to be kept.
func (x *rolloutIndex) obey(byObject map[mesh.Ref]*rolloutUnit, keep bool) {
	for of, u := range byObject {
		mesh.SortFunc(u.changed, object.Key.Compare)
		u.candidate = x.candidate(u)
		if v, decided := x.verdicts[of]; decided && v.Candidate == u.candidate {
			if u.stage, u.cause = mesh.RolloutAborted, v.Cause; !v.Abort {
				for _, key := range u.changed {
					delete(x.approved, key)
				}
				delete(byObject, of)
			}
		}
	}
	maps.DeleteFunc(x.verdicts, func(of mesh.Ref, v object.Verdict) bool {
		return !keep && (byObject[of] == nil || byObject[of].candidate != v.Candidate)
	})
}

// candidate identifies what the rules of a unit that differ say now.
func (x *rolloutIndex) candidate(u *rolloutUnit) string {
	hash := sha256.New()
	for _, key := range mesh.SortedFunc(slices.Values(slices.Concat(u.changed, u.pinned)), object.Key.Compare) {
		_, _ = fmt.Fprintf(hash, "%s %s\n", key.Ref(), object.RuleHash(x.current(key)))
	}
	return hex.EncodeToString(hash.Sum(nil)[:6])
}

// widen adds rules of which there must be two versions although they did not change: those that are merged with one that did, and
// those that delegate to one. A pin may add one that is rolled out: clients do not follow what is not approved meanwhile.
func (x *rolloutIndex) widen(u *rolloutUnit) {
	add := func(key object.Key) {
		if _, has := u.versions[key]; !has && !key.Held {
			if u.versions[key] = x.current(key); u.stage == mesh.RolloutPinned {
				if approved, held := x.approved[key]; held {
					u.versions[key] = approved
				}
			}
		}
	}
	for _, key := range u.changed {
		for _, host := range x.hostsOf(key, u.versions[key]) {
			for _, g := range x.rules.policies.hosts.under(host) {
				for _, r := range g.rules {
					if key.Kind == object.KindDestinationRule && r.key.Namespace == key.Namespace {
						add(r.key)
					}
				}
			}
		}
		if key.Kind == object.KindVirtualService {
			for _, root := range x.rules.routes.delegators[key.ID()] {
				add(root.key)
			}
		}
	}
}

// hostsOf returns the full names of the hosts that a rule is for, now or in its approved version.
func (x *rolloutIndex) hostsOf(key object.Key, approved any) []string {
	var all []string
	for _, version := range []any{x.current(key), approved} {
		for _, host := range object.RuleHosts(version) {
			all = append(all, mesh.FullHost(host.Name, key.Namespace, x.rules.domain))
		}
	}
	return all
}

// queue decides which part of the clients follows a unit: none if it was aborted or is held, or if one before it is for the same hosts.
func (x *rolloutIndex) queue(u *rolloutUnit, claimed map[string]mesh.Ref) {
	if u.stage != mesh.RolloutRunning {
		return
	}
	var hosts []string
	for key, approved := range u.versions {
		hosts = append(hosts, x.hostsOf(key, approved)...)
	}
	slices.Sort(hosts)
	for _, host := range hosts {
		for other, of := range claimed {
			if host == other || mesh.Covers(host, other) || mesh.Covers(other, host) {
				if u.stage == mesh.RolloutRunning || of.Compare(u.behind) < 0 {
					u.stage, u.behind = mesh.RolloutWaiting, of
				}
			}
		}
	}
	if u.stage == mesh.RolloutRunning {
		u.buckets = u.policy.Buckets()
		for _, host := range hosts {
			claimed[host] = u.of
		}
	}
}

// rolloutOf describes a unit.
func (x *rolloutIndex) rolloutOf(u *rolloutUnit) *mesh.Rollout {
	r := &mesh.Rollout{Object: u.of, Policy: u.policy, Stage: u.stage, Candidate: u.candidate, Cause: u.cause, Behind: u.behind, Pin: u.pin}
	hosts := maps.Clone(x.hosts[u.of])
	for key, approved := range u.versions {
		for _, host := range x.hostsOf(key, approved) {
			hosts = with(hosts, host)
		}
	}
	for _, key := range u.changed {
		r.Objects = append(r.Objects, key.Ref())
		if x.current(key) == nil {
			r.Gone = append(r.Gone, key.Ref())
		}
		if u.versions[key] == nil {
			r.New = append(r.New, key.Ref())
		}
	}
	r.Hosts = slices.Sorted(maps.Keys(hosts))
	return r
}

// report reports what is rolled out on the objects that changed, and on the object with the policy if they do not exist any more.
func (x *rolloutIndex) report(units []*rolloutUnit) {
	found := map[mesh.Ref][]mesh.Problem{}
	for _, u := range units {
		if u.stage == mesh.RolloutPinned {
			continue // Its Service has the Problem.
		}
		for _, key := range u.changed {
			p := u.problem(key)
			if p.Object = key.Ref(); x.current(key) == nil {
				p.Object = u.of
			}
			found[u.of] = append(found[u.of], p)
		}
	}
	for key := range x.unknown {
		of := x.policyOf(key, nil).of
		p := unknownProblem(of)
		p.Object = key.Ref()
		found[of] = append(found[of], p)
	}
	for of, problems := range found {
		x.problems.put(rolloutKey(of), mesh.SortProblems(problems))
	}
	for _, r := range x.list {
		if found[r.Object] == nil {
			x.problems.put(rolloutKey(r.Object), nil)
		}
	}
}

func rolloutKey(of mesh.Ref) problemKey {
	return problemKey{topicRollout, object.VerdictKey(of)}
}

// problem says who follows which version of a rule that changed. Its Object is not set.
func (u *rolloutUnit) problem(key object.Key) mesh.Problem {
	before := "the version before"
	if u.versions[key] == nil {
		before = "no version of it, because it is new"
	}
	switch u.stage {
	case mesh.RolloutAborted:
		return mesh.Problem{
			Code: mesh.CodeRolloutAborted, Severity: mesh.Warning,
			Message: fmt.Sprintf("The rollout of %s was aborted. %s All clients follow %s. Correct the object, or remove the annotation %s to give them the new version all the same.", u.of, cmp.Or(u.cause, "Calls failed, or clients rejected the new version."), before, mesh.AnnotationRollout),
		}
	case mesh.RolloutHeld:
		return mesh.Problem{
			Code: mesh.CodeRollout, Severity: mesh.Warning,
			Message: fmt.Sprintf("No client follows the new version, because the annotation %s of %s cannot be read. All clients follow %s. Correct the annotation, or remove it to give them the new version at once.", mesh.AnnotationRollout, u.of, before),
		}
	case mesh.RolloutWaiting:
		return mesh.Problem{
			Code: mesh.CodeRollout, Severity: mesh.Warning,
			Message: fmt.Sprintf("The rollout of %s waits for that of %s, which concerns the same hosts: no client follows the new version yet. Finish that one first.", u.of, u.behind),
		}
	default:
		return mesh.Problem{
			Code: mesh.CodeRollout, Severity: mesh.Info,
			Message: fmt.Sprintf("%d%% of the clients follow the new version, and the others %s, until it has proved itself. \"controlplane inspect rollouts\" shows the figures. To give it to all clients at once, remove the annotation %s of %s.", u.policy.Percent, before, mesh.AnnotationRollout, u.of),
		}
	}
}

// findUnknown finds, at the start, the rules of which a change may be rolled out by other replicas, while the approved version is not
// known here. Later it forgets those that changed or were promoted.
func (x *rolloutIndex) findUnknown(first bool) {
	if first {
		for key, reason := range x.said {
			if _, known := x.approved[key]; !known && reason != mesh.ReasonPromoted {
				x.unknown[key] = object.RuleHash(x.current(key))
			}
		}
	}
	maps.DeleteFunc(x.unknown, func(key object.Key, hash string) bool {
		_, held := x.approved[key]
		return held || x.said[key] == "" || x.said[key] == mesh.ReasonPromoted || !x.policyOf(key, nil).policy.IsSet() || hash != object.RuleHash(x.current(key))
	})
}

// unknownProblem is the Problem of a rule that findUnknown found.
func unknownProblem(of mesh.Ref) mesh.Problem {
	return mesh.Problem{
		Code: mesh.CodeRollout, Severity: mesh.Warning,
		Message: fmt.Sprintf("A change of it was being rolled out when this replica started, and the replica does not know the version before: all clients of the replica follow the new version. Change the object again, or remove the annotation %s of %s. Give the replicas a --state-dir that outlives their pods.", mesh.AnnotationRollout, of),
	}
}

func splitProblem(key object.Key) mesh.Problem {
	return mesh.Problem{
		Code: mesh.CodeRollout, Severity: mesh.Warning, Object: key.Ref(),
		Message: "The VirtualServices that delegate to it follow different rollouts. All clients follow its changes at once. Set the annotation " + mesh.AnnotationRollout + " on one Namespace, and on none of them.",
	}
}

func apartProblem(key object.Key) mesh.Problem {
	return mesh.Problem{
		Code: mesh.CodeRollout, Severity: mesh.Info, Object: key.Ref(),
		Message: "Its namespace has the annotation " + mesh.AnnotationRollout + ", which Routes do not follow: all clients follow its changes at once. Write the rules as a VirtualService to roll out their changes.",
	}
}
