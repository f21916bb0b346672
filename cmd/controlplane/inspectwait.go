package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"

	"github.com/mizzen-mesh/mizzen/internal/admin"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

const (
	// waitPoll is the interval at which replicas are requested.
	waitPoll = 200 * time.Millisecond
	// waitUnknown is how long an object of the cluster may be unknown to a replica before it counts as not part of
	// the mesh: rules for gateways only stay unknown.
	waitUnknown = 2 * time.Second
	// waitEdit is how long an object without a generation may have errors, and waitRead how long it is not enough that
	// all is well: a file may have been edited just now, and the control plane may not have read it again.
	waitEdit = time.Second
	waitRead = 500 * time.Millisecond
)

func newWait(std stdio, flags *inspectFlags) *cobra.Command {
	var what, namespace string
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "wait --for acknowledged [KIND/NAME | KIND NAMESPACE/NAME]...",
		Short: "Wait until connected clients have the current version",
		Long: `Wait until every replica has the current version of the named rules, or of all of them, and
every connected client has acknowledged the resources that it subscribes to and that are made
from them. Rules are VirtualServices, DestinationRules, AuthorizationPolicies,
PeerAuthentications and RequestAuthentications.

If the control plane is found through a kubeconfig, the current version is the one in the API
server. With --address it is the version that the control plane has.

Kinds are written as for kubectl: VirtualService, virtualservices or vs. A name without a
namespace is in the namespace of -n, or of the kubeconfig's context. Without a cluster, it is in
any namespace that has it.

Standard error reports what the command waits for whenever that changes. The wait ends at an
error in an object, or in its file, and at a rejection. It goes on if another object may mend
the error, such as a subset that no DestinationRule declares yet.

Exit codes: 0 if all clients acknowledged it; 1 if a client rejected it or lacks what it needs
for it, such as certificates, if an object has an error, after --timeout, after an interrupt, or
if a replica cannot be reached; 2 if the command line is invalid.`,
		Example: `  kubectl apply -f rules.yaml && controlplane inspect wait --for acknowledged
  controlplane inspect wait --for acknowledged --timeout 10s VirtualService shop/cart
  controlplane inspect wait -n shop vs/cart dr/cart`,
		ValidArgs: ruleKinds(),
		Args:      cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if what = strings.TrimPrefix(what, "condition="); !strings.EqualFold(what, "acknowledged") {
				return usageErrorf(cmd, "--for must be acknowledged, not %q", what)
			}
			if timeout < 0 {
				return usageErrorf(cmd, "--timeout must not be negative")
			}
			named, err := namedRules(cmd, args, namespace)
			if err != nil {
				return err
			}
			if err := flags.validate(cmd); err != nil {
				return err
			}
			return flags.withReplicas(cmd, std, func(ctx context.Context, all replicas) error {
				ctx, cancel := context.WithTimeoutCause(ctx, cmp.Or(timeout, inspectTimeout), errTimeout)
				defer cancel()
				w := waiting{std: std, replicas: all, named: named, began: time.Now()}
				w.complete()
				return w.run(ctx, timeout)
			})
		},
	}
	cmd.Flags().StringVar(&what, "for", "acknowledged", "what to wait for: `acknowledged`")
	cmd.Flags().StringVarP(&namespace, "for-namespace", "n", "", "`NAMESPACE` of names without one")
	completeWith(cmd, "for", "acknowledged")
	cmd.Flags().DurationVar(&timeout, "timeout", time.Minute, "how long to wait at most; 0 asks once")
	return cmd
}

var errTimeout = errors.New("time is over")

// located returns the object that a name without a namespace means among the known ones. It fails if several have it.
func located(ref mesh.Ref, known map[mesh.Ref]serving.ObjectSync) (mesh.Ref, error) {
	if ref.Namespace != "" {
		return ref, nil
	}
	var found []string
	for one := range known {
		if one.Kind == ref.Kind && one.Name == ref.Name {
			found = append(found, one.Namespace)
		}
	}
	slices.Sort(found)
	switch len(found) {
	case 0:
		return ref, nil
	case 1:
		ref.Namespace = found[0]
		return ref, nil
	}
	return ref, fmt.Errorf("%s %s is in several namespaces, %s: choose one with -n", ref.Kind, ref.Name, strings.Join(found, ", "))
}

// refText names an object, with or without its namespace.
func refText(ref mesh.Ref) string {
	if ref.Namespace == "" {
		return ref.Kind + " " + ref.Name
	}
	return ref.String()
}

