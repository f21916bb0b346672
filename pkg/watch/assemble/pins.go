package assemble

import (
	"fmt"
	"maps"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// pin holds the rules for the host of a Service as of a generation of the configuration.
type pin struct {
	key     object.Key
	service *mesh.Service
	// objects are the rules of the generation held, which is read once: the one that the annotation names, or the one before it if that
	// cannot be read. err is why it cannot, and again when that is tried again.
	objects map[object.Key]*object.Object
	held    string
	err     error
	again   time.Time
	// until is when it ends. One that cannot be read has the end of the one before it, if that held the rules, and otherwise none.
	until time.Time
	// active is set while the rules are held, and far while the end is farther away than farEnd.
	active, far bool
}

const (
	// pinRetry is how often a generation is looked for that is not known: it may be recorded soon.
	pinRetry = 10 * time.Second
	// farEnd is how far away the end of a pin may be without a remark.
	farEnd = 7 * 24 * time.Hour
)

// ended reports whether the pin has ended. One that cannot be read, and that goes on with nothing, has.
func (p *pin) ended(now time.Time) bool { return !now.Before(p.until) }

// isFar reports whether the pin ends long after now.
func (p *pin) isFar(now time.Time) bool { return p.until.Sub(now) > farEnd }

// notePin records the pin of a Service; value may be nil.
func (x *rolloutIndex) notePin(key object.Key, value any) {
	s, _ := value.(*mesh.Service)
	old := x.pins[key]
	switch {
	case s == nil || s.Pin == mesh.Pin{}:
		if old != nil {
			delete(x.pins, key)
			x.dirty = true
		}
	case old == nil || old.service.Pin != s.Pin || old.service.Host != s.Host:
		next := &pin{key: key, service: s, until: s.Pin.Until}
		if old != nil && (old.active || old.held == s.Pin.Generation) {
			next.objects, next.held = old.objects, old.held // The generation may not be kept any more.
		}
		if s.Pin.Invalid && old != nil && old.active {
			next.until = old.until
		}
		x.pins[key], x.dirty = next, true
	}
}

// pinExpired reports whether a pin ended that is in effect, its end is near now, or a generation is to be read again.
func (x *rolloutIndex) pinExpired(now time.Time) bool {
	for _, p := range x.pins {
		if at, waits := p.due(now); waits && !now.Before(at) {
			return true
		}
	}
	return false
}

// due returns when a pin is to be looked at again, and false if it is not.
func (p *pin) due(now time.Time) (at time.Time, waits bool) {
	if p.active {
		if at, waits = p.until, true; p.far {
			at = at.Add(-farEnd)
		}
	}
	if p.err != nil && !p.ended(now) && (!waits || p.again.Before(at)) {
		at, waits = p.again, true
	}
	return at, waits
}

// nextExpiry returns the time until the next pin is to be looked at, and false if there is none.
func (x *rolloutIndex) nextExpiry(now time.Time) (first time.Duration, found bool) {
	for _, p := range x.pins {
		if at, waits := p.due(now); waits && (!found || at.Sub(now) < first) {
			first, found = max(0, at.Sub(now)), true
		}
	}
	return first, found
}

// pinned returns a unit for each pin that is in effect, whose approved versions are those of the generation. It reports all pins.
func (x *rolloutIndex) pinned(now time.Time) (units []*rolloutUnit) {
	reported := map[object.Key]struct{}{}
	claimed := map[object.Key]struct{}{}
	for _, key := range mesh.SortedFunc(maps.Keys(x.pins), object.Key.Compare) {
		p := x.pins[key]
		x.look(p, now)
		x.problems.put(problemKey{topicRollout, key}, x.problemsOf(p, now))
		reported[key] = struct{}{}
		if p.active {
			units = append(units, x.pinUnit(p, claimed))
		}
	}
	for key := range x.pinProblems {
		if _, still := reported[key]; !still {
			x.problems.put(problemKey{topicRollout, key}, nil)
		}
	}
	x.pinProblems = reported
	return units
}

// look reads the generation of a pin if it is not held yet. What cannot be read changes nothing.
func (x *rolloutIndex) look(p *pin, now time.Time) {
	if id := p.service.Pin.Generation; !p.service.Pin.Invalid && x.generations != nil && id != p.held && !p.ended(now) && !now.Before(p.again) {
		objects, err := x.generation(id)
		p.err, p.again = err, now.Add(pinRetry)
		if err == nil {
			p.objects, p.held = objects, id
		}
	}
	p.active, p.far = p.objects != nil && !p.ended(now), p.isFar(now)
}

// generation reads the rules of a generation.
func (x *rolloutIndex) generation(id string) (map[object.Key]*object.Object, error) {
	all, err := x.generations(id)
	if err != nil {
		return nil, err
	}
	found := map[object.Key]*object.Object{}
	for key, o := range all {
		if isRule(key) {
			found[key] = o
		}
	}
	return found, nil
}

// pinUnit finds the rules for the host, now and in the generation, that no other pin holds.
func (x *rolloutIndex) pinUnit(p *pin, claimed map[object.Key]struct{}) *rolloutUnit {
	u := &rolloutUnit{of: p.service.Ref, stage: mesh.RolloutPinned, pin: mesh.Pin{Generation: p.held, Until: p.until}, versions: map[object.Key]any{}}
	var add func(key object.Key)
	add = func(key object.Key) {
		if _, taken := claimed[key]; taken || key.Held {
			return
		}
		claimed[key] = struct{}{}
		var then any
		if o := p.objects[key]; o != nil && o.Value != nil {
			then = o.Value
		}
		u.versions[key], u.changed = then, append(u.changed, key)
		for _, version := range []any{then, x.current(key)} {
			if v, ok := version.(*object.VirtualService); ok {
				for _, id := range delegatesOf(key, v) {
					add(object.Key{Kind: object.KindVirtualService, Namespace: id.Namespace, Name: id.Name})
				}
			}
		}
	}
	for key := range x.rulesFor(p) {
		add(key)
	}
	mesh.SortFunc(u.changed, object.Key.Compare)
	x.widen(u)
	return u
}

// rulesFor returns the rules for the host, now and in the generation.
func (x *rolloutIndex) rulesFor(p *pin) map[object.Key]struct{} {
	host, all := p.service.Host, map[object.Key]struct{}{}
	for _, tier := range x.rules.routes.hosts.tiers(host, "") {
		for _, h := range tier.values {
			all[h.key] = struct{}{}
		}
	}
	for _, tier := range x.rules.policies.hosts.tiers(host, "") {
		for _, g := range tier.values {
			for _, r := range g.rules {
				all[r.key] = struct{}{}
			}
		}
	}
	for key, o := range p.objects {
		for _, declared := range object.RuleHosts(o.Value) {
			if covers(mesh.FullHost(declared.Name, key.Namespace, x.rules.domain), host) {
				all[key] = struct{}{}
			}
		}
	}
	return all
}

// problemsOf reports a pin. A process that keeps no generations, such as a check of files, cannot hold anything: it reports how long others
// do. A value that cannot be read has an error already.
func (x *rolloutIndex) problemsOf(p *pin, now time.Time) []mesh.Problem {
	problem := p.problem(now)
	if x.generations == nil && p.service.Pin.Invalid {
		return nil
	}
	if x.generations == nil && !p.ended(now) {
		problem.Severity = mesh.Info
		problem.Message = fmt.Sprintf("Control planes hold the VirtualServices and DestinationRules for the host as of generation %s until %s. Here, where no generation is kept, they are as they are now.", p.service.Pin.Generation, p.service.Pin.Until.UTC().Format(time.RFC3339))
		if p.far {
			problem.Severity = mesh.Warning
			problem.Message += " The end is more than a week away. Name an earlier time, correct the rules, then remove the annotation."
		}
	}
	return []mesh.Problem{problem}
}

// problem says what the pin does.
func (p *pin) problem(now time.Time) mesh.Problem {
	problem := mesh.Problem{Code: mesh.CodePinned, Severity: mesh.Warning, Object: p.service.Ref, Field: object.AnnotationField(mesh.AnnotationPin)}
	what, until := "The VirtualServices and DestinationRules for the host", p.until.UTC().Format(time.RFC3339)
	switch {
	case p.service.Pin.Invalid && !p.active:
		problem.Severity = mesh.Error
		problem.Message = "The annotation cannot be read, and nothing is held. Clients follow the current rules. Correct the value, or remove the annotation."
	case p.service.Pin.Invalid:
		problem.Severity = mesh.Error
		problem.Message = fmt.Sprintf("The annotation cannot be read, so what it said before goes on: the VirtualServices and DestinationRules for the host are held as of generation %s until %s. Correct the value, or remove the annotation.", p.held, until)
	case p.ended(now):
		problem.Message = fmt.Sprintf("The pin ended at %s. Clients follow the current rules. Remove the annotation.", until)
	case p.objects == nil:
		problem.Severity = mesh.Error
		problem.Message = fmt.Sprintf("The rules are not held: %v. Clients of this replica follow the current rules. Name a generation that \"controlplane history\" shows for every replica.", p.err)
	case p.err != nil:
		problem.Severity = mesh.Error
		problem.Message = fmt.Sprintf("%s stay held as of generation %s until %s, because the new generation cannot be read: %v. Name a generation that \"controlplane history\" shows for every replica.", what, p.held, until, p.err)
	case p.far:
		problem.Message = fmt.Sprintf("%s are held as of generation %s until %s, which is more than a week away. Edits of them have no effect before. Name an earlier time, correct the rules, then remove the annotation.", what, p.held, until)
	default:
		problem.Message = fmt.Sprintf("%s are held as of generation %s until %s. Edits of them have no effect before. Correct the rules, then remove the annotation.", what, p.held, until)
	}
	return problem
}
