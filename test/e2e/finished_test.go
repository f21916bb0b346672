//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// TestFinishedPodsNeverArrive has the API server send only pods that may call or serve: not those without a node, and not those
// that have finished. It measures what a list is without the others.
func TestFinishedPodsNeverArrive(t *testing.T) {
	install(t, "overlays/dev")
	p := startControlPlane(t, "--kubeconfig", accountKubeconfig(t), "--identity", "proof")
	ns := newNamespace(t)
	await(t, "service account", func() error {
		_, err := suite.core.CoreV1().ServiceAccounts(ns).Get(t.Context(), "default", metav1.GetOptions{})
		return err
	})
	pods := suite.core.CoreV1().Pods(ns)
	create := func(name, node string) {
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.PodSpec{NodeName: node, Containers: []corev1.Container{{Name: "app", Image: "x"}}}}
		must(pods.Create(t.Context(), pod, metav1.CreateOptions{}))(t)
	}
	// The suite's kubelet says of each new pod that it runs.
	become := func(name string, phase corev1.PodPhase) {
		await(t, name+" runs", func() error {
			pod, err := pods.Get(t.Context(), name, metav1.GetOptions{})
			if err == nil && pod.Status.Phase != corev1.PodRunning {
				err = fmt.Errorf("its phase is %s", pod.Status.Phase)
			}
			return err
		})
		must(pods.Patch(t.Context(), name, types.MergePatchType, fmt.Appendf(nil, `{"status": {"phase": %q}}`, phase), metav1.PatchOptions{}, "status"))(t)
	}
	expect := func(when string, want ...string) {
		t.Helper()
		await(t, when, func() error {
			var all []mesh.Ref
			if err := yaml.Unmarshal([]byte(must(httpGet(t, "http://"+p.admin+"/api/objects"))(t)), &all); err != nil {
				return err
			}
			var got []string
			for _, ref := range all {
				if ref.Kind == "Pod" && ref.Namespace == ns {
					got = append(got, ref.Name)
				}
			}
			slices.Sort(got)
			if !slices.Equal(got, want) {
				return fmt.Errorf("got the pods %q, want %q", got, want)
			}
			return nil
		})
	}
	create("placed", "node-f")
	create("waiting", "")
	create("job", "node-f")
	expect("pods with a node", "job", "placed")
	become("job", corev1.PodSucceeded)
	expect("one has finished", "placed")
	for i := range 100 {
		create(fmt.Sprint("job-", i), "node-f")
	}
	for i := range 100 {
		become(fmt.Sprint("job-", i), corev1.PodSucceeded)
	}
	create("last", "node-f")
	expect("a hundred have finished", "last", "placed")
	size := func(fields string) int {
		text, err := suite.core.CoreV1().RESTClient().Get().Namespace(ns).Resource("pods").Param("fieldSelector", fields).
			SetHeader("Accept", "application/vnd.kubernetes.protobuf").DoRaw(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return len(text)
	}
	all, read := size(""), size(object.KindPod.Row().Fields)
	t.Logf("a list of the namespace has %d bytes with finished pods, and %d without", all, read)
	if read*10 > all {
		t.Errorf("a list without 101 finished pods of 104 has %d bytes of %d", read, all)
	}
}
