package files

import (
	"fmt"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

func (f *fileParser) at(line int) string {
	if line == 0 {
		return f.path
	}
	return fmt.Sprintf("%s:%d", f.path, line)
}

func (f *fileParser) report(code mesh.Code, severity mesh.Severity, line int, ref mesh.Ref, field, message string) {
	f.out.problems = append(f.out.problems, f.problem(code, severity, line, ref, field, message))
}

func (f *fileParser) problem(code mesh.Code, severity mesh.Severity, line int, ref mesh.Ref, field, message string) mesh.Problem {
	return mesh.Problem{Code: code, Severity: severity, Object: ref, Field: field, Message: message, Source: f.at(line)}
}

func (f *fileParser) fail(code mesh.Code, line int, ref mesh.Ref, field, message string) {
	f.out.incomplete = true
	f.report(code, mesh.Error, line, ref, field, message)
}
