package kube

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	utilwatch "k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
)

// remoteSelector selects the Secrets with kubeconfigs of remote clusters. It is Istio's label.
const remoteSelector = "istio/multiCluster=true"

// Remotes reads the remote clusters of the Secrets in a namespace.
type Remotes struct {
	client    dynamic.Interface
	secrets   dynamic.ResourceInterface
	namespace string
	options   watch.Options
	// own is the API server of the control plane's own cluster, as apiServer returns it; empty if it is not known.
	own string
	// opened is called with each cluster that is to be read, or read otherwise, and without a config once it is no longer joined.
	opened func(name string, config *rest.Config)
	// joined are the clusters of the last call of clusters, by their names.
	joined map[string]joining
}

var _ watch.Remotes = (*Remotes)(nil)

// NewRemotes returns the remote clusters of the Secrets in a namespace of the cluster of config. The options are those of that
// cluster. opened is called with each cluster that is to be read, or read otherwise, and without a config once it is no longer joined. It may
// be nil.
func NewRemotes(config *rest.Config, namespace string, o watch.Options, opened func(name string, config *rest.Config)) (*Remotes, error) {
	config = rest.CopyConfig(config)
	config.QPS, config.Timeout = -1, 0
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("kubernetes client: %w", err)
	}
	r := newRemotes(client, namespace, o, opened)
	r.own = apiServer(config.Host)
	return r, nil
}

func newRemotes(client dynamic.Interface, namespace string, o watch.Options, opened func(string, *rest.Config)) *Remotes {
	if opened == nil {
		opened = func(string, *rest.Config) {}
	}
	secrets := client.Resource(corev1.SchemeGroupVersion.WithResource("secrets")).Namespace(namespace)
	return &Remotes{client: client, secrets: secrets, namespace: namespace, options: o.WithDefaults(), opened: opened}
}

// Run implements watch.Remotes. If the Secrets cannot be read any more, the clusters stay as they are.
func (r *Remotes) Run(ctx context.Context, update func([]watch.Remote, []watch.Refusal)) error {
	store := &secretStore{logger: r.options.Logger, secrets: map[string]*corev1.Secret{}, changed: func(secrets []*corev1.Secret) { update(r.clusters(secrets)) }}
	lw := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			o.LabelSelector = remoteSelector
			list, err := r.secrets.List(ctx, o)
			store.observe(ctx, err)
			return list, err
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (utilwatch.Interface, error) {
			o.LabelSelector = remoteSelector
			return r.secrets.Watch(ctx, o)
		},
	}
	delays := backoff
	reflector := cache.NewReflectorWithOptions(cache.ToListWatcherWithWatchListSemantics(lw, r.client), nil, store, cache.ReflectorOptions{
		Name: "mizzen", TypeDescription: "Secret", Backoff: &delays,
	})
	reflector.RunWithContext(klog.NewContext(ctx, logr.FromSlogHandler(debugHandler{r.options.Logger.Handler()})))
	return nil
}

// joining is by which Secret a cluster is joined, and whether its kubeconfig is of use.
type joining struct {
	secret string
	usable bool
}

// kubeconfigKey is a key in the data of a Secret, and the name of a cluster.
type kubeconfigKey struct {
	secret *corev1.Secret
	name   string
}

// keys returns all keys, those first whose cluster is joined by that Secret already: no other Secret takes its name or its API
// server from it. A Secret without data has the keys that it had. The others are sorted by Secret and name.
func (r *Remotes) keys(secrets []*corev1.Secret) (all []kubeconfigKey) {
	for _, s := range secrets {
		names := slices.Sorted(maps.Keys(s.Data))
		if len(s.Data) == 0 {
			names = r.joinedBy(s.Name)
		}
		for _, name := range names {
			all = append(all, kubeconfigKey{s, name})
		}
	}
	rank := func(k kubeconfigKey) int {
		before, ok := r.joined[k.name]
		switch {
		case !ok || before.secret != k.secret.Name:
			return 2
		case !before.usable:
			return 1
		}
		return 0
	}
	slices.SortStableFunc(all, func(a, b kubeconfigKey) int { return rank(a) - rank(b) })
	return all
}

