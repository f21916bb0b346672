package assemble

import (
	"errors"
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
	// objects are the rules of the generation, which is read once; err is why it cannot be read, and again when that is tried again.
	objects map[object.Key]*object.Object
	err     error
	again   time.Time
	// active is set while the rules are held.
	active bool
}

// pinRetry is how often a generation is looked for that is not known: it may be recorded soon.
const pinRetry = 10 * time.Second

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
		next := &pin{key: key, service: s}
		if old != nil && old.service.Pin.Generation == s.Pin.Generation {
			next.objects = old.objects // The generation may not be kept any more.
		}
		x.pins[key], x.dirty = next, true
	}
}

// pinExpired reports whether a pin ended that is in effect, or a generation is to be read again.
func (x *rolloutIndex) pinExpired(now time.Time) bool {
	for _, p := range x.pins {
		if p.active && !now.Before(p.service.Pin.Until) || p.err != nil && !now.Before(p.again) && now.Before(p.service.Pin.Until) {
			return true
		}
	}
	return false
}

// nextExpiry returns the time until the next pin ends, and false if there is none.
func (x *rolloutIndex) nextExpiry(now time.Time) (first time.Duration, found bool) {
	for _, p := range x.pins {
		at := p.service.Pin.Until
		if p.err != nil {
			at = p.again
		}
		waits := p.active || p.err != nil && now.Before(p.service.Pin.Until)
		if in := max(0, at.Sub(now)); waits && (!found || in < first) {
			first, found = in, true
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
		until := p.service.Pin.Until
		if p.objects == nil && now.Before(until) && !now.Before(p.again) {
			p.objects, p.err = x.generation(p.service.Pin.Generation)
			p.again = now.Add(pinRetry)
		}
		p.active = p.objects != nil && now.Before(until)
		x.problems.put(problemKey{topicRollout, key}, []mesh.Problem{p.problem(now)})
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

// generation reads the rules of a generation.
func (x *rolloutIndex) generation(id string) (map[object.Key]*object.Object, error) {
	if x.generations == nil {
		return nil, errors.New("this process keeps no generations")
	}
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
	u := &rolloutUnit{of: p.service.Ref, stage: mesh.RolloutPinned, pin: p.service.Pin, versions: map[object.Key]any{}}
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

// problem says what the pin does.
func (p *pin) problem(now time.Time) mesh.Problem {
	problem := mesh.Problem{Code: mesh.CodePinned, Severity: mesh.Warning, Object: p.service.Ref, Field: object.AnnotationField(mesh.AnnotationPin)}
	id, until := p.service.Pin.Generation, p.service.Pin.Until.UTC().Format(time.RFC3339)
	switch {
	case !now.Before(p.service.Pin.Until):
		problem.Message = fmt.Sprintf("The pin ended at %s. Clients follow the current rules. Remove the annotation.", until)
	case p.err != nil:
		problem.Severity = mesh.Error
		problem.Message = fmt.Sprintf("The rules are not held: %v. Clients of this replica follow the current rules. Name a generation that \"controlplane history\" shows for every replica.", p.err)
	default:
		problem.Message = fmt.Sprintf("The VirtualServices and DestinationRules for the host are held as of generation %s until %s. Edits of them have no effect before. Correct the rules, then remove the annotation.", id, until)
	}
	return problem
}
