//go:build e2e

package install_test

import (
	"archive/zip"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	agentImage = "mesh.test/agent:dev"
	agentPath  = "/var/run/mizzen.dev/agent/mizzen-agent.jar"
)

// javaAgent gives a pod the Java agent, which its container finds. A node whose runtime mounts no images gets it only by
// the init container, and check install says so. A container that has JAVA_TOOL_OPTIONS keeps it, which is a Problem.
func (l *installation) javaAgent(t *testing.T) {
	c, ns := l.c, l.ns
	size := l.loadAgent(t)
	want := fmt.Sprintf("-javaagent:%s\n%d\n", agentPath, size)
	configure := func(from string) {
		t.Helper()
		c.Kubectl(t, "--namespace", system, "patch", "configmap", "mizzen-injection", "--type=merge",
			fmt.Sprintf(`--patch={"data": {"agent": %q, "agent-image": %q}}`, from, agentImage))
		c.Await(t, "injection of the agent by "+from, func() error {
			text := c.Kubectl(t, "--namespace", ns, "run", "probe", "--image="+appImage, "--annotations=mizzen.dev/agent=java", "--dry-run=server", "--output=yaml")
			if !strings.Contains(text, "mizzen.dev/injected-agent: "+from) || !strings.Contains(text, agentImage) {
				return fmt.Errorf("got %s", text)
			}
			return nil
		})
	}
	configure("init")
	l.runsWithAgent(t, "agent-init", want)
	configure("image")
	if version := l.runtime(t); version != "" {
		t.Logf("NOT RUN: the agent from a mounted image: %s does not mount images", version)
		l.types(t, 1, "These nodes cannot mount the image with the Java agent: node-0 ("+version+")", "check", "install")
	} else {
		l.runsWithAgent(t, "agent-image", want)
	}
	configure("init")
	own := strings.NewReplacer("name: agent-own}", "name: agent-own, annotations: {mizzen.dev/agent: java}}", "args:", "env: [{name: JAVA_TOOL_OPTIONS, value: -Xmx1g}], args:")
	c.Apply(t, ns, own.Replace(caller("agent-own", "node-0", "xds:///echo:80")))
	l.awaits(t, regexp.MustCompile(`NotInjected.*agent-own.*its own JAVA_TOOL_OPTIONS|agent-own.*NotInjected.*its own JAVA_TOOL_OPTIONS`), "inspect", "problems", "-n", ns)
	c.Kubectl(t, "--namespace", ns, "delete", "pod", "agent-own", "--now")
	apply(t, c, "dev")
}

// runsWithAgent runs a pod that prints the variable and the size of the agent, as a JVM would find them.
func (l *installation) runsWithAgent(t *testing.T, name, want string) {
	t.Helper()
	l.c.Apply(t, l.ns, fmt.Sprintf(`
apiVersion: v1
kind: Pod
metadata: {name: %s, annotations: {mizzen.dev/agent: java}}
spec:
  nodeName: node-0
  restartPolicy: Never
  securityContext: {runAsUser: 1000}
  volumes:
  - {name: usr, hostPath: {path: /usr}}
  - {name: lib, hostPath: {path: /lib}}
  - {name: lib64, hostPath: {path: /lib64}}
  containers:
  - name: app
    image: %s
    imagePullPolicy: Never
    command: [/usr/bin/bash, -c, 'echo "$JAVA_TOOL_OPTIONS"; /usr/bin/stat -c %%s %s']
    volumeMounts:
    - {name: usr, mountPath: /usr, readOnly: true}
    - {name: lib, mountPath: /lib, readOnly: true}
    - {name: lib64, mountPath: /lib64, readOnly: true}
`, name, appImage, agentPath))
	l.c.Await(t, name+" has ended", func() error {
		phase := l.c.Kubectl(t, "--namespace", l.ns, "get", "pod", name, "--output=jsonpath={.status.phase}")
		if phase != "Succeeded" && phase != "Failed" {
			return fmt.Errorf("it is %s", phase)
		}
		return nil
	})
	if got := l.c.Kubectl(t, "--namespace", l.ns, "logs", name, "--container=app"); got != want {
		t.Errorf("%s printed %q, want %q", name, got, want)
	}
	l.c.Kubectl(t, "--namespace", l.ns, "delete", "pod", name, "--now")
}

// loadAgent loads an image like the control plane's, with an agent, and returns the size of the agent.
func (l *installation) loadAgent(t *testing.T) int64 {
	t.Helper()
	jar := filepath.Join(t.TempDir(), "agent.jar")
	file := must(os.Create(jar))(t)
	archive := zip.NewWriter(file)
	_, err := must(archive.Create("META-INF/MANIFEST.MF"))(t).Write([]byte("Premain-Class: none\r\n"))
	for _, err := range []error{err, archive.Close(), file.Close()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	l.c.Load(t, agentImage, "../../../cmd/controlplane", jar+":/mizzen-agent.jar")
	return must(os.Stat(jar))(t).Size()
}

// runtime returns the container runtime of node-0 if it does not mount images, and an empty text if it does.
func (l *installation) runtime(t *testing.T) string {
	t.Helper()
	version := must(l.c.Core.CoreV1().Nodes().Get(t.Context(), "node-0", metav1.GetOptions{}))(t).Status.NodeInfo.ContainerRuntimeVersion
	found := regexp.MustCompile(`^containerd://(\d+)\.(\d+)\.`).FindStringSubmatch(version)
	if found == nil {
		t.Fatalf("%q is not a version of containerd", version)
	}
	major, minor := must(strconv.Atoi(found[1]))(t), must(strconv.Atoi(found[2]))(t)
	if major > 2 || major == 2 && minor >= 1 {
		return ""
	}
	return version
}
