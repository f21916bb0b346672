package fields

import (
	"cmp"
	"fmt"
	"strings"

	security "istio.io/api/security/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// The verdicts of fields that configure servers, beside Translated and Caveat.
const (
	// Closed: servers cannot check it. A rule that allows by it allows nobody, and a rule that denies by it denies more.
	Closed Verdict = "closed"
	// Unenforced: servers do not do it, and an error says what is not protected.
	Unenforced Verdict = "not enforced"
)

// ServerTables are the tables of the kinds that configure servers, in the order of the page. Rows have other columns, and
// their goldens are paths below pkg/translate.
var ServerTables = []Table{
	{"AuthorizationPolicy", (&security.AuthorizationPolicy{}).ProtoReflect().Descriptor(), authorizationPolicyFields},
	{"PeerAuthentication", (&security.PeerAuthentication{}).ProtoReflect().Descriptor(), peerAuthenticationFields},
	{"RequestAuthentication", (&security.RequestAuthentication{}).ProtoReflect().Descriptor(), requestAuthenticationFields},
}

// serverLanguages are the columns: the libraries whose servers are configured by xDS.
var serverLanguages = []mesh.ClientKind{mesh.GRPCGo, mesh.GRPCJava, mesh.GRPCCore, mesh.GRPCNode}

var byNode = mesh.MakeClientKinds(mesh.GRPCNode)

const serversIntro = `
## What servers do with each field

These kinds configure the gRPC servers of pods with the label ` + "`mizzen.dev/server: xds`" + `. Nothing enforces them on other servers: the Problem ` + "`NotEnforced`" + ` names these.

| verdict | meaning | Problem |
|---|---|---|
| translated | gRPC servers do what the field says | none |
| caveat | gRPC servers do it differently; see the note | as the note says |
| closed | gRPC servers cannot check it. A rule that allows by it allows no caller; a rule that denies by it denies every caller that meets its other conditions. The same below a field that begins with ` + "`not`" + ` | error ` + "`Closed`" + `, which names the callers that are denied |
| dropped | it is not for gRPC servers | warning |
| not enforced | gRPC servers do not do it, and nothing is closed because of it | error |

A value that cannot be read, and a field that the API does not have, close the part that contains them: the rule, the policy, or the mode.
Conditions on the identity of callers are closed on pods without a certificate and under the mode ` + "`DISABLE`" + `: ` + "`NoIdentity`" + `.
`

func writeServers(b *strings.Builder) {
	b.WriteString(serversIntro)
	for _, table := range ServerTables {
		b.WriteString("\n### " + table.Kind + "\n\n| field | verdict |")
		for _, l := range serverLanguages {
			b.WriteString(" " + l.Language() + " |")
		}
		b.WriteString(" leaf, golden | note |\n|---|---|" + strings.Repeat("---|", len(serverLanguages)) + "---|---|\n")
		for _, row := range table.rows {
			fmt.Fprintf(b, "| `%s` | %s |", row.Field, row.Verdict)
			for _, l := range serverLanguages {
				b.WriteString(" " + row.servedBy(l) + " |")
			}
			leaf := ""
			if row.Leaf != "" {
				leaf = "`" + row.Leaf + ".go`, "
			}
			name := row.Golden[strings.LastIndexByte(row.Golden, '/')+1:]
			fmt.Fprintf(b, " %s[%s](../pkg/translate/%s.in.yaml) | %s |\n", leaf, name, row.Golden, cmp.Or(row.Note, "-"))
		}
	}
}

// servedBy returns the cell of the servers of one library.
func (r Row) servedBy(kind mesh.ClientKind) string {
	if r.InEffect() && r.Ignored.Has(kind) {
		return string(Closed)
	}
	return r.supportedBy(kind)
}
