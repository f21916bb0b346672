package translate

import (
	"fmt"
	"strconv"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// site is a place in an object: where a leaf stands and where it reports what it finds there. It is cheap to copy, and
// steps down the object without touching the one it came from. Without a sink, as in the
// zero site, it discards what is reported.
type site struct {
	sink *[]mesh.Problem
	ref  mesh.Ref
	path string
}

// field steps to a field by its JSON name; dots step further.
func (s site) field(name string) site { return s.at("." + name) }

// index steps to an element of a list.
func (s site) index(i int) site { return s.at("[" + strconv.Itoa(i) + "]") }

// key steps to an entry of a map.
func (s site) key(k string) site { return s.at("[" + k + "]") }

func (s site) at(suffix string) site {
	s.path += suffix
	return s
}

// errorf reports what cannot be understood or fails closed.
func (s site) errorf(code mesh.Code, format string, args ...any) {
	s.report(mesh.Error, code, fmt.Sprintf(format, args...))
}

// warnf reports what is dropped, harmlessly.
func (s site) warnf(code mesh.Code, format string, args ...any) {
	s.report(mesh.Warning, code, fmt.Sprintf(format, args...))
}

// approximatef reports what holds with a caveat.
func (s site) approximatef(format string, args ...any) {
	s.report(mesh.Info, mesh.CodeApproximated, fmt.Sprintf(format, args...))
}

// ignored reports what clients with the gap do not do. See withoutLatent for where it is said.
func (s site) ignored(gap mesh.Gaps) {
	agents := mesh.LackedBy(gap)
	s.pass(mesh.Problem{Code: mesh.CodeIgnored, Severity: mesh.Info, Agents: agents, Gap: gap, Message: gap.Ignored(agents.String())})
}

// withoutLatent parts Problems that every author should know of from those that concern only old clients, or gRPC for Rust,
// which is not released.
func withoutLatent(problems []mesh.Problem) (plain, latent []mesh.Problem) {
	for _, p := range problems {
		if p.Gap != 0 && p.Agents&^byRust == 0 {
			latent = append(latent, p)
		} else {
			plain = append(plain, p)
		}
	}
	return plain, latent
}

func (s site) report(severity mesh.Severity, code mesh.Code, message string) {
	s.pass(mesh.Problem{Code: code, Severity: severity, Message: message})
}

// pass reports a Problem as one of this place.
func (s site) pass(p mesh.Problem) {
	if s.sink == nil {
		return
	}
	p.Object, p.Field = s.ref, s.path
	*s.sink = append(*s.sink, p)
}
