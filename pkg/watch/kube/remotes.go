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

// clusters returns the remote clusters of Secrets, and what is wrong with the others. If several Secrets have a name, the first
// by name of the Secret has it.
func (r *Remotes) clusters(secrets []*corev1.Secret) (all []watch.Remote, refusals []watch.Refusal) {
	owners, servers := map[string]string{}, map[string]string{}
	for _, s := range secrets {
		if len(s.Data) == 0 {
			refusals = append(refusals, watch.Refusal{Cluster: s.Name, Problem: mesh.Problem{
				Code: mesh.CodeInvalidValue, Severity: mesh.Error, Object: mesh.Ref{Kind: "Secret", Namespace: s.Namespace, Name: s.Name}, Field: "data",
				Message: "The Secret has no data, so no cluster is joined by it. Add the kubeconfig of a cluster under the cluster's name.",
			}})
		}
		for _, name := range slices.Sorted(maps.Keys(s.Data)) {
			report := func(code mesh.Code, format string, args ...any) {
				refusals = append(refusals, watch.Refusal{Cluster: name, Problem: mesh.Problem{
					Code: code, Severity: mesh.Error, Object: mesh.Ref{Kind: "Secret", Namespace: s.Namespace, Name: s.Name}, Field: fmt.Sprintf("data[%s]", name),
					Message: fmt.Sprintf(format, args...),
				}})
			}
			config, wrong := remoteConfig(name, s.Data[name])
			switch {
			case name == r.options.Name:
				report(mesh.CodeConflict, "%q is the name of the control plane's own cluster (--cluster-id). The cluster is not joined. Use another key.", name)
				continue
			case wrong != "":
				report(mesh.CodeInvalidValue, "%s It is not used: what was read or saved of the cluster before stays in effect. Write a kubeconfig with an https server, certificate-authority-data and a token.", wrong)
				if owners[name] == "" && clusterName.MatchString(name) {
					owners[name] = s.Name
					all = append(all, watch.Remote{Name: name, Wrong: wrong, Secret: s.Namespace + "/" + s.Name, Network: s.Annotations[mesh.LabelNetwork]})
				}
				continue
			case owners[name] != "":
				report(mesh.CodeConflict, "Secret %s has a cluster of that name, too, and is in effect. Remove one of the two.", owners[name])
				continue
			}
			server := apiServer(config.Host)
			switch {
			case server == r.own:
				report(mesh.CodeConflict, "%s is the API server of the control plane's own cluster. The cluster is not joined with itself. Write the server of the other cluster, or remove the key.", config.Host)
				continue
			case servers[server] != "":
				report(mesh.CodeConflict, "Cluster %s has the same API server, %s. The cluster is not joined twice. Remove one of the two.", servers[server], config.Host)
				continue
			}
			owners[name], servers[server] = s.Name, name
			all = append(all, r.remote(name, s, config))
		}
	}
	return all, refusals
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
