package fields

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

const fieldsIntro = `# What becomes of each field

This page lists every field of VirtualService, DestinationRule, Sidecar, ServiceEntry, WorkloadEntry and the [Gateway API](#gateway-api), and what gRPC clients do with it through Mizzen; and every field of
AuthorizationPolicy, PeerAuthentication and RequestAuthentication, and what [gRPC servers](#what-servers-do-with-each-field) do with it. It is generated
from the tables in ` + "`pkg/translate`" + ` by ` + "`make golden`" + `; do not edit it. Tests check each row against the golden that it names: objects that
set the field, the resources that clients are sent, and the Problems that are reported. If calls can show the effect of a field, the row names a test that makes
them with a real client.

| verdict | meaning | Problem |
|---|---|---|
| translated | gRPC clients do what the field says | none |
| caveat | gRPC clients do it differently; see the note | info, unless the difference is always the same or another Problem states it |
| dropped | gRPC clients do not support it; the field has no effect, and calls go where they would go with it | warning |
| refused | gRPC clients do not support it, and without it calls would go to another destination or be less secure; the match matches nothing, or the calls fail | error |

[Annotations](ANNOTATIONS.md) configure what has no field here.

The column HTTP is the verdict for [HTTP clients](SPRING.md), which send plain HTTP/1.1 requests, such as Spring Cloud applications with
Mizzen's Java agent, and for [Envoy](clients/envoy.md), except where a note states another verdict after ` + "`Envoy:`" + `. The verdict before it, the language columns and the gRFC are for gRPC clients. In the notes, what follows ` + "`HTTP:`" + `
is for HTTP clients, and the rest is for gRPC clients. The fields of ServiceEntry and WorkloadEntry have
no separate verdict there: clients of both kinds get the same hosts and endpoints.

The column "leaf, golden, calls" is for contributors: the file of Mizzen that translates the field, a test with objects that set it, and a
test that makes calls.

The language columns show which clients support the field. C-core means C++, Python, Ruby and PHP. Rust means tonic, whose
xDS support is new. What a client supports depends on its version:

## gRFCs, and the versions that have them

Each cell is the first version that has it, by gRPC's documents and sources. In parentheses is what was seen: the versions that
` + "`make interop-history`" + ` ran, each a real process that was sent the newest form of everything ([INTEROP.md](INTEROP.md#older-versions)). Where there are
no parentheses, nothing was run. Older clients are sent a form that they accept, and a Problem reports what they ignore.
`

const gatewayIntro = `
## Gateway API

Routes of the Gateway API apply to calls in the mesh if a parent is a Service. They are compiled to rules of VirtualServices, so what is said above
about the fields of those applies here, too ([decision 26](adr/0026-routes-of-the-gateway-api.md)). Fields are listed under the names of the types in the API's reference. A type that several kinds have is listed with
the first of them. [Annotations](ANNOTATIONS.md#mizzendevtimeout) set timeouts and retries of GRPCRoutes.
`

const fieldsOpen = `
## Open

These parts of a mesh are not supported, and no field above is for them:

| what | what happens | instead |
|---|---|---|
| claims of tokens in a VirtualService | servers do not get tokens validated; a match on a claim matches nothing, with an error | validate tokens in the server |
| EnvoyFilter, Telemetry, and kinds of the Gateway API that have no table here | they are not read | VirtualService, DestinationRule, ServiceEntry |

A Service of type ExternalName that names a Service of the cluster is another name for it: see [decision 21](adr/0021-other-names-of-a-service.md).
`

// languages are the columns of the page: the gRPC libraries.
var languages = byAll.All()

// Markdown returns the text of docs/FIELDS.md, with the results of runs.
func Markdown(runs []Run) string {
	var b strings.Builder
	b.WriteString(fieldsIntro)
	writeFeatures(&b, runs)
	for _, table := range Tables {
		writeFields(&b, table.Kind, table.rows)
	}
	for _, table := range HostTables {
		writeFields(&b, table.Kind, table.rows)
	}
	b.WriteString(gatewayIntro)
	for _, table := range GatewayTables {
		writeFields(&b, table.Kind, table.rows)
	}
	writeServers(&b)
	b.WriteString(fieldsOpen)
	return b.String()
}

func writeFeatures(b *strings.Builder, runs []Run) {
	b.WriteString("\n| gRFC | what |")
	for _, l := range languages {
		b.WriteString(" " + l.Language() + " |")
	}
	b.WriteString("\n|---|---|" + strings.Repeat("---|", len(languages)) + "\n")
	for _, f := range proposals {
		fmt.Fprintf(b, "| %s | %s |", f.grfc, f.what)
		for i, l := range languages {
			cell := f.since[i]
			if was := seen(runs, l, f.run); was != "" {
				cell += " (" + was + ")"
			}
			b.WriteString(" " + cell + " |")
		}
		b.WriteString("\n")
	}
}

func writeFields(b *strings.Builder, title string, rows []Row) {
	b.WriteString("\n## " + title + "\n\n| field | verdict |")
	for _, l := range languages {
		b.WriteString(" " + l.Language() + " |")
	}
	b.WriteString(" gRFC | HTTP | leaf, golden, calls | note |\n|---|---|" + strings.Repeat("---|", len(languages)) + "---|---|---|---|\n")
	for _, row := range rows {
		fmt.Fprintf(b, "| `%s` | %s |", row.Field, row.Verdict)
		for _, l := range languages {
			b.WriteString(" " + row.supportedBy(l) + " |")
		}
		http, note := row.inHTTP()
		if note != "" {
			note = strings.TrimSpace(row.Note + " HTTP: " + note)
		} else {
			note = row.Note
		}
		fmt.Fprintf(b, " %s | %s | %s | %s |\n", cmp.Or(row.GRFC, "-"), http, row.proof(), note)
	}
}

// supportedBy returns the cell of one client kind.
func (r Row) supportedBy(kind mesh.ClientKind) string {
	switch {
	case !r.InEffect() || r.Ignored.Has(kind):
		return "no"
	case r.Partly.Has(kind):
		return "partly"
	}
	return "yes"
}

// proof returns the cell with the leaf, a link to the golden, and the test with calls.
func (r Row) proof() string {
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
