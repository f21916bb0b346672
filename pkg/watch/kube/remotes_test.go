package kube

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	apischema "k8s.io/apimachinery/pkg/runtime/schema"
	dynamicfake "k8s.io/client-go/dynamic/fake"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
)

func kubeconfigOf(server string) []byte {
	return []byte(strings.Replace(kubeconfig, "b.example", server, 1))
}

func secretWith(name string, data map[string][]byte) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "mizzen-system", Name: name, Labels: map[string]string{"istio/multiCluster": "true"}}, Data: data}
}

// TestSecretsOfClusters reads Secrets of which some contradict each other.
func TestSecretsOfClusters(t *testing.T) {
	type data = map[string][]byte
	for name, test := range map[string]struct {
		secrets []*corev1.Secret
		// clusters are those that are read, with a ? if it is not known how; problems are objects, fields and texts.
		clusters, problems []string
	}{
		"two clusters in one Secret": {[]*corev1.Secret{secretWith("s", data{"b": kubeconfigOf("b"), "c": kubeconfigOf("c")})}, []string{"b", "c"}, nil},
		"a broken one beside another": {
			[]*corev1.Secret{secretWith("s", data{"b": []byte("{"), "c": kubeconfigOf("c")})},
			[]string{"b?", "c"},
			[]string{"Secret mizzen-system/s data[b] The kubeconfig cannot be read"},
		},
		"the name of the own cluster": {
			[]*corev1.Secret{secretWith("s", data{"a": kubeconfigOf("b")})}, nil, []string{`Secret mizzen-system/s data[a] "a" is the name of the control plane's own cluster`},
		},
		"the name of the own cluster, broken": {
			[]*corev1.Secret{secretWith("s", data{"a": []byte("{")})}, nil, []string{`Secret mizzen-system/s data[a] "a" is the name of the control plane's own cluster`},
		},
		"one name twice": {
			[]*corev1.Secret{secretWith("s", data{"b": kubeconfigOf("b")}), secretWith("t", data{"b": kubeconfigOf("c")})},
			[]string{"b"},
			[]string{"Secret mizzen-system/t data[b] Secret s has a cluster of that name, too"},
		},
		"one cluster under two names": {
			[]*corev1.Secret{secretWith("s", data{"b": kubeconfigOf("b"), "c": kubeconfigOf("b")})},
			[]string{"b", "c?"},
			[]string{"Secret mizzen-system/s data[c] Cluster b has the same API server, https://b:6443"},
		},
		"a name that is no name": {[]*corev1.Secret{secretWith("s", data{"_": kubeconfigOf("b")})}, nil, []string{`Secret mizzen-system/s data[_] "_" is not a name of a cluster`}},
		"the own API server": {
			[]*corev1.Secret{secretWith("s", data{"b": kubeconfigOf("OWN")})},
			[]string{"b?"},
			[]string{"Secret mizzen-system/s data[b] https://OWN:6443 is the API server of the control plane's own cluster. The cluster is not joined with itself"},
		},
		"one cluster, its server in capitals": {
			[]*corev1.Secret{secretWith("s", data{"b": kubeconfigOf("b"), "c": kubeconfigOf("B")})},
			[]string{"b", "c?"},
			[]string{"Secret mizzen-system/s data[c] Cluster b has the same API server, https://B:6443"},
		},
		"no data": {[]*corev1.Secret{secretWith("s", nil)}, nil, []string{"Secret mizzen-system/s data The Secret has no data, so no cluster is joined by it."}},
		"none":    {nil, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRemotes(newFakeSecrets(), "mizzen-system", watch.Options{Name: "a"}, nil)
			r.own = apiServer("https://own:6443/")
			remotes, refusals := r.clusters(test.secrets)
			var clusters, texts []string
			for _, r := range remotes {
				if r.Open == nil {
					r.Name += "?"
				}
				clusters = append(clusters, r.Name)
			}
			if !slices.Equal(clusters, test.clusters) {
				t.Errorf("got the clusters %q, want %q", clusters, test.clusters)
			}
			for _, r := range refusals {
				p := r.Problem
				texts = append(texts, fmt.Sprint(p.Object, " ", p.Field, " ", p.Message))
			}
			if !slices.EqualFunc(texts, test.problems, strings.HasPrefix) {
				t.Errorf("got the Problems %q, want %q", texts, test.problems)
			}
		})
	}
}

