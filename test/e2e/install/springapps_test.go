//go:build e2e && spring

package install_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mizzen-mesh/mizzen/test/e2e/node"
)

// loadSpring loads the control plane's image with the Java agent, and an image with a JRE and the Spring application, on all nodes.
// test/spring/setup.sh has built what is in them.
func loadSpring(t *testing.T, c *node.Cluster) {
	t.Helper()
	parts := map[string]string{}
	cmd := exec.CommandContext(t.Context(), "../../spring/setup.sh", "nodes")
	cmd.Stderr = os.Stderr
	for line := range strings.Lines(string(must(cmd.Output())(t))) {
		name, path, _ := strings.Cut(strings.TrimSpace(line), "=")
		parts[name] = path
	}
	c.Load(t, planeImage, "../../../cmd/controlplane", parts["agent"]+":/mizzen-agent.jar")
	files := []string{parts["boot35"] + ":/application.jar"}
	for _, entry := range must(os.ReadDir(parts["rootfs"]))(t) {
		files = append(files, parts["rootfs"]+"/"+entry.Name()+":/"+entry.Name())
	}
	c.Load(t, springImage, "../node/app", files...)
}

// springObjects are the Services and Deployments. sc-b is in the lane gray.
func springObjects() string {
	var b strings.Builder
	for _, app := range []struct{ name, labels string }{{"sc-a", ""}, {"sc-b", ", lane: gray"}} {
		fmt.Fprintf(&b, `
---
apiVersion: v1
kind: Service
metadata: {name: %[1]s}
spec: {selector: {app: %[1]s}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s}
spec:
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s%[2]s}}
    spec:
      containers:
      - {%[3]s}
`, app.name, app.labels, springContainer(app.name))
	}
	for _, app := range []struct{ version, labels string }{{"v1", ""}, {"v2", ", lane: gray"}} {
		fmt.Fprintf(&b, `
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: go-sc-a-%[1]s}
spec:
  selector: {matchLabels: {app: go-sc-a, version: %[1]s}}
  template:
    metadata: {labels: {app: go-sc-a, version: %[1]s%[2]s}}
    spec:
      containers:
      - name: app
        image: %[3]s
        imagePullPolicy: Never
        args: [serve]
        env: [{name: VERSION, value: %[1]s}]
        readinessProbe: {grpc: {port: 50051}, periodSeconds: 1}
        lifecycle: {preStop: {sleep: {seconds: 3}}}
`, app.version, app.labels, appImage)
	}
	return b.String() + `
---
apiVersion: v1
kind: Service
metadata: {name: go-sc-a}
spec: {selector: {app: go-sc-a}, ports: [{name: http, port: 80, targetPort: 8080}, {name: grpc, port: 50051}]}
`
}

func springContainer(app string) string {
	return fmt.Sprintf("name: app, image: %s, imagePullPolicy: Never, readinessProbe: {httpGet: {path: /A, port: 8080}, periodSeconds: 1}, "+
		"command: [java, -XX:TieredStopAtLevel=1, -XX:+UseSerialGC, -Xmx192m, -jar, /application.jar, --spring.application.name=%s]", springImage, app)
}

// springPod is a pod of an application with this JAVA_TOOL_OPTIONS.
func springPod(app, options string) string {
	return fmt.Sprintf(`
apiVersion: v1
kind: Pod
metadata: {name: %s}
spec:
  containers:
  - {%s, env: [{name: JAVA_TOOL_OPTIONS, value: %q}]}
`, app, springContainer(app), options)
}

// springCall is a call that a Spring application is asked for.
type springCall struct {
	Client  string            `json:"client"`
	Method  string            `json:"method"`
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers,omitempty"`
}

// springAnswer is what became of a call.
type springAnswer struct {
	Status int    `json:"status"`
	Body   string `json:"body"`
	Error  string `json:"error"`
}

// version returns the version that answered; empty if the call failed.
func (a springAnswer) version() string {
	var body struct {
		Version string `json:"version"`
	}
	if a.Status != http.StatusOK || json.Unmarshal([]byte(a.Body), &body) != nil {
		return ""
	}
	return body.Version
}

// ask has an application make a call. inbound are headers of the request that asks for it.
func (s *springStory) ask(t *testing.T, app string, call springCall, inbound map[string]string) springAnswer {
	t.Helper()
	a, err := askAt(s.pod(t, "app="+app).Status.PodIP, call, inbound)
	if err != nil {
		a.Error = err.Error()
	}
	return a
}

func askAt(address string, call springCall, inbound map[string]string) (a springAnswer, err error) {
	call.Method = http.MethodGet
	text, err := json.Marshal(call)
	if err != nil {
		return a, err
	}
	request, err := http.NewRequest(http.MethodPost, "http://"+address+":8080/calls", bytes.NewReader(text))
	if err != nil {
		return a, err
	}
	request.Header.Set("Content-Type", "application/json")
	for name, value := range inbound {
		request.Header.Set(name, value)
	}
	answers := []springAnswer{}
	if err = fetch(request, &answers); err == nil && len(answers) != 1 {
		err = fmt.Errorf("got %d answers", len(answers))
	}
	if err != nil {
		return a, err
	}
	return answers[0], nil
}

// instances asks the DiscoveryClient of an application.
func (s *springStory) instances(t *testing.T, app, service string) (addresses []string) {
	t.Helper()
	request := must(http.NewRequest(http.MethodGet, "http://"+s.pod(t, "app="+app).Status.PodIP+":8080/instances?service="+service, http.NoBody))(t)
	if err := fetch(request, &addresses); err != nil {
		t.Fatal(err)
	}
	return addresses
}

func fetch(request *http.Request, to any) error {
	response, err := (&http.Client{Timeout: node.Patience}).Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", response.Status, text)
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(text, to)
}

// springCalls has an application make a call continuously until the test ends.
func (s *springStory) springCalls(t *testing.T, app string, call springCall) *node.Calls {
	t.Helper()
	address := s.pod(t, "app="+app).Status.PodIP
	k := &node.Calls{Cluster: s.c, Namespace: shop, Pod: app + " by " + call.Client + " to " + call.URL, Versions: versions}
	c := &counter{ended: make(chan struct{}), by: map[string]int{}}
	k.Read = c.read
	var running sync.WaitGroup
	running.Go(func() { c.run(func() (springAnswer, error) { return askAt(address, call, nil) }) })
	s.end = append(s.end, func() {
		close(c.ended)
		running.Wait()
	})
	k.Begin(t)
	return k
}

// counter counts the answers of calls, as pods that call do.
type counter struct {
	ended chan struct{}

	mu  sync.Mutex // protects the fields below
	sum node.Tally
	by  map[string]int
}

func (c *counter) read(*testing.T) node.Tally {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sum
}

// run makes 50 calls per second, at random times: the clients of an application share one round robin, and if two of them called in turn,
// each would get the same endpoint each time.
func (c *counter) run(call func() (springAnswer, error)) {
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for {
		select {
		case <-c.ended:
			return
		case <-second.C:
			c.mu.Lock()
			c.sum.By, c.by = c.by, map[string]int{}
			c.mu.Unlock()
		case <-time.After(rand.N(40 * time.Millisecond)):
			a, err := call()
			c.count(a, err)
		}
	}
}

func (c *counter) count(a springAnswer, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch version := a.version(); {
	case version != "":
		c.sum.OK++
		c.by[version]++
	case c.sum.OK > 0:
		c.sum.Failed++
		c.sum.Error = fmt.Sprintf("%s %+v %v", time.Now().UTC().Format(time.TimeOnly), a, err)
	}
}
