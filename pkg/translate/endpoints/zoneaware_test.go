package endpoints

import "testing"

func TestZoneAware(t *testing.T) {
	const on = "zoneAwareLbSetting: {enabled: true, minClusterSize: 1}"
	nearTests{
		"turned off":               {near{settings: "zoneAwareLbSetting: {enabled: false}", client: from("eu/a"), endpoints: []string{"1 eu/a", "2 us/a"}}, []string{"eu/a=1:.1 us/a=1:.2"}},
		"turned off, then by zone": {near{settings: "{zoneAwareLbSetting: {enabled: false}, localityLbSetting: {}}", client: from("eu/a"), endpoints: []string{"1 eu/a", "2 us/a"}}, []string{"eu/a=1:.1", "us/a=1:.2"}},
		"evenly":                   {near{settings: on, client: from("eu/a"), endpoints: []string{"1 eu/a", "2 eu/b", "3 us/a"}}, []string{"eu/a=1:.1", "eu/b=1:.2", "us/a=1:.3"}},
		"more than its part":       {near{settings: on, client: from("eu/a"), endpoints: []string{"1 eu/a", "2 eu/a", "3 eu/b"}}, []string{"eu/a=1:.1.2", "eu/b=1:.3"}},
		// The zone has a third of the endpoints, and an equal share is a half: two thirds of its calls stay.
		"less than its part": {near{settings: on, client: from("eu/a"), endpoints: []string{"1 eu/a", "2 eu/b", "3 eu/b"}}, []string{"eu/a=2:.1 eu/b=1:.2.3"}},
		// b and c have exactly an equal share. The calls that a cannot take go to d.
		"spills where there is more": {near{settings: on, client: from("eu/a"), endpoints: []string{"1 eu/a", "2 eu/b", "3 eu/b", "4 eu/c", "5 eu/c", "6 eu/d", "7 eu/d", "8 eu/d"}}, []string{"eu/a=1:.1 eu/d=1:.6.7.8", "eu/b=2:.2.3 eu/c=2:.4.5"}},
		"sub-zones share":            {near{settings: on, client: from("eu/a"), endpoints: []string{"1 eu/a/r1", "2 eu/a/r1", "3 eu/a/r2", "4 eu/b"}}, []string{"eu/a/r1=2:.1.2 eu/a/r2=1:.3", "eu/b=1:.4"}},
		"too few":                    {near{settings: "zoneAwareLbSetting: {}", client: from("eu/a"), endpoints: []string{"1 eu/a", "2 eu/b", "3 us/a"}}, []string{"eu/a=1:.1 eu/b=1:.2", "us/a=1:.3"}},
		"nobody in the zone":         {near{settings: on, client: from("eu/c"), endpoints: []string{"1 eu/a", "2 eu/b", "3 us/a"}}, []string{"eu/a=1:.1 eu/b=1:.2", "us/a=1:.3"}},
		"nothing stated":             {near{settings: on, endpoints: []string{"1 eu/a", "2 us/a"}}, []string{"eu/a=1:.1 us/a=1:.2"}},
		"a region stands by":         {near{settings: "zoneAwareLbSetting: {minClusterSize: 1, failover: [{from: eu, to: us}]}", client: from("eu/a"), endpoints: []string{"1 eu/a", "2 eu/b", "3 us/a", "4 as/a"}}, []string{"eu/a=1:.1", "eu/b=1:.2", "us/a=1:.3", "as/a=1:.4"}},
		"labels before zones":        {near{settings: "zoneAwareLbSetting: {minClusterSize: 1, failoverPriority: [kubernetes.io/hostname=n1]}", client: from("eu/a"), endpoints: []string{"1 eu/a", "2 eu/b", "3 us/a"}, change: on1(1)}, []string{"eu/b=1:.2", "eu/a=1:.1", "us/a=1:.3"}},
	}.run(t)
}
