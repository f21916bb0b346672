package mesh

import "strings"

// CodeDoc explains one Code to users.
type CodeDoc struct {
	Code Code
	// Meaning says what was found and what becomes of it, Remedy what to do.
	Meaning, Remedy string
}

// Codes explains every Code, in the order of problem.go.
func Codes() []CodeDoc { return append([]CodeDoc(nil), codes...) }

var codes = []CodeDoc{
	{
		CodeUnreadable, "A file or a document in it cannot be parsed. The objects that it held before stay in force; its other documents are read.",
		"Correct the line that the message names.",
	},
	{
		CodeUnknownKind, "An object of a kind that is not watched. It is skipped.",
		"Nothing, unless you expected it to have an effect; then look for a misspelled kind or apiVersion.",
	},
	{
		CodeUnknownField, "A field that the API does not have, usually a misspelled one. It is ignored, as an API server would do; the rest of the object is in force.",
		"Write the field that the message proposes, or remove it.",
	},
	{
		CodeDuplicateObject, "The same object stands in two files. The one in the first file by name is in force.",
		"Remove one of the two.",
	},
	{
		CodeInvalidValue, "A value that the API does not allow. The smallest part that cannot do without it is dropped: a match holds nothing, the calls of a rule fail, or a setting is at its default, as the message says.",
		"Write a value of the kind that the message describes.",
	},
	{
		CodeInvalidRegex, "An expression that RE2, the syntax of gRPC and Istio, does not compile, or not in every client. The match holds nothing.",
		"Correct it; look-around and back-references do not exist in RE2, and some clients have an old one. An expression has to match the whole text.",
	},
	{
		CodeNoWeight, "All destinations of a route weigh nothing. Its calls fail.",
		"Give a destination a weight above 0, or remove the rule.",
	},
	{
		CodeNoSuchHost, "No Service has the host. Of a DestinationRule's own host, or a wildcard of a VirtualService: it holds for nothing. Of another host of a VirtualService, which looks like that of a Service: clients that dial it find these rules alone. Of a destination: its share of the calls fails. All mend themselves when the Service appears.",
		"Create the Service, or correct the host. A short name means a Service in the namespace of the object that says it.",
	},
	{
		CodeNoSuchPort, "The Service has no such port. Calls to it fail; settings for it hold for nothing.",
		"Name one of the Service's own ports, by its port, not its targetPort.",
	},
	{
		CodeNoSuchSubset, "No DestinationRule that the clients see declares the subset for the host. Its share of the calls fails, until one does.",
		"Declare the subset in a DestinationRule of the client's namespace, the Service's, or the root namespace.",
	},
	{
		CodeNoSuchDelegate, "A rule delegates to a VirtualService that does not exist, has hosts of its own, is not exported to the rule's namespace, or delegates itself. The rule's calls fail.",
		"Create a VirtualService without hosts, export it to the namespace of the rule, and write rules with destinations in it.",
	},
	{
		CodeConflict, "Two objects speak for one host, or declare one subset; or a delegate's match is no part of one that delegates, and holds nothing. The message names the one in force.",
		"Merge the two, or remove one.",
	},
	{
		CodeUnreachable, "A rule or a match that no call can reach. It is never used.",
		"Move it before the rule that takes every call, or delete it.",
	},
	{
		CodeUnsupported, "gRPC clients cannot do it. If calls would otherwise go elsewhere or out weaker, the match holds nothing or the calls fail (error); else the field is left out (warning).",
		"Follow the message; [FIELDS.md](FIELDS.md) says of every field what becomes of it.",
	},
	{
		CodeApproximated, "gRPC clients do something close to it; the message says what.",
		"Nothing, if that is good enough.",
	},
	{
		CodeNoCertificate, "Calls are to be encrypted, and a client declares no certificate provider that it takes, or endpoints have no service account by which clients would know them. These calls fail.",
		"Declare the provider in the client's bootstrap (`controlplane bootstrap --certificates`), or list the servers' subjectAltNames.",
	},
	{
		CodeIgnored, "Clients of some kinds, or older versions of them, do not do it; the others do. `controlplane check` names the kinds whose current version does not. A running control plane names the kinds and versions of the connected clients that follow the host, and how many they are; it says nothing when there are none.",
		"What the message proposes, or a newer client. [The field table](FIELDS.md) shows what each kind can do.",
	},
	{
		CodeRefused, "A client refused a resource that the object made, and goes on with what it had. The message is the client's own. The resource is not sent to it again unchanged; other clients are not concerned.",
		"Edit the object, and report what it was: no resource that a client refuses should be sent to it.",
	},
	{
		CodeHeldBack, "A resource that the object made is one that clients refuse, so that it was not sent. They keep the last one that was good; who had none fails at once. Everything else is served.",
		"Undo the last edit, and report what it was: no such resource should be made.",
	},
	{
		CodeInternal, "A fault of the control plane itself. What it was making is missing; everything else is served.",
		"Report it.",
	},
	{
		CodeTooLarge, "An object is larger than the control plane reads, which is more than an API server stores. It is not used.",
		"Split it.",
	},
	{
		CodeEndpointsVanished, "A Service that is still there had two or more endpoints in use, and lost all of them within a second. That is seldom meant, so clients keep them for `--empty-service-grace`. Endpoints that turn unready one by one, or drain first, are not kept.",
		"Bring the EndpointSlices back, or delete the Service if it is to go. `--empty-service-grace=0` believes every loss at once.",
	},
	{
		CodeLastGood, "The control plane started while its API server could not be read, and serves what it had stored in `--state-dir` at the time that the message names. Nothing is deleted meanwhile.",
		"Make the API server answer: then the control plane goes over to what it says. The log names what it refuses, if it does answer.",
	},
}

// ProblemsMarkdown is the page about the codes, for docs/PROBLEMS.md.
func ProblemsMarkdown() string {
	var b strings.Builder
	b.WriteString(`# Problems

What an author did that cannot be honoured, or only in part, is a Problem on the object. ` + "`controlplane check`" + ` prints them for files,
` + "`controlplane inspect problems`" + ` those of a running control plane. This page is generated from ` + "`pkg/mesh/codes.go`" + ` by ` + "`make golden`" + `.

| severity | meaning |
|---|---|
| error | it cannot be understood, or it fails closed |
| warning | it is dropped, harmlessly |
| info | it holds, with a caveat |

| code | meaning | what to do |
|---|---|---|
`)
	for _, c := range codes {
		b.WriteString("| `" + string(c.Code) + "` | " + c.Meaning + " | " + c.Remedy + " |\n")
	}
	return b.String()
}