// joinedBy returns the names of the clusters that a Secret has joined, sorted.
func (r *Remotes) joinedBy(secret string) (names []string) {
	for name, by := range r.joined {
		if by.secret == secret {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// clusters returns the remote clusters of Secrets, and what is wrong with them. What is known of a cluster stays in effect until
// no Secret names it: a mistake in its Secret, or in another one, takes nothing away. If two Secrets that are new have one name or one API
// server, the first has it.
func (r *Remotes) clusters(secrets []*corev1.Secret) (all []watch.Remote, refusals []watch.Refusal) {
	refusals = withoutData(secrets)
	joined, servers := map[string]joining{}, map[string]string{}
	for _, k := range r.keys(secrets) {
		s, name := k.secret, k.name
		config, wrong := remoteConfig(name, s.Data[name])
		code, message := mesh.CodeConflict, ""
		switch {
		case name == r.options.Name:
			message = fmt.Sprintf("%q is the name of the control plane's own cluster (--cluster-id). The cluster is not joined. Use another key.", name)
		case joined[name].secret != "":
			message = fmt.Sprintf("Secret %s has a cluster of that name, too, and is in effect. Remove one of the two.", joined[name].secret)
		case len(s.Data) == 0:
			wrong = "The Secret has no data."
		case wrong != "":
			code, message = mesh.CodeInvalidValue, wrong+" It is not used: what was read or saved of the cluster before stays in effect. Write a kubeconfig with an https server, certificate-authority-data and a token."
		case apiServer(config.Host) == r.own:
			wrong = config.Host + " is the API server of the control plane's own cluster."
			message = wrong + " The cluster is not joined with itself; what was read or saved of it before stays in effect. Write the server of the other cluster, or remove the key."
		case servers[apiServer(config.Host)] != "":
			wrong = fmt.Sprintf("Cluster %s has the same API server, %s.", servers[apiServer(config.Host)], config.Host)
			message = wrong + " The cluster is not joined twice; what was read or saved of it before stays in effect. Remove one of the two."
		default:
			servers[apiServer(config.Host)] = name
		}
		if message != "" {
			refusals = append(refusals, refusal(s, name, fmt.Sprintf("data[%s]", name), code, message))
		}
		if name == r.options.Name || joined[name].secret != "" || !clusterName.MatchString(name) {
			continue
		}
		joined[name] = joining{s.Name, wrong == ""}
		if wrong == "" {
			all = append(all, r.remote(name, s, config))
		} else {
			all = append(all, watch.Remote{Name: name, Wrong: wrong, Secret: s.Namespace + "/" + s.Name, Network: s.Annotations[mesh.LabelNetwork]})
		}
	}
	r.joined = joined
	return all, refusals
}

// withoutData reports the Secrets that have no kubeconfig.
func withoutData(secrets []*corev1.Secret) (refusals []watch.Refusal) {
	for _, s := range secrets {
		if len(s.Data) == 0 {
			refusals = append(refusals, refusal(s, s.Name, "data", mesh.CodeInvalidValue,
				"The Secret has no data, so no cluster is joined by it. Add the kubeconfig of a cluster under the cluster's name, or delete the Secret to end its clusters."))
		}
	}
	return refusals
}

func refusal(s *corev1.Secret, cluster, field string, code mesh.Code, message string) watch.Refusal {
	return watch.Refusal{Cluster: cluster, Problem: mesh.Problem{
		Code: code, Severity: mesh.Error, Object: mesh.Ref{Kind: "Secret", Namespace: s.Namespace, Name: s.Name}, Field: field, Message: message,
	}}
}

func (r *Remotes) remote(name string, s *corev1.Secret, config *rest.Config) watch.Remote {
	network, options := s.Annotations[mesh.LabelNetwork], r.options
	options.Name, options.Network, options.Remote = name, network, true
	options.Logger = options.Logger.With("cluster", name)
	return watch.Remote{
		Name: name, Revision: network + "\x00" + string(s.Data[name]), Secret: s.Namespace + "/" + s.Name, Network: network,
		Open: func() (watch.Feed, error) {
			r.opened(name, config)
			return New(config, options)
		},
		Close: func() { r.opened(name, nil) },
	}
}

// secretStore keeps Secrets for a reflector, and reports all of them whenever one changes.
type secretStore struct {
	logger  *slog.Logger
	changed func([]*corev1.Secret)

	mu      sync.Mutex
	secrets map[string]*corev1.Secret
	// failed is the last error of a list.
	failed string
}

// observe logs that the Secrets cannot be listed, once for each error.
func (s *secretStore) observe(ctx context.Context, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text != "" && text != s.failed && ctx.Err() == nil {
		s.logger.Warn("cannot list the Secrets of remote clusters; their clusters stay as they are", "error", err)
	}
	s.failed = text
}

func (s *secretStore) edit(change func() error) error {
	s.mu.Lock()
	err := change()
	all := make([]*corev1.Secret, 0, len(s.secrets))
	for _, name := range slices.Sorted(maps.Keys(s.secrets)) {
		all = append(all, s.secrets[name])
	}
	s.mu.Unlock()
	if err == nil {
		s.changed(all)
	}
	return err
}

func (s *secretStore) put(raw any) error {
	u, ok := raw.(*unstructured.Unstructured)
	if !ok {
		return fmt.Errorf("unexpected type %T", raw)
	}
	var secret corev1.Secret
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &secret); err != nil {
		return fmt.Errorf("read Secret %s: %w", u.GetName(), err)
	}
	s.secrets[secret.Name] = &secret
	return nil
}

// Add implements cache.ReflectorStore.
func (s *secretStore) Add(raw any) error { return s.edit(func() error { return s.put(raw) }) }

// Update implements cache.ReflectorStore.
func (s *secretStore) Update(raw any) error { return s.Add(raw) }

// Delete implements cache.ReflectorStore.
func (s *secretStore) Delete(raw any) error {
	return s.edit(func() error {
		if u, ok := raw.(*unstructured.Unstructured); ok {
			delete(s.secrets, u.GetName())
		}
		return nil
	})
}

// Replace implements cache.ReflectorStore.
func (s *secretStore) Replace(list []any, _ string) error {
	return s.edit(func() error {
		clear(s.secrets)
		for _, raw := range list {
			if err := s.put(raw); err != nil {
				return err
			}
		}
		return nil
	})
}

// Resync implements cache.ReflectorStore. It has nothing to do.
func (s *secretStore) Resync() error { return nil }
