//go:build spring

package spring

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mizzen-mesh/mizzen/test/controlplane"
	"github.com/mizzen-mesh/mizzen/test/spring/provider"
)

// launch says how an application is started.
type launch struct {
	// jar and jdk are names of parts.
	jar, jdk string
	// options are for the JVM, in addition to the agent's; before has agents that are named before ours.
	before, options []string
	args            []string
	env             []string
	// beside is a folder with more classes of the application; empty means that there is none.
	beside string
	// unmeshed runs it without the agent.
	unmeshed bool
}

// application is a running JVM.
type application struct {
	t    *testing.T
	port string
	log  *controlplane.Buffer
	cmd  *exec.Cmd
	stop func()
}

var (
	portLine  = regexp.MustCompile(`started on port(?:\(s\):| )? ?(\d+)`)
	readyLine = regexp.MustCompile(`Started \w+ in [0-9.]+ seconds`)
)

// start starts an application on a free port, and waits until it is ready.
func start(t *testing.T, l launch) *application {
	t.Helper()
	args := append([]string{"-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dserver.address=127.0.0.1"}, l.before...)
	if agent := part(t, "agent"); agent != "none" && !l.unmeshed && !dependent(l.jar) {
		args = append(args, "-javaagent:"+agent)
	}
	if strings.HasSuffix(l.jar, "-aot") {
		args = append(args, "-Dspring.aot.enabled=true")
	}
	args = append(args, l.options...)
	if l.beside == "" {
		args = append(args, "-jar", part(t, l.jar))
	} else {
		args = append(args, "-Dloader.path="+l.beside, "-cp", part(t, l.jar), "org.springframework.boot.loader.launch.PropertiesLauncher")
	}
	args = append(args, "--server.port=0", "--spring.main.banner-mode=off")
	a := &application{t: t, log: &controlplane.Buffer{}, cmd: exec.Command(part(t, l.jdk), append(args, l.args...)...)}
	a.cmd.Env = append(os.Environ(), l.env...)
	a.cmd.Stdout, a.cmd.Stderr = a.log, a.log
	a.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := a.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = a.cmd.Wait()
		close(ended)
	}()
	a.stop = sync.OnceFunc(func() {
		_ = a.cmd.Process.Kill()
		<-ended
	})
	t.Cleanup(func() {
		a.stop()
		if t.Failed() || *verbose {
			t.Logf("log of %s:\n%s", l.jar, tail(a.log.String(), 20000))
		}
	})
	eventually(t, 2*patience, func() error {
		select {
		case <-ended:
			t.Fatalf("%s ended: %v", l.jar, a.cmd.ProcessState)
		default:
		}
		if text := a.log.String(); readyLine.MatchString(text) {
			a.port = portLine.FindStringSubmatch(text)[1]
			return nil
		}
		return fmt.Errorf("%s is not ready", l.jar)
	})
	return a
}

// dependent tells whether the starter is a dependency of an application.
func dependent(jar string) bool {
	return strings.HasSuffix(jar, "-starter") || strings.HasSuffix(jar, "-aot")
}

func tail(text string, n int) string { return text[max(0, len(text)-n):] }

// call is a number of calls that an application makes.
type call struct {
	Client   string            `json:"client"`
	Method   string            `json:"method,omitempty"`
	URL      string            `json:"url"`
	Headers  map[string]string `json:"headers,omitempty"`
	Body     string            `json:"body,omitempty"`
	Count    int               `json:"count,omitempty"`
	Parallel int               `json:"parallel,omitempty"`
	// inbound are headers of the test's request to the application.
	inbound map[string]string
}

// outcome is what became of a call.
type outcome struct {
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
	Error   string            `json:"error"`
	Millis  float64           `json:"millis"`
}

// header returns a header of the response by its lower-case name.
func (o outcome) header(name string) string {
	for k, v := range o.Headers {
		if strings.EqualFold(k, name) {
			return v
		}
	}
	return ""
}

