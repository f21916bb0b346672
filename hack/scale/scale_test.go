package main

import (
	"bytes"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mizzen-mesh/mizzen/internal/ads"
	"github.com/mizzen-mesh/mizzen/internal/load"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
	"github.com/mizzen-mesh/mizzen/pkg/watch/files"
)

// TestMain lets the test binary be the raw server, which the program starts under its own name.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == rawCommand {
		main()
		return
	}
	os.Exit(m.Run())
}

// serveFolder runs a control plane over a folder inside the test.
func serveFolder(t *testing.T, dir string) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	store := serving.NewStore(serving.Options{})
	worlds := watch.NewWorlds()
	source := files.NewSource(dir, watch.Options{Domain: "cluster.local", RootNamespace: "istio-system"})
	server := ads.New(ads.Options{Store: store, Ports: []ads.Port{{Listener: listener}}, Loads: load.New(load.Options{Interval: 100 * time.Millisecond})})
	var group errgroup.Group
	group.Go(func() error { return source.Run(t.Context(), worlds) })
	group.Go(func() error { return store.Run(t.Context(), worlds) })
	group.Go(func() error { return server.Run(t.Context()) })
	t.Cleanup(func() {
		if err := group.Wait(); err != nil {
			t.Error(err)
		}
	})
	return server.Addr()
}

