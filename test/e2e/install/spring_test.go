//go:build e2e && spring

package install_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/mizzen-mesh/mizzen/test/e2e/node"
)

const springImage = "mesh.test/spring:dev"

// TestSpring follows docs/SPRING.md in a cluster, with the commands of that page. The stock Spring Cloud applications sc-a and sc-b, without a registry,
// and the Go application go-sc-a in two versions run in pods. They are given nothing but what is injected, and are discovered by their Services.
// The steps depend on each other.
func TestSpring(t *testing.T) {
	c := node.Up(t)
	loadSpring(t, c)
	install(t, c, "dev")
	t.Cleanup(func() { c.Kubectl(t, "delete", "namespace", system, "--timeout="+node.Patience.String()) })
	page := transcripts(t, c, "docs/SPRING.md", "In a cluster")
	c.CreateNamespace(t, shop)
	s := &springStory{installation: newInstallation(t, c, shop), page: page}
	defer s.stop()
	lanes := strings.ReplaceAll(fenced(t, "docs/SPRING.md", "Lanes", "yaml")[0], "orders", "go-sc-a")
	s.subsets, s.lanes, _ = strings.Cut(lanes, "---\n")
	c.Apply(t, shop, springObjects()+"---\n"+s.subsets)
	s.rolledOut(t)

	s.step("without the agent the mesh is not there", s.isNotThere)
	s.step("the namespace is labeled", func(t *testing.T) {
		s.page.run(t, "kubectl label namespace")
		s.rolledOut(t)
		s.startCalls(t)
	})
	s.step("applications discover each other by their Services", s.discover)
	s.step("weights", func(t *testing.T) {
		s.shift(t, 100, 0)
		s.shift(t, 50, 50)
		s.shift(t, 0, 100)
		s.shift(t, 100, 0)
	})
	s.step("a route by a header", s.headerRoute)
	s.step("a lane", s.lane)
	s.step("questions", s.questions)
	s.step("the control plane is away, and comes back", func(t *testing.T) {
		s.scale(t, 0)
		for _, k := range s.calls {
			k.Continue(t, "the control plane went away", 100)
		}
		s.scale(t, 2)
		s.shift(t, 0, 100)
	})
	s.step("a container with options of its own", s.ownOptions)
}

type springStory struct {
	*installation

	page page
	// mesh are the calls that the rules of go-sc-a apply to.
	mesh []*node.Calls
	// subsets and lanes are the rules that docs/SPRING.md has for lanes. The subsets are base, which is v1, and gray, which is v2.
	subsets, lanes string
	// end stops the calls of Spring applications.
	end []func()
}

func (s *springStory) stop() {
	for _, end := range s.end {
		end()
	}
}

func (s *springStory) rolledOut(t *testing.T) {
	t.Helper()
	for _, name := range []string{"sc-a", "sc-b", "go-sc-a-v1", "go-sc-a-v2"} {
		s.c.AwaitRollout(t, shop, "deployment/"+name)
	}
}

// scale sets the number of replicas of the control plane, and waits until they serve or are gone.
func (s *springStory) scale(t *testing.T, replicas int) {
	t.Helper()
	s.c.Kubectl(t, "--namespace", system, "scale", "deployment/mizzen", fmt.Sprintf("--replicas=%d", replicas))
	s.c.Await(t, fmt.Sprintf("%d replicas", replicas), func() error {
		pods, err := s.c.Core.CoreV1().Pods(system).List(t.Context(), metav1.ListOptions{})
		if err == nil && len(pods.Items) != replicas {
			err = fmt.Errorf("there are %d", len(pods.Items))
		}
		return err
	})
	s.c.AwaitRollout(t, system, "deployment/mizzen")
}

// isNotThere: the application does not find a Service by a name of the mesh, so that what it finds later is what the agent does.
func (s *springStory) isNotThere(t *testing.T) {
	if got := s.ask(t, "sc-a", springCall{Client: "RestTemplate", URL: "http://go-sc-a/A"}, nil); got.version() != "" {
		t.Errorf("got %+v, want no answer", got)
	}
	if got := s.c.Kubectl(t, "--namespace", shop, "get", "pods", "--output=json"); strings.Contains(got, "mizzen") || strings.Contains(got, "GRPC_XDS") {
		t.Error("the pods have something of the mesh")
	}
}

