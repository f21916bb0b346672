package authority

import (
	"crypto/x509"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/test/seeds"
)

var waits = Waits{Publish: 5 * time.Minute, Retire: time.Hour}

// mesh is what the signer and its pods do, with a clock that tests set.
type mesh struct {
	t       *testing.T
	now     time.Time
	desired *Authority
	state   State
	// bundles are all bundles that there were, and since when.
	bundles []published
	leaves  []issued
	last    Decision
	// parsed are authorities by their files, which take long to parse.
	parsed map[string]*Authority
}

type published struct {
	since time.Time
	roots []*x509.Certificate
}

type issued struct {
	by    *Authority
	until time.Time
}

func (m *mesh) bundle() []*x509.Certificate {
	if len(m.bundles) == 0 {
		return nil
	}
	return m.bundles[len(m.bundles)-1].roots
}

func (m *mesh) inUse() *Authority {
	if m.state.InUse == nil {
		return nil
	}
	key := string(m.state.InUse[CertificateKey])
	if m.parsed[key] == nil {
		a, err := Parse(m.state.InUse, domain)
		if err != nil {
			m.t.Fatal(err)
		}
		if m.parsed == nil {
			m.parsed = map[string]*Authority{}
		}
		m.parsed[key] = a
	}
	return m.parsed[key]
}

// settle decides and does what was decided until nothing is left to do, as a signer that starts does.
func (m *mesh) settle() {
	m.t.Helper()
	for range 5 {
		d := Decide(Facts{Now: m.now, Waits: waits, Desired: m.desired, InUse: m.inUse(), State: m.state, Bundle: m.bundle()})
		m.last = d
		data, err := d.State.Encode()
		if err != nil {
			m.t.Fatal(err)
		}
		if m.state, err = DecodeState(data); err != nil {
			m.t.Fatal(err)
		}
		next := d.Bundle()
		if slices.EqualFunc(m.bundle(), next, (*x509.Certificate).Equal) {
			return
		}
		m.bundles = append(m.bundles, published{m.now, next})
	}
	m.t.Fatal("it does not settle")
}

// sign signs a leaf as the signer does, if an authority may sign.
func (m *mesh) sign(lifetime time.Duration) bool {
	m.t.Helper()
	a := m.last.Signing
	if a == nil || a.Usable(m.now) != nil {
		return false
	}
	end := a.Ends(m.now, lifetime)
	m.state = m.state.Allow(a, end)
	if !m.state.Allows(a, end) {
		m.t.Errorf("the roots of %s are not recorded", a)
	}
	m.leaves = append(m.leaves, issued{a, end})
	return true
}

// check: every leaf that is alive is verified by what every pod may have: the bundle of any moment within the last
// Publish.
func (m *mesh) check() error {
	m.leaves = slices.DeleteFunc(m.leaves, func(l issued) bool { return !m.now.Before(l.until) })
	for i, b := range m.bundles {
		if i+1 < len(m.bundles) && !m.bundles[i+1].since.After(m.now.Add(-waits.Publish)) {
			continue // No pod has it any more.
		}
		for _, l := range m.leaves {
			if !slices.ContainsFunc(l.by.Roots, func(c *x509.Certificate) bool { return slices.ContainsFunc(b.roots, c.Equal) }) {
				return fmt.Errorf("at %s: a leaf of %s is alive until %s, and a pod may have the bundle of %s without its root", stamp(m.now), l.by, stamp(l.until), stamp(b.since))
			}
		}
	}
	return nil
}

