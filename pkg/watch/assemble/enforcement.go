package assemble

import (
	"maps"
	"slices"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// enforcement compares the objects that configure servers with the pods, and reports what nothing enforces. It looks only
// at namespaces in which objects or sets of labels came or went, and keeps what it found elsewhere. Nothing is reported
// while the source has no pods at all: files with objects alone say nothing about pods.
type enforcement struct {
	security *securityIndex
	labels   *labelIndex
	problems *problemIndex
	grace    time.Duration
	// found is what was found out about each object in each namespace to which it applies.
	found map[object.Key]map[string]finding
	// idle has the objects that select no pod, and when their grace period ends; zero if it is over.
	idle map[object.Key]time.Time
	// known is set if the source has pods.
	known bool
}

// finding is what an object finds in one namespace.
type finding struct {
	// pods means that it selects pods.
	pods bool
	// withoutIdentity, withoutXDS and plaintext describe pods to which it applies and where it is not enforced as it is
	// written: those without a certificate, those whose servers are not configured by xDS, and those that serve plaintext.
	withoutIdentity, withoutXDS, plaintext []string
	// ports are those on which the pods listen, as far as they are behind Services. They are noted only for objects that name
	// ports.
	ports []uint32
	// behind are the objects that take precedence over it for pods, and used means that it is in effect for others.
	behind []mesh.Ref
	used   bool
}

func newEnforcement(grace time.Duration, security *securityIndex, problems *problemIndex) *enforcement {
	return &enforcement{
		security: security, labels: &security.inventory.labels, problems: problems, grace: grace,
		found: map[object.Key]map[string]finding{}, idle: map[object.Key]time.Time{},
	}
}

// nextExpiry returns the time until the first grace period is over, and false if nothing waits for one.
func (x *enforcement) nextExpiry(at time.Time) (time.Duration, bool) {
	var first time.Time
	for _, end := range x.idle {
		if !end.IsZero() && (first.IsZero() || end.Before(first)) {
			first = end
		}
	}
	return first.Sub(at), !first.IsZero()
}

// apply looks at what changed since the last World.
func (x *enforcement) apply() {
	now := time.Now()
	moved, dirty, ports := take(&x.security.moved), take(&x.labels.dirty), take(&x.labels.dirtyPorts)
	todo := map[object.Key]struct{}{}
	for key, end := range x.idle {
		if !end.IsZero() && !now.Before(end) {
			todo[key] = struct{}{}
		}
	}
	known := len(x.labels.pods) > 0
	if known != x.known {
		x.known = known
		for _, namespace := range x.security.current {
			for _, s := range subjects(namespace) {
				todo[s.key()] = struct{}{}
			}
		}
	}
	for namespace := range moved {
		x.forget(namespace, todo)
	}
	// An object of the root namespace changes what others of its level mean everywhere.
	if _, all := moved[x.security.root]; all {
		dirty = x.namespaces()
	} else {
		dirty = maps.Clone(dirty)
		maps.Copy(dirty, moved)
	}
	for namespace := range dirty {
		x.look(namespace, x.subjects(namespace), todo)
	}
	x.lookAtPorts(ports, dirty, todo)
	objects := map[string]map[object.Key]subject{}
	for key := range todo {
		if objects[key.Namespace] == nil {
			objects[key.Namespace] = map[object.Key]subject{}
			for _, s := range subjects(x.security.current[key.Namespace]) {
				objects[key.Namespace][s.key()] = s
			}
		}
		x.report(key, objects[key.Namespace][key], now)
	}
}

// namespaces returns the namespaces with pods or with objects.
func (x *enforcement) namespaces() map[string]struct{} {
	all := map[string]struct{}{}
	for _, in := range []tally[string, mesh.Labels]{x.labels.pods, x.labels.servers} {
		for namespace := range in {
			all[namespace] = struct{}{}
		}
	}
	for namespace := range x.security.current {
		all[namespace] = struct{}{}
	}
	return all
}

// forget removes what is known about the objects of a namespace, which changed.
func (x *enforcement) forget(namespace string, todo map[object.Key]struct{}) {
	for key := range x.found {
		if key.Namespace == namespace {
			delete(x.found, key)
			todo[key] = struct{}{}
		}
	}
}

// subjects returns the objects that may apply to the pods of a namespace.
func (x *enforcement) subjects(namespace string) []subject {
	return distinctSubjects(x.security.current[x.security.root], x.security.current[namespace], namespace == x.security.root)
}

// look compares objects that may apply to the pods of a namespace with them.
func (x *enforcement) look(namespace string, all []subject, todo map[object.Key]struct{}) {
	if len(all) == 0 {
		return
	}
	root, own := x.security.current[x.security.root], x.security.current[namespace]
	sets := x.workloads(namespace)
	peers := make([]mesh.PeerModes, len(sets))
	for i, labels := range sets {
		peers[i] = mesh.PeersIn(root, own, labels)
	}
	for _, s := range all {
		f := finding{}
		for i, labels := range sets {
			if w := (mesh.Workload{Namespace: namespace, Labels: labels}); s.concerns(w) {
				f.pods = true
				s.look(&f, x, w, peers[i])
			}
		}
		key := s.key()
		if x.found[key] == nil {
			x.found[key] = map[string]finding{}
		}
		x.found[key][namespace] = f.sorted()
		todo[key] = struct{}{}
	}
}

// workloads returns the sets of labels that pods of a namespace have, sorted.
func (x *enforcement) workloads(namespace string) []mesh.Labels {
	all := maps.Clone(x.labels.pods[namespace])
	if all == nil {
		all = map[mesh.Labels]int{}
	}
	maps.Copy(all, x.labels.servers[namespace])
	return slices.Sorted(maps.Keys(all))
}

func (f finding) sorted() finding {
	for _, list := range []*[]string{&f.withoutIdentity, &f.withoutXDS, &f.plaintext} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	slices.Sort(f.ports)
	f.ports = slices.Compact(f.ports)
	mesh.SortFunc(f.behind, mesh.Ref.Compare)
	f.behind = slices.Compact(f.behind)
	return f
}

// merged joins what was found in all namespaces.
func (x *enforcement) merged(key object.Key) finding {
	var all finding
	for _, f := range x.found[key] {
		all.pods, all.used = all.pods || f.pods, all.used || f.used
		all.withoutIdentity = append(all.withoutIdentity, f.withoutIdentity...)
		all.withoutXDS = append(all.withoutXDS, f.withoutXDS...)
		all.plaintext = append(all.plaintext, f.plaintext...)
		all.ports = append(all.ports, f.ports...)
		all.behind = append(all.behind, f.behind...)
	}
	return all.sorted()
}

// report replaces the Problems of an object; s is nil if it is gone.
func (x *enforcement) report(key object.Key, s subject, now time.Time) {
	if s == nil {
		delete(x.idle, key)
		x.problems.put(problemKey{topicEnforcement, key}, nil)
		return
	}
	f := x.merged(key)
	_, covered := x.security.covered[key]
	r := enforcementReport{key: key, known: x.known, covered: covered}
	absent := x.known && !f.pods && s.selects()
	r.idle = absent && x.lasts(key, now)
	if !absent {
		delete(x.idle, key)
	}
	s.report(&r, f)
	r.reportPorts(s.ports(), f)
	x.checkRoot(&r, s, f)
	if r.idle {
		r.add(mesh.CodeNoPods, mesh.Warning, s.field(), "The object selects no pod, so it has no effect. %s", x.meant(s))
	}
	x.problems.put(problemKey{topicEnforcement, key}, mesh.SortProblems(r.problems))
}

// lasts records that an object selects no pod, and reports whether its grace period is over.
func (x *enforcement) lasts(key object.Key, now time.Time) bool {
	end, waits := x.idle[key]
	if !waits {
		end = now.Add(x.grace)
	}
	if !now.Before(end) {
		end = time.Time{}
	}
	x.idle[key] = end
	return end.IsZero()
}

// enforcementReport collects the Problems of one object.
type enforcementReport struct {
	key object.Key
	// known means that pods are known, and idle that the object has selected none of them for the grace period. covered
	// means that it can never be in effect, which is reported already.
	known, idle, covered bool
	problems             []mesh.Problem
}

func (r *enforcementReport) add(code mesh.Code, severity mesh.Severity, field, format string, args ...any) {
	r.problems = append(r.problems, securityProblem(r.key, code, severity, field, format, args...))
}
