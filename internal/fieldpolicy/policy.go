package fieldpolicy

import (
	"bytes"
	"strconv"
	"strings"
	"text/template"

	"github.com/mizzen-mesh/mizzen/pkg/translate/fields"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// kind is a kind of object that has rows in the table.
type kind struct {
	Group, Plural string
	Checks        []check
}

// check is the validation for one field.
type check struct{ Absent, Message string }

// YAML returns a policy and a binding for each kind.
func YAML() []byte {
	var kinds []kind
	for _, table := range fields.Tables {
		resource := object.Kind(table.Kind).Row().Resource
		w := newWalker()
		w.message(table.Spec, "object.spec", 0, func(e string) string { return e })
		kinds = append(kinds, kind{resource.Group, resource.Resource, w.checks()})
	}
	for _, table := range fields.GatewayTables {
		resource := object.Kind(table.Kind).Row().Resource
		w := newWalker()
		w.structure(table.Spec, "object.spec", 0, func(e string) string { return e })
		kinds = append(kinds, kind{resource.Group, resource.Resource, w.checks()})
	}
	var text bytes.Buffer
	if err := document.Execute(&text, kinds); err != nil {
		panic(err) // the template and its input are constant
	}
	return text.Bytes()
}

// checks returns the validations for what was found.
func (w *walker) checks() []check {
	var all []check
	for _, name := range w.order {
		row := w.rows[name]
		message := name + " has no effect. "
		if row.Verdict == fields.Refused {
			message = name + " is refused. "
		}
		message += strings.ReplaceAll(row.Note, "`", "")
		all = append(all, check{Absent: strings.Join(w.absent[name], " &&\n      "), Message: strconv.Quote(message)})
	}
	return all
}

var document = template.Must(template.New("policy").Parse(`# Generated from the table in pkg/translate by ` + "`make golden`" + `; docs/FIELDS.md is the same for people.
# The API server warns authors about fields that gRPC clients do not support. It denies nothing because sidecars of the same mesh may
# support them. To deny such fields, patch validationActions to [Deny].
{{- range .}}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata:
  name: mizzen-{{.Plural}}
spec:
  failurePolicy: Ignore
  matchConstraints:
    namespaceSelector:
      matchLabels:
        mizzen.dev/inject: enabled
    resourceRules:
    - apiGroups: [{{.Group}}]
      apiVersions: ["*"]
      operations: [CREATE, UPDATE]
      resources: [{{.Plural}}]
  validations:
  {{- range .Checks}}
  - expression: >-
      {{.Absent}}
    message: {{.Message}}
    reason: Invalid
  {{- end}}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: mizzen-{{.Plural}}
spec:
  policyName: mizzen-{{.Plural}}
  validationActions: [Warn, Audit]
{{- end}}
`))
