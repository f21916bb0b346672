package translate

import (
	"fmt"
	"strconv"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// site is a place in an object: where a leaf stands and where it reports what it finds there. It is cheap to copy, and
// steps down the object without touching the one it came from.
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

func (s site) report(severity mesh.Severity, code mesh.Code, message string) {
	*s.sink = append(*s.sink, mesh.Problem{Code: code, Severity: severity, Object: s.ref, Field: s.path, Message: message})
}
