package main

import (
	"fmt"
	"regexp"
	"testing"
	"time"
)

func TestPin(t *testing.T) {
	got := command(t.Context(), "", "pin", "cart.shop.svc.cluster.local", "g-3f2a91c04d", "--for", "30m")
	found := regexp.MustCompile(`^kubectl annotate service cart -n shop --overwrite mizzen\.dev/pin=g-3f2a91c04d,(\S+)\n$`).FindStringSubmatch(got.stdout)
	if got.code != exitOK || found == nil {
		t.Fatalf("got %+v, want the command", got)
	}
	if until, err := time.Parse(time.RFC3339, found[1]); err != nil || time.Until(until) < 29*time.Minute || time.Until(until) > 30*time.Minute {
		t.Errorf("got the end %s (%v), want one in 30 minutes", found[1], err)
	}
	const id = "g-3f2a91c04d"
	for _, args := range [][]string{
		{},
		{"cart.shop"},
		{"cart", id},
		{"cart.shop", "3f2a91c04d"},
		{"cart.shop", id + ",2026"},
		{"*.shop", id},
		{"cart.shop", id, "--for", "1s"},
		{"cart.shop", "g-3f2a"},
		{"cart.shop", id + "0"},
		{"cart.shop", "previous"},
		{"cart.shop", "g-3F2A91C04D"},
	} {
		if got := command(t.Context(), "", append([]string{"pin"}, args...)...); got.code != exitUsage || got.stdout != "" {
			t.Errorf("%s: got %+v, want a usage error", fmt.Sprint(args), got)
		}
	}
}
