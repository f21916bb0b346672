package examples

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// languages are the examples, by folder.
var languages = []string{"go", "java", "node", "python"}

// folder is where the example of a language is.
func folder(language string) string { return filepath.Join("../../../examples", language) }

// manifest is one of the files server.yaml and client.yaml.
type manifest struct {
	account    corev1.ServiceAccount
	deployment appsv1.Deployment
	service    *corev1.Service
}

// readManifest reads a file as the API server does that is told to be strict.
func readManifest(t *testing.T, language, role string) manifest {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder(language), role+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var m manifest
	for document := range bytes.SplitSeq(text, []byte("\n---\n")) {
		var kind struct{ APIVersion, Kind string }
		if err := yaml.Unmarshal(document, &kind); err != nil {
			t.Fatal(err)
		}
		var into any
		switch kind.APIVersion + " " + kind.Kind {
		case "v1 ServiceAccount":
			into = &m.account
		case "apps/v1 Deployment":
			into = &m.deployment
		case "v1 Service":
			m.service = &corev1.Service{}
			into = m.service
		default:
			t.Fatalf("%s of %s: %+v is not expected", role, language, kind)
		}
		if err := yaml.UnmarshalStrict(document, into); err != nil {
			t.Fatalf("%s of %s: %+v: %v", role, language, kind, err)
		}
	}
	return m
}

// container is the only one.
func (m manifest) container() corev1.Container { return m.deployment.Spec.Template.Spec.Containers[0] }

// setting is an environment variable with a value.
func (m manifest) setting(name string) string {
	for _, e := range m.container().Env {
		if e.Name == name {
			return e.Value
		}
	}
	return ""
}

// TestManifests: the parts of each manifest fit each other and the Dockerfile.
func TestManifests(t *testing.T) {
	for _, language := range languages {
		for _, role := range []string{"server", "client"} {
			t.Run(language+"/"+role, func(t *testing.T) {
				m := readManifest(t, language, role)
				pod := m.deployment.Spec.Template
				if got, want := pod.Spec.ServiceAccountName, m.account.Name; got != want || got == "" {
					t.Errorf("service account: got %q, want %q", got, want)
				}
				for key, value := range m.deployment.Spec.Selector.MatchLabels {
					if pod.Labels[key] != value {
						t.Errorf("the Deployment selects %s=%s, and its pods have %v", key, value, pod.Labels)
					}
				}
				image := fmt.Sprintf("greeter-%s-%s:dev", role, language)
				if got := m.container().Image; got != image {
					t.Errorf("image: got %q, want %q", got, image)
				}
				recipe, err := os.ReadFile(filepath.Join(folder(language), "Dockerfile"))
				if err != nil {
					t.Fatal(err)
				}
				if want := "# docker build --target " + role + " --tag " + image + " .\n"; !strings.Contains(string(recipe), want) {
					t.Errorf("the Dockerfile does not say %q", want)
				}
				if role == "server" {
					checkServer(t, m)
				} else if got := m.setting("TARGET"); got != "xds:///"+readManifest(t, language, "server").service.Name {
					t.Errorf("the client calls %q", got)
				}
			})
		}
	}
}

func checkServer(t *testing.T, m manifest) {
	t.Helper()
	for key, value := range m.service.Spec.Selector {
		if m.deployment.Spec.Template.Labels[key] != value {
			t.Errorf("the Service selects %s=%s, which pods do not have", key, value)
		}
	}
	port := m.container().Ports[0]
	if got := m.service.Spec.Ports[0].TargetPort.StrVal; got != port.Name {
		t.Errorf("the Service leads to port %q, want %q", got, port.Name)
	}
	if got, want := m.setting("PORT"), fmt.Sprint(port.ContainerPort); got != want {
		t.Errorf("PORT: got %q, want %q", got, want)
	}
	asked := int32(0)
	switch probe := m.container().ReadinessProbe; {
	case probe.GRPC != nil:
		asked = probe.GRPC.Port
	case probe.TCPSocket != nil:
		asked = probe.TCPSocket.Port.IntVal
	}
	if asked != port.ContainerPort {
		t.Errorf("the probe asks port %d, want %d", asked, port.ContainerPort)
	}
	if got, want := m.setting("VERSION"), m.deployment.Spec.Template.Labels["version"]; got != want {
		t.Errorf("VERSION: got %q, want the label %q", got, want)
	}
}

// TestService: all languages have the same service, each in a copy of its own.
func TestService(t *testing.T) {
	var first []byte
	for _, path := range []string{
		"go/greeterpb/greeter.proto", "java/src/main/proto/greeter.proto", "node/greeter.proto", "python/greeter.proto",
	} {
		text, err := os.ReadFile(folder(path))
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = text
		}
		if !bytes.Equal(text, first) {
			t.Errorf("%s differs from the service of the other languages", path)
		}
	}
}
