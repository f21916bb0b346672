package translate

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

const fieldsIntro = `# What becomes of each field

Every field of VirtualService and DestinationRule, and what gRPC clients make of it through Mizzen. This page is generated
from the tables in ` + "`pkg/translate`" + ` by ` + "`make golden`" + `; do not edit it. Tests hold each row against the golden that it names: objects that
set the field, and beside them what clients are sent and which Problems are raised. Where calls can show what a field does, a test makes
them with a real client; it is named as well.

| verdict | meaning | Problem |
|---|---|---|
| translated | gRPC does what the field says | none |
| caveat | gRPC does it in a way of its own, told in the note | info, unless the way is always the same or told by another |
| dropped | gRPC cannot do it; the field is left out, and calls go where they would go with it | warning |
| refused | gRPC cannot do it, and leaving it out would send calls elsewhere or weaker; the match holds nothing, or the calls fail | error |

What Mizzen offers beyond these fields is had by [annotations](ANNOTATIONS.md).

The columns of the languages say which clients honour the field: C-core stands for C++, Python, Ruby and PHP, Rust for tonic, whose
support of xDS is young. What a client knows depends on its age:

## gRFCs, and the first versions that have them
`

const fieldsOpen = `
## Open

Mizzen configures clients. These parts of a mesh are not served, and no field above stands for them:

| what | what happens | instead |
|---|---|---|
| AuthorizationPolicy on gRPC servers (RBAC of gRFC A41), ` + "`CUSTOM`" + ` and dry runs included | it is not read; ` + "`controlplane check`" + ` names such an object as one that is skipped | authorize in the server's interceptors |
| request principals and claims of tokens: RequestAuthentication, and ` + "`DENY`" + ` on them | tokens are not validated for servers; a route that matches a claim holds nothing, with an error | validate tokens in the server |
| PeerAuthentication and mTLS of gRPC servers (gRFC A36) | it is not read, and Listeners of servers are not served | give the server its certificates in the application |
| mTLS that nobody wrote (Istio's auto mTLS) | calls go out in plain text unless a DestinationRule says otherwise; what it says is never weakened | write ` + "`tls`" + ` in a DestinationRule for the host, or for ` + "`*.local`" + ` |
| Gateway API, ServiceEntry, Sidecar, EnvoyFilter, Telemetry | they are not read | VirtualService, DestinationRule; a Service of type ExternalName for names outside |
`

// languages are the columns of the page: the gRPC libraries.
var languages = byAll.All()

// FieldsMarkdown is the support table as a page for users.
func FieldsMarkdown() string {
	var b strings.Builder
	b.WriteString(fieldsIntro)
	writeFeatures(&b)
	writeFields(&b, "VirtualService", virtualServiceFields)
	writeFields(&b, "DestinationRule", destinationRuleFields)
	b.WriteString(fieldsOpen)
	return b.String()
}

func writeFeatures(b *strings.Builder) {
	b.WriteString("\n| gRFC | what |")
	for _, l := range languages {
		b.WriteString(" " + l.Language() + " |")
	}
	b.WriteString("\n|---|---|" + strings.Repeat("---|", len(languages)) + "\n")
	for _, f := range features {
		fmt.Fprintf(b, "| %s | %s | %s |\n", f.grfc, f.what, strings.Join(f.since[:], " | "))
	}
}

func writeFields(b *strings.Builder, title string, rows []FieldRow) {
	b.WriteString("\n## " + title + "\n\n| field | verdict |")
	for _, l := range languages {
		b.WriteString(" " + l.Language() + " |")
	}
	b.WriteString(" gRFC | leaf, golden, calls | note |\n|---|---|" + strings.Repeat("---|", len(languages)) + "---|---|---|\n")
	for _, row := range rows {
		fmt.Fprintf(b, "| `%s` | %s |", row.Field, row.Verdict)
		for _, l := range languages {
			b.WriteString(" " + row.honoured(l) + " |")
		}
		fmt.Fprintf(b, " %s | %s | %s |\n", cmp.Or(row.GRFC, "-"), row.proof(), row.Note)
	}
}

// honoured is the cell of one kind of client.
func (r FieldRow) honoured(a mesh.Agent) string {
	switch {
	case !r.followed() || r.Ignored.Has(a):
		return "no"
	case r.Partly.Has(a):
		return "partly"
	}
	return "yes"
}

// proof names the leaf and the test with calls, and links the golden.
func (r FieldRow) proof() string {
	var parts []string
	if r.Leaf != "" {
		parts = append(parts, "`"+r.Leaf+".go`")
	}
	parts = append(parts, "["+r.Golden+"](../pkg/translate/testdata/"+r.Golden+".in.yaml)")
	if r.Calls != "" {
		parts = append(parts, "`"+r.Calls+"`")
	}
	return strings.Join(parts, ", ")
}