// waiting is the state of one `inspect wait`.
type waiting struct {
	std      stdio
	replicas replicas
	named    []mesh.Ref
	began    time.Time
	// shown is what was last printed as missing.
	shown string
	// current are the generations to wait for; 0 if they are not known. A name without a namespace is in any namespace.
	current map[mesh.Ref]int64
	// files is true if an object has no generation: it comes from a file.
	files bool
}

// complete adds the namespace of the kubeconfig's context to names without a namespace.
func (w *waiting) complete() {
	for i := range w.named {
		w.named[i].Namespace = cmp.Or(w.named[i].Namespace, w.replicas.namespace)
	}
}

// show prints what is missing, if it is not what was printed last.
func (w *waiting) show(missing string) {
	if missing != w.shown {
		w.std.printErr("waiting: %s\n", missing)
	}
	w.shown = missing
}

// met prints that the wait is over.
func (w *waiting) met() error {
	var out []byte
	for _, ref := range w.named {
		out = fmt.Appendf(out, "%s condition met\n", refText(ref))
	}
	if len(w.named) == 0 {
		out = []byte("all rules: condition met\n")
	}
	std := w.std
	return std.print(out)
}

func (w *waiting) run(ctx context.Context, timeout time.Duration) error {
	if err := w.versions(ctx); err != nil {
		return err
	}
	tick := time.NewTicker(waitPoll)
	defer tick.Stop()
	// The timeout may end a request to the replicas. Then the answers to the previous request are reported.
	known := "a replica has not answered"
	for {
		missing, err := w.missing(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			return err
		case err == nil && missing == "" && (timeout == 0 || w.isRead()):
			return w.met()
		case missing != "":
			known = missing
			w.show(missing)
		}
		if timeout == 0 {
			return fmt.Errorf("not met: %w", cmp.Or(err, errors.New(known)))
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			if !errors.Is(context.Cause(ctx), errTimeout) {
				return fmt.Errorf("interrupted after %s: %s", time.Since(w.began).Round(time.Second), known)
			}
			return fmt.Errorf("not within %s: %s", timeout, known)
		}
	}
}

// isRead reports whether the control plane has read what was in files when the wait began.
func (w *waiting) isRead() bool { return !w.files || time.Since(w.began) > waitRead }

// versions reads the current generations from the cluster, if it is known.
func (w *waiting) versions(ctx context.Context) error {
	w.current = map[mesh.Ref]int64{}
	for _, ref := range w.named {
		w.current[ref] = 0
	}
	if w.replicas.config == nil {
		return nil
	}
	client, err := dynamic.NewForConfig(w.replicas.config)
	if err != nil {
		return fmt.Errorf("reach the cluster: %w", err)
	}
	for _, ref := range w.named {
		object, err := client.Resource(object.Kind(ref.Kind).Row().Resource).Namespace(ref.Namespace).Get(ctx, ref.Name, metav1.GetOptions{})
		if err != nil {
			return fmt.Errorf("look up %s: %w", ref, err)
		}
		w.current[ref] = object.GetGeneration()
	}
	if len(w.named) > 0 {
		return nil
	}
	for row := range object.Authored() {
		list, err := client.Resource(row.Resource).List(ctx, metav1.ListOptions{})
		if apierrors.IsNotFound(err) {
			continue // Without Istio's definitions there are no rules to wait for.
		}
		if err != nil {
			return fmt.Errorf("list objects of kind %s: %w", row.Kind, err)
		}
		for i := range list.Items {
			w.current[mesh.Ref{Kind: string(row.Kind), Namespace: list.Items[i].GetNamespace(), Name: list.Items[i].GetName()}] = list.Items[i].GetGeneration()
		}
	}
	return nil
}

// missing requests all replicas and returns what is still missing; empty if nothing is. A rejection, or an error
// that concerns clients, is an error, because waiting does not help.
func (w *waiting) missing(ctx context.Context) (string, error) {
	// Before it is ready, a control plane knows no objects, and would report that no acknowledgement is missing.
	if _, err := w.replicas.fetch(ctx, admin.ReadyPath); errors.Is(err, errNotReady) {
		return err.Error(), nil
	}
	bodies, err := w.replicas.fetch(ctx, admin.ListPath(listDeliveries))
	if err != nil {
		return "", err
	}
	first := ""
	for i, body := range bodies {
		by := ""
		if name := w.replicas.all[i].name; name != "" {
			by = " (replica " + name + ")"
		}
		known := map[mesh.Ref]serving.ObjectSync{}
		if err := eachItem(body, func(d serving.ObjectSync) { known[d.Object] = d }); err != nil {
			return "", fmt.Errorf("parse the answer of %s: %w", w.replicas.all[i].address, err)
		}
		missing, err := w.missingIn(known)
		if err != nil {
			return "", fmt.Errorf("%w%s", err, by)
		}
		if missing != "" && first == "" {
			first = missing + by
		}
	}
	return first, nil
}

