package kube

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	apischema "k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	clienttesting "k8s.io/client-go/testing"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// urls are Secrets of clusters by their names, each with the API server of that name.
func urls(names ...string) (secrets []*corev1.Secret) {
	for _, name := range names {
		secrets = append(secrets, secretWith("s-"+name, map[string][]byte{name: kubeconfigOf(name)}))
	}
	return secrets
}

// TestOneClusterHasSeveralURLs finds out which cluster is behind each URL, one after the other. A cluster that is read under one name is
// not read under another, and the own cluster under none.
func TestOneClusterHasSeveralURLs(t *testing.T) {
	for name, test := range map[string]struct {
		// steps are NAME=UID, which is found out, or the names for which there are Secrets from then on.
		steps []string
		// want are the clusters that may be read at the end, those that wait, with a ?, and those that are refused, with a !.
		want    string
		refusal string
	}{
		"two clusters":                     {[]string{"b c", "b=B", "c=C"}, "b c", ""},
		"not known yet":                    {[]string{"b c", "b=B"}, "b c?", ""},
		"the first that answers":           {[]string{"b c", "c=B", "b=B"}, "b! c", "https://b:6443 leads to cluster c: Namespace kube-system has the same UID in both, B. The cluster is not joined twice;"},
		"the first by name":                {[]string{"b", "b=B", "a b", "a=B"}, "a! b", "https://a:6443 leads to cluster b: Namespace kube-system has the same UID in both, B. The cluster is not joined twice;"},
		"the own cluster":                  {[]string{"b", "b=OWN"}, "b!", "https://b:6443 leads to the control plane's own cluster: Namespace kube-system has the same UID in both, OWN. The cluster is not joined with itself;"},
		"clusters that do not tell":        {[]string{"b c", "b=", "c="}, "b c", ""},
		"the other one is no longer named": {[]string{"b c", "c=B", "b=B", "b"}, "b", ""},
		"a name that comes back":           {[]string{"b", "b=B", "c", "c=B", "b c"}, "b? c", ""},
		"three":                            {[]string{"b c d", "d=B", "c=B", "b=C"}, "b c! d", ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRemotes(newFakeSecrets(), "mizzen-system", watch.Options{}, nil)
				r.identities.own = "OWN"
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				var secrets []*corev1.Secret
				read := map[string]bool{}
				for _, step := range test.steps {
					if name, uid, found := strings.Cut(step, "="); found {
						c := r.candidate(urls(name)[0], name)
						go func() { read[name] = r.identities.await(ctx, name, identity{c.revision, types.UID(uid)}) }()
						synctest.Wait()
					} else {
						secrets = urls(strings.Fields(step)...)
						maps.DeleteFunc(read, func(name string, _ bool) bool { return !slices.Contains(strings.Fields(step), name) })
					}
					r.clusters(secrets)
					synctest.Wait()
				}
				var got []string
				all, refusals := r.clusters(secrets)
				for _, remote := range all {
					switch {
					case remote.Wrong != "":
						remote.Name += "!"
					case !read[remote.Name]:
						remote.Name += "?"
					}
					got = append(got, remote.Name)
				}
				slices.Sort(got)
				if strings.Join(got, " ") != test.want {
					t.Errorf("got the clusters %q, want %s", got, test.want)
				}
				if test.refusal != "" && (len(refusals) != 1 || !strings.HasPrefix(refusals[0].Problem.Message, test.refusal)) {
					t.Errorf("got %+v, want %q", refusals, test.refusal)
				}
			})
		})
	}
}

// TestRotationKeepsIdentity rotates the kubeconfig of a cluster while another Secret waits for the same cluster: that one stays refused.
func TestRotationKeepsIdentity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRemotes(newFakeSecrets(), "mizzen-system", watch.Options{}, nil)
		ctx, cancel := context.WithCancel(t.Context())
		secrets := urls("b", "c")
		for _, name := range []string{"b", "c"} {
			r.clusters(secrets)
			c := r.candidate(secretWith("s-"+name, map[string][]byte{name: kubeconfigOf(name)}), name)
			go r.identities.await(ctx, name, identity{c.revision, "B"})
			synctest.Wait()
		}
		secrets[0].Data["b"] = []byte(strings.Replace(string(kubeconfigOf("b")), "secret", "rotated", 1))
		all, _ := r.clusters(secrets)
		if len(all) != 2 || all[0].Wrong != "" || all[1].Name != "c" || all[1].Wrong == "" {
			t.Errorf("got %+v, want c refused while b is read", all)
		}
		cancel()
		synctest.Wait()
	})
}

