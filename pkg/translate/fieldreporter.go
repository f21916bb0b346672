package translate

import (
	"fmt"
	"strconv"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// fieldReporter is a place in an object: where a leaf stands and where it reports what it finds there. It is cheap to copy, and
// steps down the object without touching the one it came from. Without a sink, as in the
// zero site, it discards what is reported.
type fieldReporter struct {
	sink *[]mesh.Problem
	ref  mesh.Ref
	path string
}

// child steps to a field by its JSON name; dots step further.
func (s fieldReporter) child(name string) fieldReporter { return s.append("." + name) }

// index steps to an element of a list.
func (s fieldReporter) index(i int) fieldReporter { return s.append("[" + strconv.Itoa(i) + "]") }

// key steps to an entry of a map.
func (s fieldReporter) key(k string) fieldReporter { return s.append("[" + k + "]") }

func (s fieldReporter) append(suffix string) fieldReporter {
	s.path += suffix
	return s
}

// errorf reports what cannot be understood or fails closed.
func (s fieldReporter) errorf(code mesh.Code, format string, args ...any) {
	s.report(mesh.Error, code, fmt.Sprintf(format, args...))
}

// warnf reports what is dropped, harmlessly.
func (s fieldReporter) warnf(code mesh.Code, format string, args ...any) {
	s.report(mesh.Warning, code, fmt.Sprintf(format, args...))
}

// approximatef reports what holds with a caveat.
func (s fieldReporter) approximatef(format string, args ...any) {
	s.report(mesh.Info, mesh.CodeApproximated, fmt.Sprintf(format, args...))
}

// ignored reports what clients with the missing feature do not do. See withoutLatent for where it is said.
func (s fieldReporter) ignored(feature mesh.Features) {
	kinds := mesh.ClientKindsWithout(feature)
	s.add(mesh.Problem{Code: mesh.CodeIgnored, Severity: mesh.Info, ClientKinds: kinds, Missing: feature, Message: feature.Ignored(kinds.String())})
}

// withoutLatent parts Problems that every author should know of from those that concern only old clients, or gRPC for Rust,
// which is not released.
func withoutLatent(problems []mesh.Problem) (plain, latent []mesh.Problem) {
	for _, p := range problems {
		if p.Missing != 0 && p.ClientKinds&^byRust == 0 {
			latent = append(latent, p)
		} else {
			plain = append(plain, p)
		}
	}
	return plain, latent
}

func (s fieldReporter) report(severity mesh.Severity, code mesh.Code, message string) {
	s.add(mesh.Problem{Code: code, Severity: severity, Message: message})
}

// add reports a Problem as one of this place.
func (s fieldReporter) add(p mesh.Problem) {
	if s.sink == nil {
		return
	}
	p.Object, p.Field = s.ref, s.path
	*s.sink = append(*s.sink, p)
}
