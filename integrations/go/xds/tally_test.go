package xds

import (
	"fmt"
	"testing"
)

// TestZonesAreForgotten has the endpoints of a cluster move from zone to zone: what a zone without endpoints has to report is kept, and nothing
// else of it.
func TestZonesAreForgotten(t *testing.T) {
	for _, reported := range []bool{false, true} {
		c := &cluster{name: "c"}
		for i := range 100 {
			m := member{address: "10.0.0.1:80", weight: 1, zone: zone{zone: fmt.Sprint(i)}}
			c.rebuild(&clusterSettings{maxRequests: 1, reported: reported}, &assignment{priorities: [][]localityOf{{{1, []member{m}}}}})
			if i%50 == 0 {
				e, err := c.pick(nil, 0)
				if err != nil {
					t.Fatal(err)
				}
				e.tally.underWay.Add(1)
				e.tally.end(Outcome{})
			}
		}
		if want := map[bool]int{false: 1, true: 3}[reported]; len(c.tallies) != want {
			t.Errorf("reported %v: the counters of %d zones are kept, want %d", reported, len(c.tallies), want)
		}
	}
}

// TestUnreportedZonesAreBounded has the calls of a cluster go from zone to zone, and no control plane take the reports.
func TestUnreportedZonesAreBounded(t *testing.T) {
	c := &cluster{name: "c"}
	for i := range 3 * maxUnused {
		m := member{address: "10.0.0.1:80", weight: 1, zone: zone{zone: fmt.Sprint(i)}}
		c.rebuild(&clusterSettings{maxRequests: 1, reported: true}, &assignment{priorities: [][]localityOf{{{1, []member{m}}}}})
		e, err := c.pick(nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		e.tally.underWay.Add(1)
		e.tally.end(Outcome{})
	}
	if len(c.tallies) != maxUnused+1 {
		t.Errorf("the counters of %d zones are kept, want those of the one with an endpoint, and of %d others", len(c.tallies), maxUnused)
	}
}
