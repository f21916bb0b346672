package kube

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

const (
	// pageSize is how many objects one request of List reads, so that no answer of a large cluster takes long.
	pageSize = 500
	// pageTimeout limits one request.
	pageTimeout = 30 * time.Second
)

// List reads the objects of all kinds once, as Run reads them. A kind that the cluster does not serve, or that it
// refuses to list, is a Problem of the source, and the others are read. It is a warning if only one thing is not known without the
// kind, or if only servers need it and it is not served; an info if it is Istio's and the cluster has only the Gateway API; and
// otherwise an error. List fails if the API server does not answer,
// or refuses every kind.
//
// A Feed is used for either Run or List.
func (k *Feed) List(ctx context.Context) (watch.Changes, error) {
	changes := watch.NewChanges()
	var refusals []error
	served := map[object.Kind]bool{}
	for _, i := range k.informers {
		err := i.listInto(ctx, changes.Objects)
		if err == nil {
			served[i.row.Kind] = true
			continue
		}
		err = fmt.Errorf("list %s: %w", i.row.Resource.Resource, err)
		if !errors.As(err, new(apierrors.APIStatus)) || apierrors.IsUnauthorized(err) {
			return changes, err
		}
		refusals = append(refusals, err)
		if (i.row.Live || i.row.Elective) && apierrors.IsNotFound(err) {
			continue // An older API server has no such objects, or nothing in the cluster uses them.
		}
		p := mesh.Problem{Code: mesh.CodeSourceLost, Severity: mesh.Error, Object: mesh.Ref{Kind: mesh.KindCluster, Name: k.domain}, Message: i.unlisted(err)}
		if i.row.Without != "" || i.row.ForServers && apierrors.IsNotFound(err) {
			p.Severity = mesh.Warning
		}
		if told := changes.Problems[object.Key{}]; !slices.Contains(told, p) { // A kind that is not served is missing in every namespace.
			changes.Problems[object.Key{}] = append(told, p)
		}
	}
	if len(refusals) == len(k.informers) {
		return changes, refusals[0]
	}
	if served[object.KindGRPCRoute] || served[object.KindHTTPRoute] {
		withoutIstio(changes.Problems[object.Key{}])
	}
	return changes, nil
}

// withoutIstio makes infos of the Problems that neither VirtualServices nor DestinationRules are served. It changes problems in place.
func withoutIstio(problems []mesh.Problem) {
	var absent []*mesh.Problem
	for i := range problems {
		if strings.HasPrefix(problems[i].Message, "The cluster does not serve virtualservices ") || strings.HasPrefix(problems[i].Message, "The cluster does not serve destinationrules ") {
			absent = append(absent, &problems[i])
		}
	}
	if len(absent) < 2 { // One of the two is served: the definition of the other is missing, or in another version.
		return
	}
	for _, p := range absent {
		p.Severity = mesh.Info
		p.Message += " Nothing is to be done if you use only the Gateway API."
	}
}

// listInto reads all objects of the kind, page by page. It keeps what it converts, and nothing else of a page.
func (i *informer) listInto(ctx context.Context, objects map[object.Key]*object.Object) error {
	options := metav1.ListOptions{LabelSelector: i.source.labels, FieldSelector: i.source.fields, Limit: pageSize}
	read := map[object.Key]*object.Object{}
	for {
		page, next, err := i.page(ctx, options)
		if options.Continue != "" && apierrors.IsResourceExpired(err) {
			// The list has changed too much since its first page. Without pages it is read in one state.
			options.Continue, options.Limit = "", 0
			clear(read)
			continue
		}
		if err != nil {
			return err
		}
		for _, e := range page {
			read[e.Key] = &e.Object
		}
		if options.Continue = next; next == "" {
			break
		}
	}
	maps.Copy(objects, read)
	return nil
}

// page reads one page, and returns the token of the next one; empty if it is the last.
func (i *informer) page(ctx context.Context, options metav1.ListOptions) (entries []*entry, next string, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, pageTimeout, fmt.Errorf("no answer within %s", pageTimeout))
	defer cancel()
	list, err := i.source.list(ctx, options)
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		err = context.Cause(ctx)
	}
	if err != nil {
		return nil, "", err
	}
	m, err := meta.ListAccessor(list)
	if err != nil {
		return nil, "", err
	}
	err = meta.EachListItem(list, func(raw runtime.Object) error {
		entries = append(entries, i.entry(raw))
		return nil
	})
	return entries, m.GetContinue(), err
}

// unlisted describes that the kind could not be listed, and what to do.
func (i *informer) unlisted(err error) string {
	resource := i.row.Resource
	where := "in all namespaces"
	switch {
	case i.namespace != metav1.NamespaceAll:
		where = "in namespace " + i.namespace
	case i.row.ClusterScoped:
		where = "in the cluster"
	}
	if apierrors.IsNotFound(err) {
		return fmt.Sprintf("The cluster does not serve %s in %s. No object of kind %s is read. Install its CustomResourceDefinition in that version.",
			resource.Resource, resource.GroupVersion(), i.row.Kind)
	}
	effect, wayOut := "Problems that depend on it are missing or wrong.", "Correct what the API server reports, and try again."
	if i.row.Without != "" {
		effect = fmt.Sprintf("Not known without it: %s.", i.row.Without)
	}
	if apierrors.IsForbidden(err) {
		wayOut = fmt.Sprintf("Grant your account the right to list %s %s.", resource.GroupResource(), where)
	}
	return fmt.Sprintf("%s cannot be read: %v. %s %s", i.row.Kind, err, effect, wayOut)
}