// names lists the roots that are published, by the names of authorities.
func (m *mesh) names(by map[string]*Authority) string {
	var names []string
	for name, a := range by {
		if slices.ContainsFunc(m.bundle(), a.Roots[0].Equal) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// TestRotation plays rotations step by step. Each line is a time, what happens then, and what is the case afterwards: who
// signs, what is published, and the step.
func TestRotation(t *testing.T) {
	by := map[string]*Authority{
		"a": created(t, epoch, 10000*time.Hour), "b": created(t, epoch, 10000*time.Hour), "c": created(t, epoch, 10000*time.Hour),
		"short": created(t, epoch, 100*time.Hour),
	}
	root := newIssuer(t, "root", nil, nil)
	for _, name := range []string{"i", "j"} {
		a, err := Parse(newIssuer(t, name, root, nil).files(t, root.pem()), domain)
		if err != nil {
			t.Fatal(err)
		}
		by[name] = a
	}
	none := func(*mesh) {}
	want := func(name string) func(*mesh) { return func(m *mesh) { m.desired = by[name] } }
	sign := func(m *mesh) {
		if !m.sign(24 * time.Hour) {
			m.t.Error("no authority signs")
		}
	}
	type line struct {
		at   time.Duration
		do   func(*mesh)
		want string // signing | published | step
	}
	for name, lines := range map[string][]line{
		"the first authority signs at once": {{0, want("a"), "a|a|none"}},
		"no authority":                      {{0, none, "-||none"}},
		"a rotation": {
			{0, want("a"), "a|a|none"},
			{time.Hour, sign, "a|a|none"},
			{time.Hour, want("b"), "a|a b|publish"},
			{time.Hour + 4*time.Minute, sign, "a|a b|publish"},
			{time.Hour + 5*time.Minute, none, "b|a b|retire"},
			{24 * time.Hour, none, "b|a b|retire"},
			{26*time.Hour + 3*time.Minute - time.Second, none, "b|a b|retire"}, // the last leaf, and an hour
			{26*time.Hour + 4*time.Minute, none, "b|b|none"},
		},
		"a rotation without a leaf is short": {
			{0, want("a"), "a|a|none"},
			{time.Hour, want("b"), "a|a b|publish"},
			{time.Hour + 5*time.Minute, none, "b|b|none"},
		},
		"back to the old one while the new one is published": {
			{0, want("a"), "a|a|none"},
			{0, sign, "a|a|none"},
			{time.Hour, want("b"), "a|a b|publish"},
			{time.Hour + time.Minute, want("a"), "a|a|none"},
			{2 * time.Hour, want("b"), "a|a b|publish"}, // waits anew
			{2*time.Hour + 4*time.Minute, none, "a|a b|publish"},
		},
		"back to the old one while it is retired": {
			{0, want("a"), "a|a|none"},
			{0, sign, "a|a|none"},
			{time.Hour, want("b"), "a|a b|publish"},
			{2 * time.Hour, sign, "b|a b|retire"},
			{2 * time.Hour, sign, "b|a b|retire"},
			{3 * time.Hour, want("a"), "a|a b|retire"},
			{26*time.Hour + time.Hour - time.Minute, none, "a|a b|retire"},
			{28 * time.Hour, none, "a|a|none"},
		},
		"two rotations at once": {
			{0, want("a"), "a|a|none"},
			{0, sign, "a|a|none"},
			{time.Hour, want("b"), "a|a b|publish"},
			{2 * time.Hour, none, "b|a b|retire"},
			{2 * time.Hour, sign, "b|a b|retire"},
			{3 * time.Hour, want("c"), "b|a b c|publish"},
			{4 * time.Hour, none, "c|a b c|retire"},
			{25 * time.Hour, none, "c|b c|retire"},
			{28 * time.Hour, none, "c|c|none"},
		},
		"an intermediate follows another below one root at once": {
			{0, want("i"), "i|i j|none"},
			{0, sign, "i|i j|none"},
			{time.Hour, want("j"), "j|i j|none"},
		},
		"an authority that never signed is replaced": {
			{0, want("a"), "a|a|none"},
			{time.Hour, want("b"), "a|a b|publish"},
			{time.Hour, want("c"), "a|a c|publish"},
		},
		"the first authority is replaced before it has signed": {
			{60 * time.Hour, want("short"), "short|short|none"},
			{300 * time.Hour, want("b"), "-|b short|publish"},
			{301 * time.Hour, none, "b|b|none"},
		},
		"the Secret is broken": {
			{0, want("a"), "a|a|none"},
			{time.Hour, func(m *mesh) { m.desired = nil }, "a|a|none"},
		},
		"the authority expires, and another follows": {
			{0, want("short"), "short|short|none"},
			{98 * time.Hour, sign, "short|short|none"},
			{99*time.Hour + time.Minute, none, "-|short|none"},
			{99*time.Hour + time.Minute, want("b"), "-|b short|publish"},
			{99*time.Hour + 6*time.Minute, none, "b|b short|retire"},
			{102 * time.Hour, none, "b|b|none"},
		},
		"an expired authority is desired": {
			{0, want("a"), "a|a|none"},
			{200 * time.Hour, want("short"), "a|a short|publish"},
			{300 * time.Hour, none, "a|a short|publish"},
		},
		"the state is lost": {
			{0, want("a"), "a|a|none"},
			{0, sign, "a|a|none"},
			{time.Hour, func(m *mesh) { m.state = State{} }, "-|a|publish"},
			{time.Hour + 5*time.Minute, none, "a|a|none"},
			{2 * time.Hour, func(m *mesh) { m.state, m.desired = State{}, by["b"] }, "-|a b|publish"},
			{2*time.Hour + 5*time.Minute, none, "b|a b|retire"},
			{90 * 24 * time.Hour, none, "b|a b|retire"},
			{91*24*time.Hour + 4*time.Hour, none, "b|b|none"},
		},
		"the bundle is deleted": {
			{0, want("a"), "a|a|none"},
			{0, sign, "a|a|none"},
			{time.Hour, want("b"), "a|a b|publish"},
			{time.Hour + 4*time.Minute, func(m *mesh) { m.bundles = nil }, "a|a b|publish"},
			{time.Hour + 8*time.Minute, none, "a|a b|publish"}, // it was published anew
			{time.Hour + 9*time.Minute, none, "b|a b|retire"},
		},
		"a key is stolen: all is deleted, and the next authority signs at once": {
			{0, want("a"), "a|a|none"},
			{0, sign, "a|a|none"},
			{time.Hour, func(m *mesh) { m.state, m.bundles, m.desired = State{}, nil, by["b"] }, "b|b|none"},
		},
		"a foreign root is removed": {
			{0, want("a"), "a|a|none"},
			{time.Hour, func(m *mesh) { m.bundles = append(m.bundles, published{m.now, append(m.bundle(), by["c"].Roots...)}) }, "a|a|none"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := &mesh{t: t, now: epoch}
			for i, l := range lines {
				m.now = epoch.Add(l.at)
				l.do(m)
				m.settle()
				signing := "-"
				for name, a := range by {
					if Same(a, m.last.Signing) {
						signing = name
					}
				}
				if got := signing + "|" + m.names(by) + "|" + string(m.last.Step); got != l.want {
					t.Fatalf("line %d: got %s, want %s", i, got, l.want)
				}
			}
		})
	}
}

// TestUntil is when the next step is due.
func TestUntil(t *testing.T) {
	m := &mesh{t: t, now: epoch, desired: created(t, epoch, 10000*time.Hour)}
	m.settle()
	m.sign(24 * time.Hour)
	m.desired = created(t, epoch, 10000*time.Hour)
	m.settle()
	if got, want := m.last.Until, epoch.Add(waits.Publish); !got.Equal(want) {
		t.Errorf("publish: got %v, want %v", got, want)
	}
	m.now = m.last.Until
	m.settle()
	if got, want := m.last.Until, m.leaves[0].until.Add(waits.Retire); !got.Equal(want) || m.last.Step != StepRetire {
		t.Errorf("retire: got %v, want %v", got, want)
	}
	m.now = m.last.Until.Add(time.Millisecond)
	m.settle()
	if !m.last.Until.IsZero() || m.last.Step != StepNone {
		t.Errorf("at the end: got %v until %v, want nothing", m.last.Step, m.last.Until)
	}
}

// TestNoLeafIsEverUnverified plays random histories: authorities are replaced, broken and expire, the state is lost, and
// signers restart at any time. Every leaf that is alive is verified by every pod.
func TestNoLeafIsEverUnverified(t *testing.T) {
	var pool []*Authority
	for _, hours := range []time.Duration{60, 100, 200, 10000, 10000, 10000} {
		pool = append(pool, created(t, epoch, hours*time.Hour))
	}
	root := newIssuer(t, "root", nil, nil)
	for _, name := range []string{"i", "j"} {
		a, err := Parse(newIssuer(t, name, root, nil).files(t, root.pem()), domain)
		if err != nil {
			t.Fatal(err)
		}
		pool = append(pool, a)
	}
	steps := []time.Duration{time.Second, time.Minute, 4 * time.Minute, 5 * time.Minute, time.Hour, 12 * time.Hour, 30 * time.Hour}
	signed, rotated := 0, 0
	for seed := range seeds.Of(100) {
		r := rand.New(rand.NewPCG(seed, 1))
		m := &mesh{t: t, now: epoch}
		for range 60 {
			m.now = m.now.Add(steps[r.IntN(len(steps))])
			switch r.IntN(10) {
			case 0, 1:
				m.desired = pool[r.IntN(len(pool))]
				rotated++
			case 2:
				m.desired = nil
			case 3:
				if r.IntN(4) == 0 {
					m.state = State{}
				}
			}
			m.settle()
			for range r.IntN(3) {
				if m.sign(time.Duration(1+r.IntN(48)) * time.Hour) {
					signed++
				}
			}
			if err := m.check(); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
		}
	}
	t.Logf("%d leaves, %d changes of the authority", signed, rotated)
	if want := seeds.Count(1000); signed < want || rotated < want {
		t.Errorf("got %d leaves and %d changes of the authority, want more", signed, rotated)
	}
}

func TestState(t *testing.T) {
	a, b := created(t, epoch, 100*time.Hour), created(t, epoch, 100*time.Hour)
	s := State{InUse: a.Files, Roots: []Root{{a.Roots[0], epoch, epoch.Add(time.Hour), true}, {Certificate: b.Roots[0]}}}
	sortRoots(s.Roots)
	data, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := DecodeState(data)
	if err != nil {
		t.Fatal(err)
	}
	again, err := got.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(data, again); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !got.InUse.Equal(a.Files) || len(got.Roots) != 2 || got.Empty() {
		t.Errorf("got %v", got.Roots)
	}
	if empty, err := DecodeState(nil); err != nil || !empty.Empty() {
		t.Errorf("got %v, %v, want an empty state", empty, err)
	}
	for _, damaged := range []string{"{", `[{"certificate": "x"}]`, `[{"certificate": ""}]`} {
		if _, err := DecodeState(map[string][]byte{rootsKey: []byte(damaged)}); err == nil {
			t.Errorf("%s is read", damaged)
		}
	}
}
