package authority

import (
	"crypto/x509"
	"slices"
	"time"
)

// Step is where a rotation is.
type Step string

// The steps of a rotation.
const (
	// StepNone: the desired authority signs, and its roots are the only ones.
	StepNone Step = "none"
	// StepPublish: the desired authority does not sign yet, because not every pod has its roots.
	StepPublish Step = "publish"
	// StepRetire: the desired authority signs, and leaves of another may be alive.
	StepRetire Step = "retire"
)

// Steps are all of them, in their order.
var Steps = []Step{StepNone, StepPublish, StepRetire}

// Waits are how long the steps of a rotation take.
type Waits struct {
	// Publish is how long after its publication a root is in every pod, and read there.
	Publish time.Duration
	// Retire is how long a root stays after its last leaf has expired, for clocks that differ.
	Retire time.Duration
}

// Facts are what a decision is made from.
type Facts struct {
	Now   time.Time
	Waits Waits
	// Desired is nil if there is none, or none that could sign. InUse is the State's authority; nil likewise.
	Desired, InUse *Authority
	State          State
	// Bundle has the roots that are published now; nil if there is no bundle.
	Bundle []*x509.Certificate
}

// Decision is what follows from Facts.
type Decision struct {
	// Signing signs leaves now; nil if no authority may.
	Signing *Authority
	// State is what is to be recorded. Its roots are what is to be published, after it is recorded.
	State State
	Step  Step
	// Until is when the next step is due; zero if that depends on something else.
	Until time.Time
}

// Bundle returns the roots to publish.
func (d Decision) Bundle() []*x509.Certificate {
	roots := make([]*x509.Certificate, 0, len(d.State.Roots))
	for _, r := range d.State.Roots {
		roots = append(roots, r.Certificate)
	}
	return roots
}

// Decide returns what to do now. It is called again whenever the Facts have changed: a root counts as published only when
// it is in the bundle that was read.
func Decide(f Facts) Decision {
	d := Decision{State: State{InUse: f.State.InUse, Roots: f.roots()}, Step: StepNone}
	switch {
	case f.Desired != nil && f.Desired.Usable(f.Now) == nil && f.ready(d.State.Roots):
		d.Signing, d.State.InUse = f.Desired, f.Desired.Files
	case f.InUse != nil && f.InUse.Usable(f.Now) == nil:
		d.Signing = f.InUse
	}
	inUse := f.InUse
	if d.Signing != nil {
		inUse = d.Signing
	}
	d.State.Roots = slices.DeleteFunc(d.State.Roots, func(r Root) bool {
		return !has(inUse, r) && !has(f.Desired, r) && f.retired(r)
	})
	d.step(f, inUse)
	return d
}

// roots returns what is recorded about the roots that matter, in the light of what is published.
func (f Facts) roots() []Root {
	roots := slices.Clone(f.State.Roots)
	if f.State.Empty() {
		// What was recorded is lost, or there was another signer. Leaves of any life may be alive.
		for _, c := range f.Bundle {
			roots = append(roots, Root{Certificate: c, LeavesUntil: f.Now.Add(MaxLifetime)})
		}
	}
	for _, a := range []*Authority{f.Desired, f.InUse} {
		if a == nil {
			continue
		}
		for _, c := range a.Roots {
			if !slices.ContainsFunc(roots, func(r Root) bool { return r.Certificate.Equal(c) }) {
				roots = append(roots, Root{Certificate: c, First: f.State.Empty() && f.Bundle == nil})
			}
		}
	}
	for i, r := range roots {
		switch published := slices.ContainsFunc(f.Bundle, r.Certificate.Equal); {
		case !published && !r.PublishedAt.IsZero():
			// The bundle was edited or deleted. Pods may have read it meanwhile.
			roots[i].PublishedAt, roots[i].First = time.Time{}, false
		case !published:
		case r.PublishedAt.IsZero():
			roots[i].PublishedAt = f.Now
		}
	}
	sortRoots(roots)
	return roots
}

// ready reports whether the desired authority may sign: its roots are published, and every pod has read them.
func (f Facts) ready(roots []Root) bool {
	if Same(f.Desired, f.InUse) {
		return true
	}
	at, published := f.readyAt(roots)
	return published && !f.Now.Before(at)
}

// readyAt returns when every pod has read the roots of the desired authority, and whether they are all published.
func (f Facts) readyAt(roots []Root) (at time.Time, published bool) {
	for _, r := range roots {
		switch {
		case !has(f.Desired, r):
		case r.PublishedAt.IsZero():
			return time.Time{}, false
		case !r.First:
			at = later(at, r.PublishedAt.Add(f.Waits.Publish))
		}
	}
	return at, true
}

// retired reports whether no leaf below a root can be alive.
func (f Facts) retired(r Root) bool {
	return r.LeavesUntil.IsZero() || f.Now.After(r.LeavesUntil.Add(f.Waits.Retire))
}

// step finds out where the rotation is.
func (d *Decision) step(f Facts, inUse *Authority) {
	if f.Desired != nil && !Same(f.Desired, inUse) {
		d.Step = StepPublish
		d.Until, _ = f.readyAt(d.State.Roots)
		return
	}
	for _, r := range d.State.Roots {
		if !has(inUse, r) {
			d.Step, d.Until = StepRetire, later(d.Until, r.LeavesUntil.Add(f.Waits.Retire))
		}
	}
}

// has reports whether a root is one of an authority's, which may be nil.
func has(a *Authority, r Root) bool {
	return a != nil && slices.ContainsFunc(a.Roots, r.Certificate.Equal)
}
