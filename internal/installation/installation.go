package installation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// Status is the outcome of one check.
type Status string

// The outcomes of a check.
const (
	// OK: nothing to do.
	OK Status = "OK"
	// Warn: it works, or works in part, or cannot be checked.
	Warn Status = "WARN"
	// Fail: the control plane or its clients do not work.
	Fail Status = "FAIL"
)

// Finding is what a check found.
type Finding struct {
	Check  string `json:"check"`
	Status Status `json:"status"`
	// Found states what was found, in sentences.
	Found string `json:"found"`
	// Do states what to do; empty if Status is OK.
	Do string `json:"do,omitempty"`
}

// API sends requests to the API server. Errors for refused requests are apierrors.APIStatus.
type API interface {
	// Get reads a path, which may have a query.
	Get(ctx context.Context, uri string) ([]byte, error)
	// Create sends a JSON object to a path.
	Create(ctx context.Context, uri string, object []byte) ([]byte, error)
}

// Replica is a replica of the control plane, and its version.
type Replica struct{ Name, Version string }

// Options say which installation is checked.
type Options struct {
	API API
	// Namespace is the namespace of the control plane.
	Namespace string
	// Replicas asks the replicas for their versions.
	Replicas func(context.Context) ([]Replica, error)
	// Version is the version of this binary.
	Version string
	// Now is the time for which certificates and the Lease are checked.
	Now time.Time
}

// check is one row of checks.
type check struct {
	name string
	// needed means that the checks below it make no sense if this one fails.
	needed bool
	run    func(*cluster, context.Context) ([]Finding, error)
}

// checks are in the order in which an operator would look.
var checks = []check{
	{"api-server", true, (*cluster).checkAPIServer},
	{"definitions", false, (*cluster).checkDefinitions},
	{"deployment", true, (*cluster).checkDeployment},
	{"replicas", false, (*cluster).checkReplicas},
	{"versions", false, (*cluster).checkVersions},
	{"rights", false, (*cluster).checkRights},
	{"lease", false, (*cluster).checkLease},
	{"disruption-budget", false, (*cluster).checkDisruption},
	{"injection-policy", false, (*cluster).checkPolicy},
	{"injected-namespaces", false, (*cluster).checkNamespaces},
	{"bootstrap", false, (*cluster).checkBootstrap},
	{"java-agent", false, (*cluster).checkAgent},
	{"identity", false, (*cluster).checkIdentity},
	{"certificate", false, (*cluster).checkCertificate},
	{"endpoints", false, (*cluster).checkEndpoints},
	{"network", false, (*cluster).checkNetwork},
}

// Check runs all checks, and calls each with every Finding as soon as it is known. It returns early if ctx ends, or if a
// check fails that the others need.
func Check(ctx context.Context, o Options, each func(Finding)) {
	c := &cluster{Options: o, answers: map[string]answer{}}
	for _, row := range checks {
		findings, err := row.run(c, ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			findings = append(findings, unread(err))
		}
		for _, f := range findings {
			// Errors of other programs may have several lines.
			f.Check, f.Found = row.name, strings.Join(strings.Fields(f.Found), " ")
			each(f)
		}
		failed := func(f Finding) bool { return f.Status == Fail }
		if row.needed && slices.ContainsFunc(findings, failed) {
			return
		}
	}
}

// unread returns the Finding that something cannot be read.
func unread(err error) Finding {
	if refused, ok := errors.AsType[*requestError](err); ok && apierrors.IsForbidden(err) {
		return warn("Grant your account this right, or use an account that has it.", "It cannot be checked: your account may not %s.", refused.right())
	}
	return fail("Correct the cause, and run the check again.", "It cannot be checked: %v.", err)
}

func ok(format string, args ...any) Finding {
	return Finding{Status: OK, Found: fmt.Sprintf(format, args...)}
}

func warn(do, format string, args ...any) Finding {
	return Finding{Status: Warn, Found: fmt.Sprintf(format, args...), Do: do}
}

func fail(do, format string, args ...any) Finding {
	return Finding{Status: Fail, Found: fmt.Sprintf(format, args...), Do: do}
}

// count returns a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// one returns a single Finding.
func one(f Finding) ([]Finding, error) { return []Finding{f}, nil }
