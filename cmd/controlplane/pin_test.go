package main

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestPin(t *testing.T) {
	got := command(t.Context(), "", "pin", "cart.shop.svc.cluster.local", "g-3f2a91c04d", "--for", "30m", "--offline")
	found := regexp.MustCompile(`^kubectl annotate service cart -n shop --overwrite mizzen\.dev/pin=g-3f2a91c04d,(\S+)\n$`).FindStringSubmatch(got.stdout)
	if got.code != exitOK || found == nil {
		t.Fatalf("got %+v, want the command", got)
	}
	if until, err := time.Parse(time.RFC3339, found[1]); err != nil || time.Until(until) < 29*time.Minute || time.Until(until) > 30*time.Minute {
		t.Errorf("got the end %s (%v), want one in 30 minutes", found[1], err)
	}
	const id = "g-3f2a91c04d"
	for host, want := range map[string]string{"cart.shop:80": "cart -n shop", "Cart.Shop.svc": "cart -n shop", "cart.shop.svc.cluster.local.": "cart -n shop"} {
		if got := command(t.Context(), "", "pin", host, id, "--offline"); got.code != exitOK || !strings.HasPrefix(got.stdout, "kubectl annotate service "+want+" --overwrite mizzen.dev/pin="+id+",") {
			t.Errorf("%s: got %+v, want the command for %s", host, got, want)
		}
	}
	// The example pipes what is printed to a shell.
	for _, bad := range []string{";ls", "$(id)", "`id`", "&ls", "\nls", "#x", "\\", "~", "{a,b}"} {
		for _, args := range [][]string{{"cart.shop" + bad, id}, {bad + "cart.shop", id}, {"cart" + bad + ".shop", id}, {"cart.shop.svc." + bad, id}, {"cart.shop", id + bad}} {
			if got := command(t.Context(), "", append([]string{"pin", "--"}, args...)...); got.code != exitUsage || got.stdout != "" {
				t.Errorf("%q: got %+v, want a usage error", args, got)
			}
		}
	}
	for _, args := range [][]string{
		{},
		{"cart.shop"},
		{"cart", id},
		{"cart.shop", "3f2a91c04d"},
		{"cart.shop", id + ",2026"},
		{"*.shop", id},
		{"cart.shop", id, "--for", "1s"},
		{"cart.shop", id, "--for", "721h"},
		{"cart.shop", id, "--offline", "--address", "localhost:9090"},
		{"cart.shop", "g-3f2a"},
		{"cart.shop", id + "0"},
		{"cart.shop", "previous"},
		{"cart.shop", "g-3F2A91C04D"},
		{"cart.shop", "g-zzzzzzzzzz"},
		{"cart.example.com", id},
		{"cart..shop", id},
	} {
		if got := command(t.Context(), "", append([]string{"pin"}, args...)...); got.code != exitUsage || got.stdout != "" {
			t.Errorf("%s: got %+v, want a usage error", fmt.Sprint(args), got)
		}
	}
}