// TestScenarios runs all scenarios, at a size that the race detector can handle, and checks what Mizzen's
// architecture promises.
func TestScenarios(t *testing.T) {
	dir := t.TempDir()
	address := serveFolder(t, dir)
	o, err := parseOptions([]string{
		"-server", address, "-files", dir, "-pid", "0", "-services", "40", "-endpoints", "3", "-rules", "0.25", "-ports", "4", "-streams", "20", "-names", "4",
		"-scenarios", strings.Join(scenarioNames(clientStreams), ","), "-rounds", "4", "-burst", "10", "-flood", "300ms", "-soak", "300ms",
		"-settle", "500ms", "-timeout", "30s", "-raw", "-json", filepath.Join(t.TempDir(), "results.json"),
	}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	r, value := run(t, o)
	checkRounds(t, value, scenarioChurn, scenarioRoutes, scenarioHot)
	for _, scenario := range []string{scenarioFlood, scenarioSoak} {
		if n := value(scenario, "not on the newest state"); n != 0 {
			t.Errorf("%s: %v streams did not reach the newest state", scenario, n)
		}
	}
	if sent, ended := value(scenarioReports, "reports"), value(scenarioReports, "ended streams"); sent < 20 || ended != 0 {
		t.Errorf("reports: %v a second, and %v streams ended", sent, ended)
	}
	if got, sent := value(scenarioReconnect, "responses"), value(scenarioReconnect, "resources"); got != 20 || sent != 20*4 {
		t.Errorf("reconnect: %v responses with %v resources, want one for each stream with its four listeners, and nothing else", got, sent)
	}
	// The ratio may be 0: some changes arrive before the call that writes the file returns.
	if ratio := value("hot ÷ raw", "p50"); ratio < 0 || value(scenarioHot, "p50 with the write") <= 0 {
		t.Errorf("hot takes %v times as long as raw", ratio)
	}
	var table bytes.Buffer
	if err := r.table(&table); err != nil || !strings.Contains(table.String(), "streams concerned") {
		t.Errorf("table: %v\n%s", err, &table)
	}
	if err := r.writeJSON(o); err != nil {
		t.Error(err)
	}
}

// figures returns a figure of a scenario.
type figures func(scenario, name string) float64

func run(t *testing.T, o *options) (*results, figures) {
	t.Helper()
	r, err := runAll(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r, func(scenario, name string) float64 {
		t.Helper()
		f := r.find(scenario, name)
		if f == nil {
			t.Fatalf("there is no figure %q of %s", name, scenario)
		}
		return f.Values[0]
	}
}

// checkRounds checks that each change reached the streams that it concerns, and no others.
func checkRounds(t *testing.T, value figures, scenarios ...string) {
	t.Helper()
	for _, scenario := range scenarios {
		if got, want := value(scenario, "responses"), value(scenario, "streams concerned"); got != want || want == 0 {
			t.Errorf("%s: %v responses a change, want one for each of %v streams", scenario, got, want)
		}
		if n := value(scenario, "wasted"); n != 0 {
			t.Errorf("%s: %v bytes a change went to streams that already had them", scenario, n)
		}
		if n := value(scenario, "missing receipts"); n != 0 {
			t.Errorf("%s: %v receipts are missing", scenario, n)
		}
	}
}

// TestServerScenarios does the same with servers: a change of a policy reaches the servers that it applies to, and no
// others.
func TestServerScenarios(t *testing.T) {
	for _, client := range []string{"gRPC Go", "gRPC Node"} {
		t.Run(client, func(t *testing.T) {
			dir := t.TempDir()
			o, err := parseOptions([]string{
				"-server", serveFolder(t, dir), "-files", dir, "-client", client, "-services", "25", "-endpoints", "2", "-streams", "50", "-policies", "30",
				"-scenarios", strings.Join(scenarioNames(serverStreams), ","), "-rounds", "12", "-settle", "100ms", "-timeout", "30s", "-raw",
			}, io.Discard)
			if err != nil {
				t.Fatal(err)
			}
			_, value := run(t, o)
			checkRounds(t, value, scenarioWorkload, scenarioNamespace, scenarioMesh)
			if workload, mesh := value(scenarioWorkload, "streams concerned"), value(scenarioMesh, "streams concerned"); workload != 2 || mesh != 50 {
				t.Errorf("changes concern %v and %v streams, want those of a workload and all", workload, mesh)
			}
			if got, want := value("raw mesh", "p50 with the write"), 0.0; got <= want {
				t.Errorf("the raw broadcast took %v ms", got)
			}
		})
	}
}

// TestGatewayScenarios does the same with rules of the Gateway API. They share calls with services that change.
func TestGatewayScenarios(t *testing.T) {
	dir := t.TempDir()
	o, err := parseOptions([]string{
		"-server", serveFolder(t, dir), "-files", dir, "-gateway", "-services", "40", "-endpoints", "2", "-rules", "0.85", "-streams", "20", "-names", "4",
		"-scenarios", scenarioChurn + "," + scenarioRoutes, "-rounds", "4", "-settle", "500ms", "-timeout", "30s",
	}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	_, value := run(t, o)
	checkRounds(t, value, scenarioChurn)
	checkRounds(t, value, scenarioRoutes)
}

func TestOptionsAreRefused(t *testing.T) {
	for name, args := range map[string][]string{
		"nothing to measure":       {},
		"two servers":              {"-server", "a:1", "-exec", "b"},
		"more names than services": {"-server", "a:1", "-services", "5", "-names", "6"},
		"unknown scenario":         {"-server", "a:1", "-scenarios", "cold,warm"},
		"unbounded":                {"-server", "a:1", "-streams", "1000000"},
		"too few policies":         {"-server", "a:1", "-policies", "11"},
		"clients' scenario":        {"-server", "a:1", "-policies", "12", "-scenarios", "churn"},
		"servers' scenario":        {"-server", "a:1", "-scenarios", "mesh"},
		"servers in a cluster":     {"-server", "a:1", "-policies", "12", "-kubeconfig", "y"},
		"two targets":              {"-server", "a:1", "-files", "x", "-kubeconfig", "y"},
		"argument":                 {"-server", "a:1", "now"},
		"no time":                  {"-server", "a:1", "-timeout", "0s"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := parseOptions(args, io.Discard); err == nil {
				t.Error("it was accepted")
			}
		})
	}
}

func TestSelfCPU(t *testing.T) {
	m := meter{pid: os.Getpid()}
	before := m.cpu()
	began := time.Now()
	for m.cpu() == before && time.Since(began) < 10*time.Second {
	}
	if used := m.cpu() - before; used <= 0 || used > 10*time.Second {
		t.Errorf("work took %v of CPU", used)
	}
	if rss, peak := m.rss(), m.peak(); rss < 1 || peak < rss {
		t.Errorf("RSS %v MiB, at most %v MiB", rss, peak)
	}
}
