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
	server := ads.New(ads.Options{Store: store, Ports: []ads.Port{{Listener: listener}}})
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
		"-scenarios", strings.Join(scenarioNames(), ","), "-rounds", "4", "-burst", "10", "-flood", "300ms", "-soak", "300ms",
		"-settle", "500ms", "-timeout", "30s", "-raw", "-json", filepath.Join(t.TempDir(), "results.json"),
	}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	r, err := runAll(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	value := func(scenario, name string) float64 {
		t.Helper()
		f := r.find(scenario, name)
		if f == nil {
			t.Fatalf("there is no figure %q of %s", name, scenario)
		}
		return f.Values[0]
	}
	for _, scenario := range []string{scenarioChurn, scenarioRoutes, scenarioHot} {
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
	for _, scenario := range []string{scenarioFlood, scenarioSoak} {
		if n := value(scenario, "not on the newest state"); n != 0 {
			t.Errorf("%s: %v streams did not reach the newest state", scenario, n)
		}
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

func TestOptionsAreRefused(t *testing.T) {
	for name, args := range map[string][]string{
		"nothing to measure":       {},
		"two servers":              {"-server", "a:1", "-exec", "b"},
		"more names than services": {"-server", "a:1", "-services", "5", "-names", "6"},
		"unknown scenario":         {"-server", "a:1", "-scenarios", "cold,warm"},
		"unbounded":                {"-server", "a:1", "-streams", "1000000"},
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
