//go:build spring

package spring

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestHostileLoad has 50 calls at a time while rules change 20 times a second, pods come and go, and the control plane is killed
// five times. No call fails, and neither threads nor memory grow.
func TestHostileLoad(t *testing.T) {
	plane := newPlane(t)
	a := newService(t, plane, "go-sc-a", "", "a:v1 b:v2 c:v2", split(50, 50))
	plane.start()
	env := []string{"GRPC_XDS_BOOTSTRAP_CONFIG=" + plane.bootstrap()}
	app := start(t, launch{jar: "boot35", jdk: "jdk17", env: env})
	gate := start(t, launch{jar: "gateway35", jdk: "jdk17", env: env, args: gatewayArgs("gateway35", []string{"go-sc-a"})})
	load := func() (stop func()) {
		c := call{URL: "http://go-sc-a/A", Count: 200, Parallel: 20}
		few := call{URL: "http://go-sc-a/A", Count: 100, Parallel: 10}
		stops := []func() int{runLoad(t, app.client("RestTemplate"), c), runLoad(t, app.client("WebClient"), c), runLoad(t, gateway{gate}, few)}
		return func() {
			for i, stop := range stops {
				t.Logf("%s: %d calls", []string{"RestTemplate", "WebClient", "Gateway"}[i], stop())
			}
		}
	}
	stop := load()
	churn(a, 2*time.Second)
	stop()
	before := map[*application]usage{app: app.usage(t), gate: gate.usage(t)}

	stop = load()
	for range 5 {
		churn(a, 1500*time.Millisecond)
		plane.kill()
		churn(a, 300*time.Millisecond)
		plane.start()
	}
	churn(a, 1500*time.Millisecond)
	stop()
	for jvm, was := range before {
		eventually(t, patience, func() error {
			is := jvm.usage(t)
			if is.own != 2 || is.threads > was.threads+10 || is.heap > was.heap+3<<20 {
				return fmt.Errorf("the JVM has %+v, before the load %+v", is, was)
			}
			return nil
		})
	}
	a.rules(split(0, 100))
	(&scene{t: t, service: a, app: app, client: app.client("RestTemplate")}).follows(call{URL: "/A"}, "v2 after all of it", ofVersion("v2"))
}

// churn changes rules 20 times a second, and removes a pod or brings one back with each second change. Pods that are removed still serve.
func churn(s *service, d time.Duration) {
	s.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for i, end := 0, time.Now().Add(d); time.Now().Before(end); i++ {
		<-tick.C
		s.rules(split(100-i%101, i%101))
		switch i % 4 {
		case 1:
			s.hide("c")
		case 3:
			s.publish()
		}
	}
	s.publish()
}

// hide takes a pod out of the mesh until the service is published again.
func (s *service) hide(name string) {
	s.t.Helper()
	spec := s.spec[name]
	pod := s.remove(name)
	s.publish()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pods[name], s.spec[name] = pod, spec
}

// usage is what a JVM has.
type usage struct {
	// threads are all threads, own are the agent's.
	threads, own int
	// heap is what is alive after a garbage collection, in bytes.
	heap int
}

func (a *application) usage(t *testing.T) (u usage) {
	t.Helper()
	java := must(filepath.EvalSymlinks(part(t, "jdk17")))(t)
	jcmd := func(args ...string) string {
		cmd := exec.Command(filepath.Join(filepath.Dir(java), "jcmd"), append([]string{strconv.Itoa(a.cmd.Process.Pid)}, args...)...)
		return string(must(cmd.Output())(t))
	}
	for line := range strings.Lines(jcmd("Thread.print")) {
		if strings.HasPrefix(line, `"`) {
			u.threads++
		}
		if strings.HasPrefix(line, `"mizzen`) {
			u.own++
		}
	}
	jcmd("GC.run")
	total := regexp.MustCompile(`(?m)^Total\s+\d+\s+(\d+)`).FindStringSubmatch(jcmd("GC.class_histogram"))
	if total == nil {
		t.Fatal("jcmd has no histogram")
	}
	u.heap = must(strconv.Atoi(total[1]))(t)
	return u
}