// missingIn is missing for what one replica knows.
func (w *waiting) missingIn(known map[mesh.Ref]serving.ObjectSync) (string, error) {
	current := map[mesh.Ref]bool{}
	for ref, generation := range w.current {
		ref, err := located(ref, known)
		if err != nil {
			return "", err
		}
		current[ref] = true
		d, ok := known[ref]
		switch {
		case !ok && len(w.named) == 0 && time.Since(w.began) > waitUnknown:
		case !ok:
			return refText(ref) + " is not known yet" + nearRule(ref, known) + unreadFiles(known), nil
		case d.Generation < generation:
			return fmt.Sprintf("%s is known in version %d, and not yet in %d", ref, d.Generation, generation), nil
		}
	}
	for ref, d := range known {
		if !current[ref] && len(w.named) > 0 {
			continue
		}
		w.files = w.files || d.Generation == 0 && ruleKind(ref.Kind) != nil
		if missing, err := w.missingOf(ref, d); missing != "" || err != nil {
			return missing, err
		}
	}
	return "", nil
}

// missingOf is missing for one object that a replica knows in the current version.
func (w *waiting) missingOf(ref mesh.Ref, d serving.ObjectSync) (string, error) {
	if len(d.Refusals) > 0 {
		return "", fmt.Errorf("clients reject resources of %s: %s", ref, strings.Map(visible, strings.Join(d.Refusals, "; ")))
	}
	notYet := ""
	for _, p := range d.Problems {
		switch {
		case p.Severity == mesh.Error:
			return "", fmt.Errorf("%s is not in effect for connected clients: %s", ref, why(p))
		case len(w.named) > 0 && notYet == "": // Endpoints may still come.
			notYet = fmt.Sprintf("%s is not in effect yet: %s", ref, why(p))
		}
	}
	for _, p := range d.Errors {
		switch {
		case ref.Kind != mesh.KindFile && ruleKind(ref.Kind) == nil: // It is not waited for.
		case !slices.Contains(codesOfOthers, p.Code) && (d.Generation > 0 || time.Since(w.began) > waitEdit):
			return "", fmt.Errorf("%s is not in effect: %s", ref, why(p))
		case notYet == "":
			notYet = fmt.Sprintf("%s is not in effect yet: %s", ref, why(p))
		}
	}
	if notYet != "" {
		return notYet, nil
	}
	if d.Pending > 0 {
		return fmt.Sprintf("%d of %d clients have not acknowledged %s", d.Pending, d.Clients, ref), nil
	}
	return "", nil
}

// codesOfOthers are the errors in an object that end without an edit of it, when another object comes or changes.
var codesOfOthers = []mesh.Code{
	mesh.CodeNoSuchHost, mesh.CodeNoSuchPort, mesh.CodeNoSuchSubset, mesh.CodeNoSuchDelegate, mesh.CodeAlias, mesh.CodeConflict,
	mesh.CodeNoEndpoints, mesh.CodeEmptySubset, mesh.CodeSourceLost, mesh.CodeLastGood,
}

// why is the code, field and text of a Problem, and its file if it is the Problem of one.
func why(p mesh.Problem) string {
	code := string(p.Code)
	if p.Object.Kind == mesh.KindFile {
		code += " " + p.Source
	}
	return strings.TrimSpace(code+" "+p.Field) + ": " + strings.Map(visible, p.Message)
}

// unreadFiles says which file has an error, because an unknown object may be in it.
func unreadFiles(known map[mesh.Ref]serving.ObjectSync) string {
	var found []string
	for ref, d := range known {
		if ref.Kind == mesh.KindFile && len(d.Errors) > 0 {
			found = append(found, why(d.Errors[0]))
		}
	}
	if len(found) == 0 {
		return ""
	}
	return "; " + slices.Min(found)
}

// nearRule proposes a known rule with a similar name.
func nearRule(ref mesh.Ref, known map[mesh.Ref]serving.ObjectSync) string {
	var rules []mesh.Ref
	for one := range known {
		if one.Kind == ref.Kind {
			rules = append(rules, one)
		}
	}
	mesh.SortFunc(rules, mesh.Ref.Compare)
	name := ref.Name
	if ref.Namespace != "" {
		name = ref.Namespace + "/" + name
	}
	if meant := nearObject(name, rules); meant != "" {
		return ": did you mean " + meant + "?"
	}
	return ""
}
