//go:build spring

package spring

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestOtherAgent runs OpenTelemetry's agent before and after ours, with the verification of all classes.
func TestOtherAgent(t *testing.T) {
	rare(t)
	otel := "-javaagent:" + part(t, "otel")
	settings := []string{"-Dotel.sdk.disabled=false", "-Dotel.traces.exporter=none", "-Dotel.metrics.exporter=none", "-Dotel.logs.exporter=none", "-Xverify:all"}
	for name, l := range map[string]launch{
		"before": {before: []string{otel}, options: settings},
		"after":  {options: append([]string{otel}, settings...)},
	} {
		t.Run(name, func(t *testing.T) {
			plane := newPlane(t)
			service := newService(t, plane, "go-sc-a", "", both, toV2(`{headers: {baggage: {regex: "(.*,)?lane=gray(,.*)?"}}}`))
			plane.start()
			l.jar, l.jdk, l.env = "boot35", "jdk17", []string{"GRPC_XDS_BOOTSTRAP_CONFIG=" + plane.bootstrap()}
			app := start(t, l)
			for _, c := range []string{"RestTemplate", "RestClient", "WebClient", "Feign"} {
				s := &scene{t: t, service: service, app: app, client: app.client(c), library: c}
				s.version(call{URL: "/A"}, "v1")
				o := s.once(call{URL: "/A", inbound: map[string]string{"baggage": "lane=gray"}})
				if !ofVersion("v2")(o) {
					t.Errorf("%s in the lane: got %v, want v2", c, o)
				}
				if o.answer().Headers["traceparent"] == "" {
					t.Errorf("%s: the pod got %v, want a traceparent of the other agent", c, o.answer().Headers)
				}
			}
		})
	}
}

// redeployments is how often TestRedeploy deploys its application.
const redeployments = 20

// TestRedeploy deploys an application 20 times in one Tomcat. Each time it follows the mesh, and no class loader stays
// that does not stay without the agent.
func TestRedeploy(t *testing.T) {
	rare(t)
	war := part(t, "redeploy35")
	plane := newPlane(t)
	newService(t, plane, "go-sc-a", "", "a:v1", "")
	plane.start()
	annotations := must(filepath.Glob(filepath.Join(war, "WEB-INF", "lib", "jakarta.annotation-api-*.jar")))(t)
	args := []string{
		"-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
		// Spring Cloud's own cache keeps a thread for ever.
		"-Dspring.cloud.loadbalancer.cache.enabled=false",
		"-cp", filepath.Join(war, "WEB-INF", "lib-provided", "*") + ":" + annotations[0], "apps/tomcat/Redeploy.java", war, fmt.Sprint(redeployments), "http://go-sc-a/A",
	}
	if agent := part(t, "agent"); agent != "none" {
		args = append([]string{"-javaagent:" + agent}, args...)
	}
	cmd := exec.Command(part(t, "jdk17"), args...)
	cmd.Env = append(os.Environ(), "GRPC_XDS_BOOTSTRAP_CONFIG="+plane.bootstrap())
	output, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, tail(string(output), 20000))
	}
	var answered, alive int
	text := string(output)
	if i := strings.LastIndex(text, "answered="); i >= 0 {
		_, err = fmt.Sscanf(text[i:], "answered=%d alive=%d", &answered, &alive)
	}
	if err != nil || answered != redeployments || alive > 1 {
		t.Errorf("got %d answers and %d class loaders alive, want %d and at most 1: %v\n%s", answered, alive, redeployments, err, tail(text, 20000))
	}
}
