package endpoints

import "testing"

func TestDistribute(t *testing.T) {
	world := []string{"1 eu/a", "2 eu/a", "3 eu/a", "4 eu/b", "5 us/a"}
	to := func(from, to string) string {
		return "localityLbSetting: {distribute: [{from: " + from + ", to: {" + to + "}}]}"
	}
	alike := []string{"eu/a=3:.1.2.3 eu/b=1:.4 us/a=1:.5"}
	nearTests{
		"eighty to twenty":        {near{settings: to("eu/a/*", "eu/a/*: 80, eu/b/*: 20"), client: from("eu/a"), endpoints: world}, []string{"eu/a=4:.1.2.3 eu/b=1:.4"}},
		"a region by endpoints":   {near{settings: to("eu", "eu: 80, us: 20"), client: from("eu/a"), endpoints: world}, []string{"eu/a=3:.1.2.3 eu/b=1:.4 us/a=1:.5"}},
		"the more exact counts":   {near{settings: to("eu", "'*': 25, eu/a: 75"), client: from("eu/a"), endpoints: world}, []string{"eu/a=6:.1.2.3 eu/b=1:.4 us/a=1:.5"}},
		"nothing for one":         {near{settings: to("eu", "eu/a: 0, '*': 100"), client: from("eu/a"), endpoints: world}, []string{"eu/b=1:.4 us/a=1:.5"}},
		"nobody there":            {near{settings: to("eu", "as: 100"), client: from("eu/a"), endpoints: world}, nil},
		"some are not there":      {near{settings: to("eu", "as: 90, us: 10"), client: from("eu/a"), endpoints: world}, []string{"us/a=1:.5"}},
		"for other clients":       {near{settings: to("us", "us: 100"), client: from("eu/a"), endpoints: world}, alike},
		"for another zone":        {near{settings: to("eu/b", "us: 100"), client: from("eu/a"), endpoints: world}, alike},
		"for clients without any": {near{settings: to("eu", "us: 100"), endpoints: world}, alike},
		"for everybody":           {near{settings: to("'*'", "us: 100"), endpoints: world}, []string{"us/a=1:.5"}},
		"from where nobody is":    {near{settings: to("af/x", "us: 100"), client: from("af/x"), endpoints: world}, []string{"us/a=1:.5"}},
		"any zone, one sub-zone":  {near{settings: to("'*'", "eu/*/r1: 100"), endpoints: []string{"1 eu/a/r1", "2 eu/b/r1", "3 eu/a/r2"}}, []string{"eu/a/r1=1:.1 eu/b/r1=1:.2"}},
		"shares nobody has":       {near{settings: to("eu", "us: 0"), client: from("eu/a"), endpoints: world}, alike},
		"a region not known":      {near{settings: to("eu/a", "eu/a: 60, eu/b: 40"), client: from("eu/a"), endpoints: []string{"1 /a", "2 /b"}}, []string{"/a=3:.1 /b=2:.2"}},
		"huge numbers":            {near{settings: to("eu", "eu: 4294967295, us: 4294967295"), client: from("eu/a"), endpoints: []string{"1 eu/a", "2 us/a"}}, []string{"eu/a=1:.1 us/a=1:.2"}},
		"the least is not lost":   {near{settings: to("eu", "eu: 4294967295, us: 1"), client: from("eu/a"), endpoints: []string{"1 eu/a", "2 us/a"}}, []string{"eu/a=720720:.1 us/a=1:.2"}},
		"the first that fits":     {near{settings: "localityLbSetting: {distribute: [{from: us, to: {us: 100}}, {from: eu, to: {us: 100}}, {from: eu/a, to: {eu: 100}}]}", client: from("eu/a"), endpoints: world}, []string{"us/a=1:.5"}},
	}.run(t)
}
