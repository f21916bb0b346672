package xds

import (
	"errors"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
)

// TestOutliers plays ends of calls of the first of ten endpoints. A number is a status, 0 no response.
func TestOutliers(t *testing.T) {
	for name, test := range map[string]struct {
		settings string
		ends     []int
		ejected  bool
	}{
		"five in a row":               {`"maxEjectionPercent": 100`, []int{500, 500, 500, 500, 500}, true},
		"four in a row":               {`"maxEjectionPercent": 100`, []int{500, 500, 500, 500, 200, 500}, false},
		"answers of the application":  {`"maxEjectionPercent": 100`, []int{404, 404, 404, 404, 404, 404}, false},
		"no response":                 {`"maxEjectionPercent": 100`, []int{0, 0, 503, 0, 0}, true},
		"gateways":                    {`"consecutiveGatewayFailure": 2, "enforcingConsecutiveGatewayFailure": 100, "enforcingConsecutive5xx": 0, "maxEjectionPercent": 100`, []int{503, 504}, true},
		"gateways, and another error": {`"consecutiveGatewayFailure": 2, "enforcingConsecutiveGatewayFailure": 100, "enforcingConsecutive5xx": 0, "maxEjectionPercent": 100`, []int{503, 500, 503}, false},
		"apart":                       {`"splitExternalLocalOriginErrors": true, "consecutiveLocalOriginFailure": 2, "maxEjectionPercent": 100`, []int{0, 0}, true},
		"apart, with a response":      {`"splitExternalLocalOriginErrors": true, "consecutiveLocalOriginFailure": 2, "maxEjectionPercent": 100`, []int{0, 500, 0}, false},
		"no more than a few percent":  {`"maxEjectionPercent": 9`, []int{500, 500, 500, 500, 500}, false},
		"always one":                  {`"maxEjectionPercent": 9, "alwaysEjectOneHost": true`, []int{500, 500, 500, 500, 500}, true},
		"not enforced":                {`"enforcingConsecutive5xx": 0, "maxEjectionPercent": 100`, []int{500, 500, 500, 500, 500}, false},
	} {
		t.Run(name, func(t *testing.T) {
			e, c := ejecting(t, test.settings)
			now := time.Now()
			for _, status := range test.ends {
				o := Outcome{Status: status}
				if status == 0 {
					o.Err = errors.New("reset")
				}
				c.judge(e, o, now)
			}
			if got := e.rests(now.UnixNano()); got != test.ejected {
				t.Errorf("got %v, want %v", got, test.ejected)
			}
		})
	}
}

func ejecting(t *testing.T, settings string) (*endpoint, *cluster) {
	t.Helper()
	s, err := readCluster("c", parsed[clusterv3.Cluster](t, `{"type": "EDS", "edsClusterConfig": {"edsConfig": {"ads": {}}},
		"outlierDetection": {`+settings+`}, "commonLbConfig": {"healthyPanicThreshold": {"value": 0}}}`))
	if err != nil {
		t.Fatal(err)
	}
	l := localityOf{weight: 1}
	for _, n := range "0123456789" {
		l.members = append(l.members, member{address: "10.0.0." + string(n) + ":80", weight: 1})
	}
	c := &cluster{name: "c"}
	c.rebuild(s, &assignment{priorities: [][]localityOf{{l}}})
	return c.endpoints["10.0.0.0:80"], c
}

// TestEjectionTimes: an endpoint that fails again is ejected for longer, and for less long after a while without.
func TestEjectionTimes(t *testing.T) {
	e, c := ejecting(t, `"consecutive5xx": 1, "baseEjectionTime": "30s", "maxEjectionTime": "70s", "interval": "10s", "maxEjectionPercent": 100`)
	now := time.Now()
	for i, step := range []struct{ idle, want time.Duration }{{0, 30 * time.Second}, {0, 60 * time.Second}, {0, 70 * time.Second}, {20 * time.Second, 60 * time.Second}} {
		now = now.Add(step.idle)
		c.judge(e, Outcome{Status: 500}, now)
		c.judge(e, Outcome{Status: 500}, now) // has no effect while it is ejected
		if got := time.Duration(e.ejectedUntil.Load() - now.UnixNano()); got != step.want {
			t.Errorf("ejection %d: got %v, want %v", i+1, got, step.want)
		}
		now = time.Unix(0, e.ejectedUntil.Load())
	}
}

// TestHealthyShare: no more endpoints are left out than leave the healthy share.
func TestHealthyShare(t *testing.T) {
	_, c := ejecting(t, `"consecutive5xx": 1, "maxEjectionPercent": 100`)
	c.current.Load().outliers.healthy = 75
	ejected := 0
	for _, e := range c.endpoints {
		c.judge(e, Outcome{Status: 500}, time.Now())
		if e.rests(time.Now().UnixNano()) {
			ejected++
		}
	}
	if ejected != 2 {
		t.Errorf("got %d of 10 ejected, want 2", ejected)
	}
}

// TestWarmup: an endpoint that is new gets a share that grows.
func TestWarmup(t *testing.T) {
	s, err := readCluster("c", parsed[clusterv3.Cluster](t, `{"type": "EDS", "edsClusterConfig": {"edsConfig": {"ads": {}}},
		"roundRobinLbConfig": {"slowStartConfig": {"slowStartWindow": "1000s", "minWeightPercent": {"value": 5}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{name: "c"}
	old := member{address: "10.0.0.1:80", weight: 1}
	c.rebuild(s, &assignment{priorities: [][]localityOf{{{1, []member{old}}}}})
	c.rebuild(s, &assignment{priorities: [][]localityOf{{{1, []member{old, {address: "10.0.0.2:80", weight: 1}}}}}})
	fresh := c.endpoints["10.0.0.2:80"]
	for age, want := range map[time.Duration]float64{0: 0.05, 500 * time.Second: 0.5, 2000 * time.Second: 1} {
		fresh.since = time.Now().Add(-age)
		got := 0.0
		const calls = 8000
		for range calls {
			if e, err := c.pick(nil, 0); err != nil {
				t.Fatal(err)
			} else if e == fresh {
				got++
			}
		}
		if share := want / (1 + want); got/calls < share*0.75 || got/calls > share*1.25 {
			t.Errorf("after %v: got %v of the calls, want about %v", age, got/calls, share)
		}
	}
}
