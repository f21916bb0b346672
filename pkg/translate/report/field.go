package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// Field is a field of an object. The code that reads the field reports Problems with it. It is cheap to copy. Child
// and the others return a new Field.
type Field struct {
	// Sink gets the Problems. If it is nil, Problems are discarded.
	Sink *[]mesh.Problem
	Ref  mesh.Ref
	Path string
	// Author is set for a part of a setting that was compiled from another object. Path is then relative to the setting, and
	// the Problems are about the author's field.
	Author *mesh.Author
}

// Child returns a field of the field by its JSON name, or by several names joined by dots.
func (f Field) Child(name string) Field { return f.Append("." + name) }

// Index returns an element of a list.
func (f Field) Index(i int) Field { return f.Append("[" + strconv.Itoa(i) + "]") }

// Key returns an entry of a map.
func (f Field) Key(k string) Field { return f.Append("[" + k + "]") }

// Append returns the field whose path is the path with a suffix.
func (f Field) Append(suffix string) Field {
	f.Path += suffix
	return f
}

// Errorf reports that the field is invalid or fails closed.
func (f Field) Errorf(code mesh.Code, format string, args ...any) {
	f.report(mesh.Error, code, fmt.Sprintf(format, args...))
}

// Warnf reports that the field is dropped, and calls go where they would go with it.
func (f Field) Warnf(code mesh.Code, format string, args ...any) {
	f.report(mesh.Warning, code, fmt.Sprintf(format, args...))
}

// Notef reports what is as it was written, and may not be what was meant.
func (f Field) Notef(code mesh.Code, format string, args ...any) {
	f.report(mesh.Info, code, fmt.Sprintf(format, args...))
}

// Approximatef reports that the field is in effect, with a caveat.
func (f Field) Approximatef(format string, args ...any) {
	f.report(mesh.Info, mesh.CodeApproximated, fmt.Sprintf(format, args...))
}

// Ignored reports that clients without the feature ignore the field. WithoutLatent decides where the Problem is shown.
func (f Field) Ignored(feature mesh.Features) {
	kinds := mesh.ClientKindsWithout(feature)
	f.Add(mesh.Problem{Code: mesh.CodeIgnored, Severity: mesh.Info, ClientKinds: kinds, Missing: feature, Message: feature.Ignored(kinds.String(), kinds)})
}

// OfFamily returns the Problems of a translation for one family, without those that concern only clients of others. All
// that is found for another family than gRPC names its client kinds. It works in place.
func OfFamily(problems []mesh.Problem, family mesh.Family) []mesh.Problem {
	if family == mesh.FamilyGRPC {
		return problems
	}
	kept := problems[:0]
	for _, p := range problems {
		if p.ClientKinds == 0 && p.Missing == 0 {
			p.ClientKinds = family.Kinds()
		}
		if p.ClientKinds&family.Kinds() != 0 {
			kept = append(kept, p)
		}
	}
	return kept
}

// WithoutLatent separates the Problems that are always shown from the latent ones, which affect only old clients or
// gRPC for Rust, which is not released.
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

func (f Field) report(severity mesh.Severity, code mesh.Code, message string) {
	f.Add(mesh.Problem{Code: code, Severity: severity, Message: message})
}

// Withdraw takes back the Problems with the code that were reported at the field or inside it.
func (f Field) Withdraw(code mesh.Code) {
	if f.Sink != nil {
		*f.Sink = slices.DeleteFunc(*f.Sink, func(p mesh.Problem) bool {
			rest, inside := strings.CutPrefix(p.Field, f.Path)
			return p.Code == code && p.Object == f.Ref && inside && (rest == "" || rest[0] == '.' || rest[0] == '[')
		})
	}
}

// Add reports a Problem. It sets the object and the field.
func (f Field) Add(p mesh.Problem) {
	if f.Sink == nil {
		return
	}
	if p.Object, p.Field = f.Ref, f.Path; f.Author != nil {
		p.Object, p.Field = f.Author.Ref, f.Author.FieldOf(f.Path)
	}
	*f.Sink = append(*f.Sink, p)
}
