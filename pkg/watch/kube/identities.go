package kube

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

const identityNamespace = object.IdentityNamespace

// onlyIdentity selects identityNamespace. A right to list can be restricted to the name.
var onlyIdentity = fields.OneTermEqualSelector(metav1.ObjectNameField, identityNamespace).String()

// identities are the identities of clusters: one cluster may have several URLs. It is safe for concurrent use.
type identities struct {
	// changed has a value after an identity became known, so that the clusters are decided on again.
	changed chan struct{}

	// mu protects the fields below.
	mu  sync.Mutex
	own types.UID
	// of are the identities of remote clusters by name.
	of map[string]identity
	// admitted are the clusters that may be read, with the revision of their kubeconfig. The next decision closes decided.
	admitted map[string]string
	decided  chan struct{}
}

// identity is what is behind a revision of a kubeconfig. uid is empty if the cluster does not tell.
type identity struct {
	revision string
	uid      types.UID
}

func newIdentities() *identities {
	return &identities{changed: make(chan struct{}, 1), of: map[string]identity{}, decided: make(chan struct{})}
}

func (s *identities) ownUID() types.UID {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.own
}

// identity returns the last known identity of a cluster.
func (s *identities) identity(name string) identity {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.of[name]
}

// decide replaces which clusters may be read, and forgets those that are not joined any more.
func (s *identities) decide(admitted map[string]string, joined map[string]standing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.of, func(name string, _ identity) bool { return joined[name] == standing{} })
	s.admitted = admitted
	close(s.decided)
	s.decided = make(chan struct{})
}

// await records the identity of a cluster, and waits until it may be read. It returns false if ctx ends before that.
func (s *identities) await(ctx context.Context, name string, i identity) bool {
	s.mu.Lock()
	s.of[name] = i
	s.mu.Unlock()
	select {
	case s.changed <- struct{}{}:
	default:
	}
	for {
		s.mu.Lock()
		revision, admitted := s.admitted[name]
		decided := s.decided
		s.mu.Unlock()
		if admitted && revision == i.revision {
			return true
		}
		select {
		case <-decided:
		case <-ctx.Done():
			return false
		}
	}
}

// identify finds out the identity of the own cluster. It returns once the API server has answered, or ctx ends.
func (r *Remotes) identify(ctx context.Context) {
	namespaces := r.client.Resource(corev1.SchemeGroupVersion.WithResource("namespaces"))
	for delays := backoff; ctx.Err() == nil; pause(ctx, delays.Step()) {
		list, err := namespaces.List(ctx, metav1.ListOptions{FieldSelector: onlyIdentity})
		if err == nil {
			r.identities.mu.Lock()
			r.identities.own = uidIn(list)
			r.identities.mu.Unlock()
			return
		}
		if errors.As(err, new(apierrors.APIStatus)) {
			r.options.Logger.Warn("cannot read the identity of the own cluster; a remote cluster that is the same one is recognized by its URL alone", "error", err)
			return
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	expired := time.NewTimer(d)
	defer expired.Stop()
	select {
	case <-expired.C:
	case <-ctx.Done():
	}
}

// uidIn returns the UID of identityNamespace in a list; empty if it is not there.
func uidIn(list runtime.Object) (uid types.UID) {
	_ = meta.EachListItem(list, func(o runtime.Object) error { // what cannot be read is not there
		if m, err := meta.Accessor(o); err == nil && m.GetName() == identityNamespace {
			uid = m.GetUID()
		}
		return nil
	})
	return uid
}

// newIdentityInformer returns an informer that lists identityNamespace alone.
func (k *Feed) newIdentityInformer(source listWatch) *informer {
	row := *object.KindNamespace.Row()
	row.Without = "whether the cluster is joined under another URL, too"
	source.labels, source.fields = "", onlyIdentity
	return &informer{row: &row, source: source, connection: k.connection, logger: k.logger.With("kind", string(row.Kind)), presence: newCRDPresence(), synced: make(chan struct{})}
}

// admitted waits until it is known which cluster this is, and that it may be read. It returns false if ctx ends before that.
func (k *Feed) admitted(ctx context.Context, inbox *watch.Inbox) bool {
	if k.admit == nil {
		return true
	}
	for delays := backoff; ctx.Err() == nil; pause(ctx, delays.Step()) {
		list, err := k.identity.list(ctx, metav1.ListOptions{})
		if !k.identity.reads(err) {
			continue // without an answer nothing else can be read, either
		}
		uid := types.UID("")
		if err == nil {
			uid = uidIn(list)
		}
		if uid == "" {
			why := "it does not exist"
			if err != nil {
				why = err.Error()
			}
			inbox.Put(watch.Changes{Problems: map[object.Key][]mesh.Problem{{Kind: object.KindNamespace, Name: identityNamespace, Cluster: k.remote}: {{
				Code: mesh.CodeConflict, Severity: mesh.Info, Object: mesh.Ref{Kind: mesh.KindCluster, Name: k.remote},
				Message: fmt.Sprintf("Namespace %s of the cluster cannot be read: %s. So a second Secret for the cluster is recognized by the URL of its API server alone, "+
					"and under another URL the endpoints would be joined twice. Grant the account of the kubeconfig the right to list that Namespace, as manifests/remote does.", identityNamespace, why),
			}}}})
		}
		return k.admit(ctx, uid)
	}
	return false
}
