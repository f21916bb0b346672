package load_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/mizzen-mesh/mizzen/internal/load"
)

// TestLongNames has a client that makes up names of 250 kB, each another one: of zones, and of clusters to which it subscribes.
func TestLongNames(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	table := load.New(load.Options{})
	registry.MustRegister(load.NewCollector(table, nil))
	long := strings.Repeat("Z", 250_000)
	s := table.Open(web, 0, find)
	for i := range 10 {
		zone := report(cart, fmt.Sprint(i, long), 1, 0, 0)
		zone.Metrics = []load.Metric{{Name: []byte("none"), Count: 1}}
		s.Add([]load.Report{zone, report(fmt.Sprint("some", i, long), "", 1, 0, 0)})
	}
	s.Add([]load.Report{report(cart, long[:256], 1, 0, 0)})
	expect(t, table, "long names",
		"shop/web shop/cart:80 v1 : 10 calls, 0 errors, 0 dropped, 0 in progress, 1.00/s, 0.00/s",
		"shop/web shop/cart:80 v1 "+long[:256]+": 1 calls, 0 errors, 0 dropped, 0 in progress, 0.10/s, 0.00/s")
	all := exposed(t, registry)
	if !strings.Contains(all, `{reason="implausible"} 10`) || !strings.Contains(all, `{reason="not_subscribed"} 10`) || len(all) > 20_000 {
		t.Errorf("got %d bytes:\n%.20000s", len(all), all)
	}
}