// startCalls starts calls in every direction.
func (s *springStory) startCalls(t *testing.T) {
	s.mesh = []*node.Calls{
		s.springCalls(t, "sc-a", springCall{Client: "RestTemplate", URL: "http://go-sc-a/A"}),
		s.springCalls(t, "sc-a", springCall{Client: "WebClient", URL: "http://go-sc-a.shop/A"}),
		node.StartCalls(t, s.c, shop, "go-sc-b", caller("go-sc-b", "node-1", "xds:///go-sc-a:50051"), versions...),
	}
	s.calls = append(slices.Clone(s.mesh),
		s.springCalls(t, "sc-a", springCall{Client: "RestTemplate", URL: "http://sc-b/A"}),
		node.StartCalls(t, s.c, shop, "go-sc-c", caller("go-sc-c", "node-0", "http://sc-a/A"), versions...),
	)
}

func (s *springStory) discover(t *testing.T) {
	for _, k := range s.mesh {
		k.Only(t, "v1", "v2")
	}
	for _, k := range s.calls[len(s.mesh):] {
		k.Only(t, "v1")
	}
	var want []string
	for _, version := range []string{"v1", "v2"} {
		want = append(want, s.pod(t, "app=go-sc-a,version="+version).Status.PodIP+":8080")
	}
	got := s.instances(t, "sc-a", "go-sc-a")
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("DiscoveryClient has %v, want %v", got, want)
	}
}

// shift sets the weights of go-sc-a, and waits until all callers follow.
func (s *springStory) shift(t *testing.T, v1, v2 int) {
	t.Helper()
	s.c.Apply(t, shop, springSplit(v1, v2))
	var versions []string
	for version, weight := range map[string]int{"v1": v1, "v2": v2} {
		if weight > 0 {
			versions = append(versions, version)
		}
	}
	for _, k := range s.mesh {
		k.Only(t, versions...)
	}
}

// springSplit is split for go-sc-a, by the subsets of docs/SPRING.md.
func springSplit(v1, v2 int) string {
	return strings.NewReplacer("echo", "go-sc-a", "subset: v1", "subset: base", "subset: v2", "subset: gray").Replace(split(v1, v2))
}

func (s *springStory) headerRoute(t *testing.T) {
	s.c.Apply(t, shop, strings.Replace(springSplit(100, 0), "  http:\n", `  http:
  - match: [{headers: {x-user: {exact: tester}}}]
    route: [{destination: {host: go-sc-a, subset: gray}}]
`, 1))
	for _, client := range []string{"RestTemplate", "WebClient"} {
		s.answers(t, "v2", "sc-a", springCall{Client: client, URL: "http://go-sc-a/A", Headers: map[string]string{"x-user": "tester"}}, nil)
	}
	for _, k := range s.mesh {
		k.Only(t, "v1")
	}
}

// lane applies the rules of docs/SPRING.md. The request that the application answers is in the lane, and so are the calls of a pod that is in it.
func (s *springStory) lane(t *testing.T) {
	s.c.Apply(t, shop, s.lanes)
	const url = "http://go-sc-a/A"
	for _, client := range []string{"RestTemplate", "WebClient"} {
		for name, value := range map[string]string{"baggage": "user=ann,lane=gray", "x-lane": "gray"} {
			s.answers(t, "v2", "sc-a", springCall{Client: client, URL: url}, map[string]string{name: value})
		}
	}
	s.answers(t, "v2", "sc-b", springCall{Client: "RestTemplate", URL: url}, nil)
	for _, k := range s.mesh {
		k.Only(t, "v1")
	}
}

