package xds

import (
	"strings"
	"testing"
	"time"
)

// TestRatios plays the calls of ten endpoints in an interval: how many each had, and how many of those of the first one failed.
func TestRatios(t *testing.T) {
	const failures = `"enforcingSuccessRate": 0, "enforcingFailurePercentage": 100, "failurePercentageThreshold": 85, "failurePercentageMinimumHosts": 2, "failurePercentageRequestVolume": 5`
	const rates = `"enforcingSuccessRate": 100, "successRateStdevFactor": 1900, "successRateMinimumHosts": 5, "successRateRequestVolume": 10`
	for name, test := range map[string]struct {
		settings      string
		calls, failed int
		ejected       bool
	}{
		"most failed":                {failures, 10, 9, true},
		"as many as are allowed":     {failures, 20, 17, false},
		"too few calls":              {failures, 4, 4, false},
		"too few endpoints":          {strings.Replace(failures, `Hosts": 2`, `Hosts": 11`, 1), 10, 10, false},
		"not enforced":               {`"enforcingSuccessRate": 0`, 10, 10, false},
		"one may always be":          {failures + `, "maxEjectionPercent": 1`, 10, 10, true},
		"none may be":                {failures + `, "maxEjectionPercent": 0`, 10, 10, false},
		"fewer succeeded than usual": {rates, 10, 5, true},
		"as many as elsewhere":       {rates, 10, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			first, c := ejecting(t, test.settings)
			now := time.Now()
			play := func(failed int) {
				for _, e := range c.endpoints {
					for n := range test.calls {
						c.count(e, e == first && n < failed, now)
					}
				}
				now = now.Add(10 * time.Second)
			}
			play(test.failed)
			c.count(c.endpoints["10.0.0.1:80"], false, now)
			if got := first.rests(now.UnixNano()); got != test.ejected {
				t.Fatalf("got %v, want %v", got, test.ejected)
			}
			if !test.ejected {
				return
			}
			now = now.Add(31 * time.Second)
			if first.rests(now.UnixNano()) {
				t.Error("it is away for longer than the base time")
			}
			c.count(c.endpoints["10.0.0.1:80"], false, now) // ends the interval in which it was away
			play(test.failed)
			c.count(c.endpoints["10.0.0.1:80"], false, now)
			if again := now.Add(31 * time.Second).UnixNano(); !first.rests(again) {
				t.Error("the second time is not longer than the first")
			}
		})
	}
}