// TestNoSecretTakesClusterAway edits Secrets while cluster z is joined by Secret s. Whatever is wrong with that Secret or with another
// one, z stays in the list, so that what is known of it stays in effect.
func TestNoSecretTakesClusterAway(t *testing.T) {
	type data = map[string][]byte
	good := data{"z": kubeconfigOf("z")}
	for name, test := range map[string]struct {
		own   data
		other *corev1.Secret
		want  []string
	}{
		"another cluster has the API server":         {good, secretWith("a", data{"b": kubeconfigOf("z")}), []string{"z", "b?"}},
		"another Secret has the name":                {good, secretWith("a", data{"z": kubeconfigOf("b")}), []string{"z"}},
		"another Secret has the name, and is broken": {good, secretWith("a", data{"z": []byte("{")}), []string{"z"}},
		"broken":                                  {data{"z": []byte("{")}, nil, []string{"z?"}},
		"the API server of the own cluster":       {data{"z": kubeconfigOf("own")}, nil, []string{"z?"}},
		"the API server of another, which is new": {data{"z": kubeconfigOf("b")}, secretWith("a", data{"b": kubeconfigOf("b")}), []string{"z", "b?"}},
		"no data": {nil, nil, []string{"z?"}},
		"no data, and another Secret has its cluster": {nil, secretWith("a", data{"z": kubeconfigOf("z")}), []string{"z?"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRemotes(newFakeSecrets(), "mizzen-system", watch.Options{Name: "a"}, nil)
			r.own = apiServer("https://own:6443/")
			r.clusters([]*corev1.Secret{secretWith("s", good)})
			secrets := []*corev1.Secret{secretWith("s", test.own)}
			if test.other != nil {
				secrets = slices.Insert(secrets, 0, test.other)
			}
			for range 3 { // Each call begins with what the one before left.
				remotes, _ := r.clusters(secrets)
				var got []string
				for _, remote := range remotes {
					if remote.Open == nil {
						remote.Name += "?"
					}
					got = append(got, remote.Name)
				}
				if !slices.Equal(got, test.want) {
					t.Errorf("got the clusters %q, want %q", got, test.want)
				}
			}
			if remotes, _ := r.clusters(nil); len(remotes) > 0 {
				t.Errorf("without Secrets: got %v", remotes)
			}
		})
	}
}

func newFakeSecrets(secrets ...*corev1.Secret) *dynamicfake.FakeDynamicClient {
	objects := make([]runtime.Object, len(secrets))
	for i, s := range secrets {
		objects[i] = untyped(s)
	}
	kinds := map[apischema.GroupVersionResource]string{{Version: "v1", Resource: "secrets"}: "SecretList", {Version: "v1", Resource: "namespaces"}: "NamespaceList"}
	return dynamicfake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), kinds, objects...)
}

func untyped(s *corev1.Secret) *unstructured.Unstructured {
	object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(s)
	if err != nil {
		panic(err)
	}
	u := &unstructured.Unstructured{Object: object}
	u.SetAPIVersion("v1")
	u.SetKind("Secret")
	return u
}

// TestRemotesFollowSecrets changes Secrets while they are watched. A kubeconfig has another revision only if it, or the network
// of its cluster, is another one.
func TestRemotesFollowSecrets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		unlabeled := secretWith("unlabeled", map[string][]byte{"z": kubeconfigOf("z")})
		unlabeled.Labels = nil
		client := newFakeSecrets(secretWith("s", map[string][]byte{"b": kubeconfigOf("b")}), unlabeled)
		secrets := client.Resource(corev1.SchemeGroupVersion.WithResource("secrets")).Namespace("mizzen-system")
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		var last []watch.Remote
		updates := 0
		go func() {
			defer close(ended)
			_ = newRemotes(client, "mizzen-system", watch.Options{}, nil).Run(ctx, func(remotes []watch.Remote, _ []watch.Refusal) { last, updates = remotes, updates+1 })
		}()
		wait := func(when string, want ...string) {
			t.Helper()
			<-time.After(10 * time.Second)
			synctest.Wait()
			var got []string
			for _, r := range last {
				got = append(got, r.Name)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s: got the clusters %q, want %q", when, got, want)
			}
		}
		wait("at first", "b")
		first := last[0].Revision
		update := func(s *corev1.Secret) {
			if _, err := secrets.Update(ctx, untyped(s), metav1.UpdateOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		annotated := secretWith("s", map[string][]byte{"b": kubeconfigOf("b")})
		annotated.Annotations = map[string]string{"other": "x"}
		update(annotated)
		wait("another annotation", "b")
		if last[0].Revision != first {
			t.Error("another annotation makes another revision")
		}
		annotated.Annotations[mesh.LabelNetwork] = "n"
		update(annotated)
		wait("another network", "b")
		if last[0].Revision == first {
			t.Error("another network makes the same revision")
		}
		update(secretWith("s", map[string][]byte{"b": kubeconfigOf("new"), "c": kubeconfigOf("c")}))
		wait("another cluster", "b", "c")
		before := updates
		if err := secrets.Delete(ctx, "s", metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		wait("deleted")
		if updates == before {
			t.Error("the deletion was not reported")
		}
		cancel()
		<-ended
	})
}

// TestKubeconfigsAreReadOnce: a change of one Secret does not read the kubeconfigs of all others again, which may be large.
func TestKubeconfigsAreReadOnce(t *testing.T) {
	r := newRemotes(newFakeSecrets(), "mizzen-system", watch.Options{Name: "a"}, nil)
	configs := func(b, c string) map[string]*candidate {
		all := map[string]*candidate{}
		for _, read := range r.candidates([]*corev1.Secret{secretWith("s", map[string][]byte{"b": kubeconfigOf(b)}), secretWith("t", map[string][]byte{"c": kubeconfigOf(c)})}) {
			all[read.name] = read
		}
		return all
	}
	before, after := configs("b", "c"), configs("b", "d")
	if before["b"].config != after["b"].config {
		t.Error("the kubeconfig of the other Secret was read again")
	}
	if got := after["c"].server; got != "https://d:6443" {
		t.Errorf("got the server %s, want that of the new kubeconfig", got)
	}
	r.candidates(nil)
	if len(r.configs) > 0 {
		t.Error("kubeconfigs of Secrets that are gone are kept")
	}
}
