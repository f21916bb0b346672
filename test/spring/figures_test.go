//go:build spring

package spring

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// rounds is how often TestFigures measures each figure; 0 leaves it out.
var rounds = flag.Int("figures", 0, "measure start-up, calls and changes this many times, and print the figures")

// variant is an application that TestFigures compares with others.
type variant struct {
	name     string
	unmeshed bool
	before   []string
}

// TestFigures prints what docs/BENCHMARKS.md has. The variants alternate, so that a busy machine affects all of them.
func TestFigures(t *testing.T) {
	if *rounds == 0 {
		t.Skip("NOT RUN: it measures, and -figures says how often")
	}
	plane := newPlane(t)
	newService(t, plane, "go-sc-a", "", "v1:v1", split(100, 0))
	address := fmt.Sprintf("http://127.0.0.1:%d", newService(t, plane, "direct", "", "v1:v1", "").pods["v1"].Port())
	plane.start()
	otel := []string{"-javaagent:" + part(t, "otel"), "-Dotel.traces.exporter=none", "-Dotel.metrics.exporter=none", "-Dotel.logs.exporter=none"}
	variants := []variant{{name: "no agent", unmeshed: true}, {name: "mizzen"}, {name: "opentelemetry", unmeshed: true, before: otel}}
	starts, calls, rates := map[string][]float64{}, map[string][]float64{}, map[string][]float64{}
	for range *rounds {
		for _, v := range variants {
			app := start(t, launch{
				jar: "boot35", jdk: "jdk17", unmeshed: v.unmeshed, before: v.before,
				env:  []string{"GRPC_XDS_BOOTSTRAP_CONFIG=" + plane.bootstrap()},
				args: []string{"--spring.cloud.discovery.client.simple.instances.go-sc-a[0].uri=" + address},
			})
			starts[v.name] = append(starts[v.name], app.cpuSeconds())
			scene := &scene{t: t, app: app, client: app.client("RestTemplate"), service: &service{name: "go-sc-a"}}
			scene.do(call{URL: "/A", Count: 2000, Parallel: 4}) // warms up
			for _, o := range scene.do(call{URL: "/A", Count: 3000, Parallel: 1}) {
				calls[v.name] = append(calls[v.name], o.Millis*1000)
			}
			began := time.Now()
			scene.do(call{URL: "/A", Count: 6000, Parallel: 8})
			rates[v.name] = append(rates[v.name], 6000/time.Since(began).Seconds())
			app.stop()
		}
	}
	for _, v := range variants {
		t.Logf("%-14s CPU until started %5.2f s (%.2f), a call p50 %4.0f µs (%.2f) p99 %5.0f µs (%.2f), calls a second %5.0f (%.2f)", v.name,
			quantile(starts[v.name], 0.5), quantile(starts[v.name], 0.5)/quantile(starts["no agent"], 0.5),
			quantile(calls[v.name], 0.5), quantile(calls[v.name], 0.5)/quantile(calls["no agent"], 0.5),
			quantile(calls[v.name], 0.99), quantile(calls[v.name], 0.99)/quantile(calls["no agent"], 0.99),
			quantile(rates[v.name], 0.5), quantile(rates[v.name], 0.5)/quantile(rates["no agent"], 0.5))
	}
	changes(t)
}

// changes measures how long an application takes to follow a change of the folder.
func changes(t *testing.T) {
	plane := newPlane(t)
	followed := newService(t, plane, "go-sc-b", "", both, split(100, 0))
	plane.start()
	app := start(t, launch{jar: "boot35", jdk: "jdk17", env: []string{"GRPC_XDS_BOOTSTRAP_CONFIG=" + plane.bootstrap()}})
	s := &scene{t: t, service: followed, app: app, client: app.client("RestTemplate")}
	s.version(call{URL: "/A"}, "v1")
	var took []float64
	for i := range 40 {
		want := []string{"v2", "v1"}[i%2]
		s.rules(split([]int{0, 100}[i%2], []int{100, 0}[i%2]))
		began := time.Now()
		for !ofVersion(want)(s.get()) {
			if time.Since(began) > patience {
				t.Fatalf("%s is not followed", want)
			}
		}
		took = append(took, float64(time.Since(began).Microseconds())/1000)
	}
	t.Logf("a change is followed after p50 %.1f ms, p90 %.1f ms, with the test's own request to the application", quantile(took, 0.5), quantile(took, 0.9))
}

func quantile(values []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

// ticksPerSecond is the unit of CPU times in /proc on all Linux systems.
const ticksPerSecond = 100

// cpuSeconds returns the CPU time that the process has used.
func (a *application) cpuSeconds() float64 {
	a.t.Helper()
	text := string(must(os.ReadFile(fmt.Sprintf("/proc/%d/stat", a.cmd.Process.Pid)))(a.t))
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	user, system := must(strconv.Atoi(fields[11]))(a.t), must(strconv.Atoi(fields[12]))(a.t)
	return float64(user+system) / ticksPerSecond
}
