package report

import (
	"fmt"
	"strconv"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// Field is a place in an object: where a leaf stands and where it reports what it finds there. It is cheap to copy, and
// steps down the object without touching the one it came from. Without a sink, as in the
// zero site, it discards what is reported.
type Field struct {
	Sink *[]mesh.Problem
	Ref  mesh.Ref
	Path string
}

// Child steps to a field by its JSON name; dots step further.
func (s Field) Child(name string) Field { return s.Append("." + name) }

// Index steps to an element of a list.
func (s Field) Index(i int) Field { return s.Append("[" + strconv.Itoa(i) + "]") }

// Key steps to an entry of a map.
func (s Field) Key(k string) Field { return s.Append("[" + k + "]") }

// Append is the field with that at the end of its path.
func (s Field) Append(suffix string) Field {
	s.Path += suffix
	return s
}

// Errorf reports what cannot be understood or fails closed.
func (s Field) Errorf(code mesh.Code, format string, args ...any) {
	s.report(mesh.Error, code, fmt.Sprintf(format, args...))
}

// Warnf reports what is dropped, harmlessly.
func (s Field) Warnf(code mesh.Code, format string, args ...any) {
	s.report(mesh.Warning, code, fmt.Sprintf(format, args...))
}

// Approximatef reports what holds with a caveat.
func (s Field) Approximatef(format string, args ...any) {
	s.report(mesh.Info, mesh.CodeApproximated, fmt.Sprintf(format, args...))
}

// Ignored reports what clients with the missing feature do not do. See WithoutLatent for where it is said.
func (s Field) Ignored(feature mesh.Features) {
	kinds := mesh.ClientKindsWithout(feature)
	s.Add(mesh.Problem{Code: mesh.CodeIgnored, Severity: mesh.Info, ClientKinds: kinds, Missing: feature, Message: feature.Ignored(kinds.String())})
}

// WithoutLatent parts Problems that every author should know of from those that concern only old clients, or gRPC for Rust,
// which is not released.
func WithoutLatent(problems []mesh.Problem) (plain, latent []mesh.Problem) {
	for _, p := range problems {
		if p.Missing != 0 && p.ClientKinds&^mesh.MakeClientKinds(mesh.GRPCRust) == 0 {
			latent = append(latent, p)
		} else {
			plain = append(plain, p)
		}
	}
	return plain, latent
}

func (s Field) report(severity mesh.Severity, code mesh.Code, message string) {
	s.Add(mesh.Problem{Code: code, Severity: severity, Message: message})
}

// Add reports a Problem as one of this place.
func (s Field) Add(p mesh.Problem) {
	if s.Sink == nil {
		return
	}
	p.Object, p.Field = s.Ref, s.Path
	*s.Sink = append(*s.Sink, p)
}