// answer returns what the pod received; the zero answer if none was called.
func (o outcome) answer() (a provider.Answer) {
	_ = json.Unmarshal([]byte(o.Body), &a)
	return a
}

func (o outcome) String() string {
	body := fmt.Sprintf("body %q", o.Body[:min(len(o.Body), 200)])
	if a := o.answer(); a.Pod != "" {
		body = fmt.Sprintf("pod %s of %s got %s %s%s of %s", a.Pod, a.Version, a.Method, a.Path, a.Query, a.Host)
	}
	return fmt.Sprintf("status %d, error %q, %s after %.0f ms", o.Status, o.Error, body, o.Millis)
}

// client is one of the HTTP clients of an application, or a gateway.
type client interface {
	// do makes calls to a URL of a service. An error means that the application did not answer.
	do(c call) ([]outcome, error)
}

// library is a client library of an application.
type library struct {
	app  *application
	name string
}

func (l library) do(c call) ([]outcome, error) {
	c.Client = l.name
	c.Method, c.Count, c.Parallel = c.method(), max(c.Count, 1), max(c.Parallel, 1)
	if c.Body == "" && (c.Method == "POST" || c.Method == "PUT") {
		c.Body = "-"
	}
	body, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	headers := map[string]string{"Content-Type": "application/json"}
	maps.Copy(headers, c.inbound)
	response := request(call{Method: "POST", URL: "http://127.0.0.1:" + l.app.port + "/calls", Headers: headers, Body: string(body)})
	if response.Status != http.StatusOK {
		return nil, errors.New(response.String())
	}
	var outcomes []outcome
	return outcomes, json.Unmarshal([]byte(response.Body), &outcomes)
}

func (c call) method() string {
	if c.Method == "" {
		return "GET"
	}
	return c.Method
}

// gateway is an application that forwards /SERVICE/PATH to http://SERVICE/PATH.
type gateway struct{ app *application }

func (g gateway) do(c call) ([]outcome, error) {
	u, err := url.Parse(c.URL)
	if err != nil {
		return nil, err
	}
	c.URL = "http://127.0.0.1:" + g.app.port + "/" + u.Host + u.RequestURI()
	headers := map[string]string{}
	maps.Copy(headers, c.Headers)
	maps.Copy(headers, c.inbound)
	c.Headers = headers
	outcomes := make([]outcome, max(c.Count, 1))
	var calls sync.WaitGroup
	limit := make(chan struct{}, max(c.Parallel, 1))
	for i := range outcomes {
		limit <- struct{}{}
		calls.Go(func() {
			outcomes[i] = request(c)
			<-limit
		})
	}
	calls.Wait()
	return outcomes, nil
}

var plain = &http.Client{
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	Transport:     &http.Transport{MaxIdleConnsPerHost: 16},
}

// request makes one call by Go's own client.
func request(c call) (o outcome) {
	start := time.Now()
	defer func() { o.Millis = float64(time.Since(start).Microseconds()) / 1000 }()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, c.method(), c.URL, bytes.NewReader([]byte(c.Body)))
	if err != nil {
		return outcome{Error: err.Error()}
	}
	for k, v := range c.Headers {
		r.Header.Set(k, v)
	}
	response, err := plain.Do(r)
	if err != nil {
		return outcome{Error: err.Error()}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return outcome{Error: err.Error()}
	}
	o = outcome{Status: response.StatusCode, Body: string(body), Headers: map[string]string{}}
	for name, values := range response.Header {
		o.Headers[name] = values[0]
	}
	return o
}

// get reads JSON of an application.
func (a *application) get(path string, into any) error {
	o := request(call{URL: "http://127.0.0.1:" + a.port + path})
	if o.Status != http.StatusOK {
		return errors.New(o.String())
	}
	return json.Unmarshal([]byte(o.Body), into)
}
