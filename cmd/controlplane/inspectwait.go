package main

import (
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
)

func newWait(flags *inspectFlags) *cobra.Command {
	var what string
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "wait --for acknowledged [KIND NAMESPACE/NAME]...",
		Short: "Wait until connected clients have the current version",
		Long: `Wait until every replica has the current version of the named VirtualServices and
DestinationRules, or of all of them, and every connected client has acknowledged the
resources that it subscribes to and that are made from them.

If the control plane is found through a kubeconfig, the current version is the one in the API
server. With --address it is the version that the control plane has.

The exit code is 0 if all clients acknowledged it; 1 if a client rejected it, after --timeout,
or if a replica cannot be reached; and 2 if the command line is invalid.`,
		Example: `  kubectl apply -f rules.yaml && controlplane inspect wait --for acknowledged
  controlplane inspect wait --for acknowledged --timeout 10s VirtualService shop/cart`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if what != "acknowledged" {
				return usageErrorf(cmd, "--for must be acknowledged, not %q", what)
			}
			named, err := namedRules(cmd, args)
			if err != nil {
				return err
			}
			if err := flags.validate(cmd); err != nil {
				return err
			}
			return flags.withReplicas(cmd, func(ctx context.Context, all replicas) error {
				ctx, cancel := context.WithTimeoutCause(ctx, timeout, errTimeout)
				defer cancel()
				w := waiting{replicas: all, named: named, began: time.Now()}
				return w.run(ctx, timeout)
			})
		},
	}
	cmd.Flags().StringVar(&what, "for", "acknowledged", "what to wait for: `acknowledged`")
	cmd.Flags().DurationVar(&timeout, "timeout", time.Minute, "how long to wait at most")
	return cmd
}

var errTimeout = errors.New("time is over")

// namedRules parses pairs of kind and name.
func namedRules(cmd *cobra.Command, args []string) ([]mesh.Ref, error) {
	if len(args)%2 != 0 {
		return nil, usageErrorf(cmd, "write objects as KIND NAMESPACE/NAME, such as: VirtualService shop/cart")
	}
	var named []mesh.Ref
	for pair := range slices.Chunk(args, 2) {
		namespace, name, ok := strings.Cut(pair[1], "/")
		if row := object.Kind(pair[0]).Row(); row == nil || !row.Authored || !ok {
			return nil, usageErrorf(cmd, "%s %s is not a VirtualService or DestinationRule NAMESPACE/NAME", pair[0], pair[1])
		}
		named = append(named, mesh.Ref{Kind: pair[0], Namespace: namespace, Name: name})
	}
	return named, nil
}

// waiting is the state of one `inspect wait`.
type waiting struct {
	replicas replicas
	named    []mesh.Ref
	began    time.Time
	// current are the generations to wait for; 0 if they are not known.
	current map[mesh.Ref]int64
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
		case err != nil && !errors.Is(context.Cause(ctx), errTimeout):
			return err
		case err == nil && missing == "":
			return nil
		case err == nil:
			known = missing
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("not within %s: %s", timeout, known)
		}
	}
}

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

// missing requests all replicas and returns what is still missing; empty if nothing is. A rejection is an error,
// because waiting does not help.
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
	for ref, generation := range w.current {
		d, ok := known[ref]
		switch {
		case !ok && len(w.named) == 0 && time.Since(w.began) > waitUnknown:
		case !ok:
			return ref.String() + " is not known yet", nil
		case d.Generation < generation:
			return fmt.Sprintf("%s is known in version %d, and not yet in %d", ref, d.Generation, generation), nil
		}
	}
	for ref, d := range known {
		if _, counts := w.current[ref]; !counts && len(w.named) > 0 {
			continue
		}
		if len(d.Refusals) > 0 {
			return "", fmt.Errorf("clients reject resources of %s: %s", ref, strings.Map(visible, strings.Join(d.Refusals, "; ")))
		}
		if d.Pending > 0 {
			return fmt.Sprintf("%d of %d clients have not acknowledged %s", d.Pending, d.Clients, ref), nil
		}
	}
	return "", nil
}
