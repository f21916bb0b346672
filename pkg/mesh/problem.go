package mesh

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Ref names the object that something came from.
type Ref struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
}

// String is Kind namespace/name, or Kind name.
func (r Ref) String() string {
	if r.Namespace == "" {
		return r.Kind + " " + r.Name
	}
	return r.Kind + " " + r.Namespace + "/" + r.Name
}

// Compare orders Refs by kind, namespace and name.
func (r Ref) Compare(o Ref) int {
	return cmp.Or(cmp.Compare(r.Kind, o.Kind), cmp.Compare(r.Namespace, o.Namespace), cmp.Compare(r.Name, o.Name))
}

// Severity says how much a Problem matters.
type Severity string

// The severities, the worst first.
const (
	// Error: it cannot be understood, or it fails closed.
	Error Severity = "error"
	// Warning: it is dropped, harmlessly.
	Warning Severity = "warning"
	// Info: it holds, with a caveat.
	Info Severity = "info"
)

// Code names a kind of Problem; it is stable, so that people may search and count by it.
type Code string

// The codes. Each appears in a golden.
const (
	// CodeUnreadable: a file or document cannot be parsed. The objects it held before stay.
	CodeUnreadable Code = "Unreadable"
	// CodeUnknownKind: an object of a kind that is not watched. It is skipped.
	CodeUnknownKind Code = "UnknownKind"
	// CodeUnknownField: a field the API does not have, usually misspelled. It is ignored.
	CodeUnknownField Code = "UnknownField"
	// CodeDuplicateObject: the same object stands in two places. The first one read holds.
	CodeDuplicateObject Code = "DuplicateObject"
	// CodeInvalidValue: a value outside what the API allows.
	CodeInvalidValue Code = "InvalidValue"
	// CodeInvalidRegex: an expression that RE2 does not compile. The match holds nothing.
	CodeInvalidRegex Code = "InvalidRegex"
	// CodeNoWeight: all destinations of a route weigh nothing. Its calls fail.
	CodeNoWeight Code = "NoWeight"
	// CodeNoSuchHost: no Service has that host, which looks like one of a Service, or is a destination.
	CodeNoSuchHost Code = "NoSuchHost"
	// CodeNoSuchPort: the Service has no such port.
	CodeNoSuchPort Code = "NoSuchPort"
	// CodeNoSuchSubset: no DestinationRule declares that subset for the host.
	CodeNoSuchSubset Code = "NoSuchSubset"
	// CodeNoSuchDelegate: a rule delegates to what cannot take its calls.
	CodeNoSuchDelegate Code = "NoSuchDelegate"
	// CodeConflict: two objects speak for one host, or declare one subset. The message names the winner.
	CodeConflict Code = "Conflict"
	// CodeUnreachable: a rule behind one that takes everything. It is never used.
	CodeUnreachable Code = "Unreachable"
	// CodeUnsupported: gRPC cannot do it.
	CodeUnsupported Code = "Unsupported"
	// CodeApproximated: gRPC does something close to it. The message says what.
	CodeApproximated Code = "Approximated"
	// CodeNoCertificate: calls are to be encrypted, and a client declares no certificate provider that it takes, or nobody knows
	// who the endpoints are. These calls fail.
	CodeNoCertificate Code = "NoCertificate"
	// CodeIgnored: clients of some kinds or versions do not do it. The message says what becomes of their calls.
	CodeIgnored Code = "Ignored"
	// CodeRefused: a client refused a resource that the object made.
	CodeRefused Code = "Refused"
	// CodeHeldBack: a client would refuse a resource that the object made, so that it was not sent.
	CodeHeldBack Code = "HeldBack"
	// CodeInternal: a fault of the control plane itself. The object's resources are missing.
	CodeInternal Code = "Internal"
	// CodeTooLarge: an object is larger than the control plane reads.
	CodeTooLarge Code = "TooLarge"
	// CodeEndpointsVanished: a Service lost all of its endpoints at once. For a while clients keep them.
	CodeEndpointsVanished Code = "EndpointsVanished"
	// CodeLastGood: the control plane started while its cluster could not be read, and serves what it had stored.
	CodeLastGood Code = "LastGood"
)

// Problem is what an author did that cannot be honored, or only in part: the one kind of error that users see.
// Problems are collected, never returned as errors and never logged by who finds them.
type Problem struct {
	Code     Code     `json:"code"`
	Severity Severity `json:"severity"`
	Object   Ref      `json:"object"`
	// Field is the path inside the object, such as spec.http[0].match[1].uri.regex; empty when the whole object is meant.
	Field string `json:"field,omitempty"`
	// Message says what is wrong and the way out, in one sentence.
	Message string `json:"message"`
	// Source is where the object was read, such as a file and a line; empty for a cluster.
	Source string `json:"source,omitempty"`
	// ClientKinds are the kinds of clients that the Problem is about; empty when it is about all of them.
	ClientKinds ClientKinds `json:"agents,omitempty"`
	// Missing is what a client must lack for the Problem to concern it; zero when that does not depend on its version.
	Missing Features `json:"-"`
}

// Concerns says whether a client is among those that the Problem is about.
func (p Problem) Concerns(c Client) bool {
	switch {
	case p.Missing != 0:
		return c.Missing.Has(p.Missing)
	case p.ClientKinds != 0:
		return p.ClientKinds.Has(c.Kind)
	}
	return true
}

// IsGeneral says whether the Problem is about all clients alike.
func (p Problem) IsGeneral() bool { return p.Missing == 0 && p.ClientKinds == 0 }

// oneLine shows what authors wrote that would begin another line, as the end of a block of YAML does, or that a terminal obeys.
func oneLine(text string) string {
	var out strings.Builder
	for _, r := range text {
		if unicode.IsPrint(r) {
			out.WriteRune(r)
			continue
		}
		quoted := strconv.QuoteRune(r)
		out.WriteString(quoted[1 : len(quoted)-1])
	}
	return out.String()
}

// String is one line: severity, code, object, field and message.
func (p Problem) String() string {
	where := FieldLocation{Object: p.Object, Field: p.Field, Source: p.Source}
	return fmt.Sprintf("%s %s %s: %s", p.Severity, p.Code, where, oneLine(p.Message))
}

// SortProblems sorts by object, field, code and message, and drops repetitions. It works in place and returns the result.
func SortProblems(problems []Problem) []Problem {
	slices.SortFunc(problems, func(a, b Problem) int {
		return cmp.Or(a.Object.Compare(b.Object), cmp.Compare(a.Field, b.Field), cmp.Compare(a.Code, b.Code),
			cmp.Compare(a.Message, b.Message), cmp.Compare(a.Source, b.Source), cmp.Compare(a.ClientKinds, b.ClientKinds),
			cmp.Compare(a.Missing, b.Missing))
	})
	return slices.Compact(problems)
}