// questions are those of docs/SPRING.md.
func (s *springStory) questions(t *testing.T) {
	got := s.page.run(t, "controlplane inspect clients")
	for _, name := range []string{"sc-a", "sc-b"} {
		pod := s.pod(t, "app="+name).Name
		if want := regexp.MustCompile(regexp.QuoteMeta("pod/"+shop+"/"+pod) + ` .*mizzen-java-agent`); !want.MatchString(got) {
			t.Errorf("inspect clients does not show %s as a Java agent:\n%s", pod, got)
		}
	}
	for _, want := range []string{`"connected":true`, `"go-sc-a":{"presence":"KNOWN"`} {
		if !strings.Contains(got, want) {
			t.Errorf("the state of sc-a is without %s:\n%s", want, got)
		}
	}
	if strings.Contains(got, "mizzen: ") {
		t.Errorf("the command that prints the state starts the agent for itself:\n%s", got)
	}
	if got := s.types(t, 0, "", "inspect", "problems", "-n", shop); strings.Contains(got, "warning") || strings.Contains(got, "error") {
		t.Errorf("rules without a mistake have Problems:\n%s", got)
	}
	got = s.page.run(t, "mkdir rules")
	for _, want := range []string{
		"name: go-sc-a",
		"0 errors",
		"the call goes to the only endpoint",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in:\n%s", want, got)
		}
	}
}

// ownOptions: a container that sets JAVA_TOOL_OPTIONS keeps them, and a Problem says what to add. With that it has the agent.
func (s *springStory) ownOptions(t *testing.T) {
	const own = "-Xmx128m"
	s.c.Apply(t, shop, springPod("sc-own", own))
	s.logs(t, "sc-own", "Picked up JAVA_TOOL_OPTIONS: "+own+"\n")
	s.awaits(t, regexp.MustCompile(`NotInjected.*sc-own.*its own JAVA_TOOL_OPTIONS|sc-own.*NotInjected.*its own JAVA_TOOL_OPTIONS`), "inspect", "problems", "-n", shop)
	if got := s.c.Logs(t, shop, "sc-own"); strings.Contains(got, "mizzen: ") {
		t.Errorf("a container with options of its own has the agent:\n%s", got)
	}
	s.c.Kubectl(t, "--namespace", shop, "delete", "pod", "sc-own", "--now")
	s.c.Apply(t, shop, springPod("sc-both", own+" -javaagent:"+agentPath))
	s.logs(t, "sc-both", "calls of Spring Cloud's clients follow the mesh")
	s.c.Kubectl(t, "--namespace", shop, "delete", "pod", "sc-both", "--now")
}

// logs waits until the application of a pod has printed a text.
func (s *springStory) logs(t *testing.T, pod, want string) {
	t.Helper()
	s.c.Kubectl(t, "--namespace", shop, "wait", "--for=jsonpath={.status.phase}=Running", "pod/"+pod, "--timeout="+node.Patience.String())
	s.c.Await(t, pod+" prints "+want, func() error {
		if got := s.c.Kubectl(t, "--namespace", shop, "logs", pod, "--container=app"); !strings.Contains(got, want) {
			return fmt.Errorf("got %s", got)
		}
		return nil
	})
}

// answers waits until this version has answered twenty calls in a row that an application makes. inbound are headers of the request that asks for them.
func (s *springStory) answers(t *testing.T, version, app string, call springCall, inbound map[string]string) {
	t.Helper()
	s.c.Await(t, fmt.Sprintf("calls of %s with %+v, asked for with %v, are answered by %s", app, call, inbound, version), func() error {
		for range 20 {
			if got := s.ask(t, app, call, inbound); got.version() != version {
				return fmt.Errorf("got %+v", got)
			}
		}
		return nil
	})
}

// pod returns the only pod that a selector selects.
func (s *springStory) pod(t *testing.T, selector string) (pod corev1.Pod) {
	t.Helper()
	s.c.Await(t, "one pod with "+selector, func() error {
		pods, err := s.c.Core.CoreV1().Pods(shop).List(t.Context(), metav1.ListOptions{LabelSelector: selector})
		if err != nil {
			return err
		}
		if len(pods.Items) != 1 {
			return fmt.Errorf("there are %d", len(pods.Items))
		}
		pod = pods.Items[0]
		return nil
	})
	return pod
}