// TestStoredClusterFirst starts with what is stored of cluster z: a Secret for the same API server that comes first by name does not
// take the API server from it.
func TestStoredClusterFirst(t *testing.T) {
	r := newRemotes(newFakeSecrets(), "mizzen-system", watch.Options{ClusterStates: stored{"z"}}, nil)
	all, _ := r.clusters([]*corev1.Secret{secretWith("a", map[string][]byte{"b": kubeconfigOf("z")}), secretWith("s", map[string][]byte{"z": kubeconfigOf("z")})})
	if len(all) != 2 || all[0].Name != "z" || all[0].Wrong != "" || all[1].Wrong == "" {
		t.Errorf("got %+v, want z joined, and b refused", all)
	}
}

type stored []string

func (s stored) Names() []string          { return s }
func (stored) Of(string) watch.StateStore { return nil }
func (stored) Drop(string)                {}

// TestIdentityOfRemoteCluster has a Feed ask for the identity of its cluster before it reads anything.
func TestIdentityOfRemoteCluster(t *testing.T) {
	namespaces := apischema.GroupResource{Resource: "namespaces"}
	system := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "kube-system", UID: "B"}}
	other := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "other", UID: "X"}}
	for name, test := range map[string]struct {
		err  error
		uid  types.UID
		told string
		lost bool
	}{
		"it tells":        {nil, "B", "", false},
		"it may not tell": {apierrors.NewForbidden(namespaces, "", errors.New("no role")), "", "Namespace kube-system of the cluster cannot be read: ", false},
		"it is away":      {errors.New("connection refused"), "nothing", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newFakeCluster(t, system, other)
				c.fail("namespaces", test.err)
				k := newFeed(typedBy(c.core), c.istio, watch.Options{Name: "b", Remote: true}.WithDefaults())
				uid := types.UID("nothing")
				k.admit = func(ctx context.Context, got types.UID) bool { uid = got; <-ctx.Done(); return false }
				ctx, cancel := context.WithCancel(t.Context())
				inbox, ended := watch.NewInbox(), make(chan error)
				go func() { ended <- k.Run(ctx, inbox) }()
				<-time.After(time.Minute)
				synctest.Wait()
				if uid != test.uid || k.Lost().IsZero() == test.lost {
					t.Errorf("got the UID %q, lost since %s; want %q, lost: %t", uid, k.Lost(), test.uid, test.lost)
				}
				changes, _ := inbox.Take()
				told := changes.Problems[object.Key{Kind: object.KindNamespace, Name: "kube-system", Cluster: "b"}]
				if (test.told != "") != (len(told) == 1) || test.told != "" && (!strings.HasPrefix(told[0].Message, test.told) || told[0].Severity != mesh.Info) {
					t.Errorf("got %v, want %q", told, test.told)
				}
				if len(changes.Objects) > 0 {
					t.Errorf("got %d objects before it is admitted", len(changes.Objects))
				}
				cancel()
				if err := <-ended; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestOwnIdentity reads the identity of the own cluster, and goes on without.
func TestOwnIdentity(t *testing.T) {
	system := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": "kube-system", "uid": "OWN"}}}
	client := newFakeSecrets()
	if err := client.Tracker().Add(system); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		err  error
		want types.UID
	}{{apierrors.NewForbidden(apischema.GroupResource{}, "", errors.New("no role")), ""}, {nil, "OWN"}} {
		client.PrependReactor("list", "namespaces", func(clienttesting.Action) (bool, runtime.Object, error) { return test.err != nil, nil, test.err })
		r := newRemotes(client, "mizzen-system", watch.Options{}, nil)
		r.identify(t.Context())
		if got := r.identities.ownUID(); got != test.want {
			t.Errorf("with error %v: got the identity %q, want %q", test.err, got, test.want)
		}
		client.ReactionChain = client.ReactionChain[1:]
	}
}
