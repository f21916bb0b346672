package mesh

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// KindFile is the kind in the Ref of a Problem that is about a file and not about an object in it.
const KindFile = "File"

// KindCluster is the kind in the Ref of a Problem that is about a cluster and not about an object in it.
const KindCluster = "Cluster"

// Ref names a Kubernetes object.
type Ref struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
	// Cluster is the name of the remote cluster that has the object; empty for the cluster of the control plane, and for files.
	Cluster string `json:"cluster,omitempty"`
}

// String returns Kind namespace/name, or Kind name. An object of a remote cluster has @cluster at its end.
func (r Ref) String() string {
	text := r.Kind + " "
	if r.Namespace != "" {
		text += r.Namespace + "/"
	}
	return InCluster(text+r.Name, r.Cluster)
}

// Compare orders Refs by kind, namespace, name and cluster.
func (r Ref) Compare(o Ref) int {
	return cmp.Or(cmp.Compare(r.Kind, o.Kind), cmp.Compare(r.Namespace, o.Namespace), cmp.Compare(r.Name, o.Name), cmp.Compare(r.Cluster, o.Cluster))
}

// InCluster returns the name of something in a remote cluster, which differs from all names in the cluster of the control
// plane. Without a remote cluster it returns the name itself.
func InCluster(name, cluster string) string {
	if cluster == "" {
		return name
	}
	return name + "@" + cluster
}

// Severity is how serious a Problem is.
type Severity string

// The severities, the most serious first.
const (
	// Error: it is invalid, or it fails closed.
	Error Severity = "error"
	// Warning: it is ignored, and calls go where they would go with it.
	Warning Severity = "warning"
	// Info: it is in effect, with a caveat.
	Info Severity = "info"
)

// Code names a kind of Problem. Codes are stable: scripts and alerts use them.
type Code string

// Problem is a finding about an object: a part of it cannot be applied, or only with a caveat. Problems are the
// only errors in objects that users see. They are collected. The code that finds one does not return it as an error
// and does not log it.
type Problem struct {
	Code     Code     `json:"code"`
	Severity Severity `json:"severity"`
	Object   Ref      `json:"object"`
	// Field is the path in the object, such as spec.http[0].match[1].uri.regex; empty for the whole object.
	Field string `json:"field,omitempty"`
	// Message states what is wrong, what happens and what to do, in at most three sentences.
	Message string `json:"message"`
	// Source is the file and line of the field; empty for an object from a cluster.
	Source string `json:"source,omitempty"`
	// ClientKinds are the client kinds that the Problem affects; empty if it affects all.
	ClientKinds ClientKinds `json:"agents,omitempty"`
	// Missing are the features that an affected client lacks; zero if the Problem does not depend on the client's
	// version.
	Missing Features `json:"-"`
	// Host is the host whose clients the Problem concerns, if it counts only while a client dials it; otherwise empty.
	Host string `json:"-"`
}

// Concerns reports whether the Problem affects a client.
func (p Problem) Concerns(c Client) bool {
	switch {
	case p.Missing != 0:
		return c.Missing.Has(p.Missing)
	case p.ClientKinds != 0:
		return p.ClientKinds.Has(c.Kind)
	}
	return true
}

// IsGeneral reports whether the Problem affects all clients.
func (p Problem) IsGeneral() bool { return p.Missing == 0 && p.ClientKinds == 0 }

// oneLine escapes characters of an author's text that would begin a new line or control a terminal.
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

// String returns one line: severity, code, object, field, source and message.
func (p Problem) String() string {
	where := FieldLocation{Object: p.Object, Field: p.Field, Source: p.Source}
	return fmt.Sprintf("%s %s %s: %s", p.Severity, p.Code, where, oneLine(p.Message))
}

// SortProblems sorts by object, field, code and message, and drops repetitions. It works in place and returns the
// result.
func SortProblems(problems []Problem) []Problem {
	SortFunc(problems, func(a, b Problem) int {
		return cmp.Or(a.Object.Compare(b.Object), cmp.Compare(a.Field, b.Field), cmp.Compare(a.Code, b.Code),
			cmp.Compare(a.Message, b.Message), cmp.Compare(a.Source, b.Source), cmp.Compare(a.ClientKinds, b.ClientKinds),
			cmp.Compare(a.Missing, b.Missing))
	})
	return slices.Compact(problems)
}
