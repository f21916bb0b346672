//go:build e2e && mtls

package install_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/mizzen-mesh/mizzen/test/e2e/node"
)

// stranger runs a client with another account, and checks that all of its calls are refused by the policy.
func (s *mtlsStory) stranger(t *testing.T) {
	s.c.Await(t, "the stranger is refused", func() error {
		return s.refused(s.c.Logs(t, shop, "stranger"))
	})
	s.page.run(t, "kubectl -n shop logs stranger")
}

// refused checks what a client of examples/go printed: no call succeeded, and five in a row were refused by the policy.
func (s *mtlsStory) refused(text string) error {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if strings.Contains(text, "answered by") {
		return fmt.Errorf("a call of a stranger has succeeded: %s", text)
	}
	lines = slices.DeleteFunc(lines, func(line string) bool { return !strings.Contains(line, "PermissionDenied") })
	if len(lines) < 5 {
		return fmt.Errorf("got %s", text)
	}
	return nil
}

// dryRun tries a policy that would deny everything. No call fails, which step checks, and C-core logs what would be denied.
func (s *mtlsStory) dryRun(t *testing.T) {
	got := s.page.run(t, "kubectl apply -f next.yaml")
	if want := regexp.MustCompile(`greeter-next +DENY \(dry run\) .* greeter\.shop:50051 +shop/greeter-client\b`); !want.MatchString(got) {
		t.Errorf("nothing matches %s in:\n%s", want, got)
	}
	s.acknowledged(t)
	s.peers(t, callerID)
	if !slices.ContainsFunc(s.apps.programs, func(p program) bool { return p.language == "python" }) {
		return
	}
	pod := s.servers(t, "python")[0]
	s.c.Await(t, "the server in Python logs what would be denied", func() error {
		if text := s.c.Logs(t, shop, pod.Name); !strings.Contains(text, "shop/greeter-next would ") {
			return fmt.Errorf("its log is %s", text)
		}
		return nil
	})
}

// probes checks that kubelet finds the servers ready by the probes that they had before, that they present their certificates to pods, and what else
// reaches them in plaintext. This process has
// the address from which the kubelet of node 0 probes.
func (s *mtlsStory) probes(t *testing.T) {
	root := s.authority(t)
	for _, p := range s.apps.programs {
		for _, pod := range s.servers(t, p.language) {
			if !slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool { return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue }) ||
				pod.Status.ContainerStatuses[0].RestartCount > 0 {
				t.Errorf("%s is not ready, or was restarted", pod.Name)
			}
			if err := s.presented(t, &pod).CheckSignatureFrom(root); err != nil {
				t.Errorf("%s presents a certificate of another authority: %v", pod.Name, err)
			}
			healthy, call := inPlaintext(t, pod.Status.PodIP)
			if want := p.probe == grpcProbe && pod.Spec.NodeName == "node-0"; healthy != want {
				t.Errorf("%s on %s: got an answer to a health check in plaintext from node-0: %t, want %t", pod.Name, pod.Spec.NodeName, healthy, want)
			}
			if call != codes.Unavailable {
				t.Errorf("%s on %s: a call in plaintext from node-0 ended with %v, want Unavailable", pod.Name, pod.Spec.NodeName, call)
			}
		}
	}
}

// inPlaintext returns whether a server answers a health check, and the code with which it ends another call.
func inPlaintext(t *testing.T, address string) (healthy bool, call codes.Code) {
	t.Helper()
	channel := must(grpc.NewClient(address+":50051", grpc.WithTransportCredentials(insecure.NewCredentials())))(t)
	defer channel.Close()
	ctx, cancel := context.WithTimeout(t.Context(), node.Patience)
	defer cancel()
	_, err := healthpb.NewHealthClient(channel).Check(ctx, &healthpb.HealthCheckRequest{})
	healthy = err == nil
	_, err = testpb.NewTestServiceClient(channel).UnaryCall(ctx, &testpb.SimpleRequest{})
	return healthy, status.Code(err)
}

// thief runs a server that names itself like another pod. Mizzen refuses it, since its address proves which pod it is, so it does not serve. The
// other pod serves on, which step checks.
func (s *mtlsStory) thief(t *testing.T) {
	victim := s.servers(t, "go")[0]
	var bootstrap string
	for _, env := range victim.Spec.Containers[0].Env {
		if env.Name == "GRPC_XDS_BOOTSTRAP_CONFIG" {
			bootstrap = strings.NewReplacer("$(MIZZEN_NAMESPACE)", shop, "$(MIZZEN_POD)", victim.Name).Replace(env.Value)
		}
	}
	pod := victim.DeepCopy()
	pod.ObjectMeta = metav1.ObjectMeta{Name: "thief", Namespace: shop, Annotations: map[string]string{"mizzen.dev/inject": "false"}}
	pod.Spec.NodeName, pod.Spec.Containers[0].ReadinessProbe = "", nil
	pod.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "GRPC_XDS_BOOTSTRAP_CONFIG", Value: bootstrap}}
	before := s.refusals(t)
	must(s.c.Core.CoreV1().Pods(shop).Create(t.Context(), pod, metav1.CreateOptions{}))(t)
	s.c.AwaitReady(t, shop, "pod/thief")
	s.c.Await(t, "Mizzen refuses a pod that names itself like another", func() error {
		if now := s.refusals(t); now <= before {
			return fmt.Errorf("it has refused %v streams, before as many as %v", now, before)
		}
		return nil
	})
	if text := s.c.Logs(t, shop, "thief"); strings.Contains(text, "\nserving") {
		t.Errorf("the pod serves: %s", text)
	}
	s.c.Kubectl(t, "--namespace", shop, "delete", "pod", "thief", "--now")
}

// refusals is the number of streams that the replicas have refused because they contradict their proof.
func (s *mtlsStory) refusals(t *testing.T) (sum float64) {
	t.Helper()
	pods := must(s.c.Core.CoreV1().Pods(system).List(t.Context(), metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=mizzen"}))(t)
	for i := range pods.Items {
		response := must(http.Get("http://" + pods.Items[i].Status.PodIP + ":15020/metrics"))(t)
		for lines := bufio.NewScanner(response.Body); lines.Scan(); {
			if text, ok := strings.CutPrefix(lines.Text(), `mizzen_xds_streams_refused_total{reason="contradiction"} `); ok {
				sum += must(strconv.ParseFloat(text, 64))(t)
			}
		}
		response.Body.Close()
	}
	return sum
}

// servers are the running servers in a language.
func (s *mtlsStory) servers(t *testing.T, language string) (running []corev1.Pod) {
	t.Helper()
	var pods corev1.PodList
	text := s.c.Kubectl(t, "--namespace", shop, "get", "pods", "--selector=app=greeter,language="+language, "--output=json")
	if err := json.Unmarshal([]byte(text), &pods); err != nil {
		t.Fatal(err)
	}
	for i := range pods.Items {
		if pods.Items[i].DeletionTimestamp == nil {
			running = append(running, pods.Items[i])
		}
	}
	if len(running) == 0 {
		t.Fatalf("there is no server in %s", language)
	}
	return running
}
