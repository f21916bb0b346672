package xds

import (
	"fmt"
	"testing"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
)

// TestHashes: an endpoint gets its share of the keys by its weight, and only the keys of an endpoint that goes move.
func TestHashes(t *testing.T) {
	a := &assignment{priorities: [][]localityOf{{
		{1, []member{{address: "10.0.0.1:80", weight: 1}, {address: "10.0.0.2:80", weight: 3}}},
		{1, []member{{address: "10.0.1.1:80", weight: 1}}},
	}}}
	settings := &clusterSettings{balancing: balancing{localities: true, choice: byHash}, maxRequests: 1}
	c := &cluster{name: "c"}
	c.rebuild(settings, a)
	const keys = 8000
	before, counts := map[string]string{}, map[string]int{}
	for i := range keys {
		key := fmt.Sprint("user-", i)
		e, err := c.pick(nil, mixed(key, 1))
		if err != nil {
			t.Fatal(err)
		}
		before[key] = e.address
		counts[e.address]++
	}
	for address, share := range map[string]float64{"10.0.0.1:80": 0.125, "10.0.0.2:80": 0.375, "10.0.1.1:80": 0.5} {
		if got := float64(counts[address]) / keys; got < share-0.03 || got > share+0.03 {
			t.Errorf("%s has %v of the keys, want %v", address, got, share)
		}
	}
	c.rebuild(settings, &assignment{priorities: [][]localityOf{{{1, []member{{address: "10.0.0.1:80", weight: 1}, {address: "10.0.0.2:80", weight: 3}}}}}})
	for key, was := range before {
		if e, err := c.pick(nil, mixed(key, 1)); err != nil || was != "10.0.1.1:80" && e.address != was {
			t.Fatalf("%s moved from %s to %v, %v", key, was, e, err)
		}
	}
}

func TestHashPolicies(t *testing.T) {
	action := parsed[routev3.RouteAction](t, `{"hashPolicy": [
		{"header": {"headerName": "X-User", "regexRewrite": {"pattern": {"regex": "-.*"}, "substitution": ""}}, "terminal": true},
		{"cookie": {"name": "session"}}, {"queryParameter": {"name": "q"}}, {"connectionProperties": {"sourceIp": true}}]}`)
	policies, err := readHashes(action.GetHashPolicy())
	if err != nil {
		t.Fatal(err)
	}
	hash := func(query string, headers ...string) uint64 {
		return hashOf(policies, Call{HTTP: &HTTP{Query: query}, Header: headersOf(headers...)})
	}
	if hash("q=1", "x-user=ann-1") != hash("q=2", "x-user=ann-2") || hash("", "x-user=ann") == hash("", "x-user=bob") {
		t.Error("the header is not what decides")
	}
	if hash("", "cookie=a=b; session=\"7\"") != hash("x=1", "cookie=session=7") || hash("", "cookie=session=7") == hash("q=1", "cookie=session=7") || hash("q=1") == hash("q=2") {
		t.Error("cookie and query do not decide together")
	}
	if hash("x=1") != 0 {
		t.Error("a call without any of them has a hash")
	}
}

// TestChannelHash: all calls of a host go to one endpoint, unless the control plane hashes something else.
func TestChannelHash(t *testing.T) {
	policies, err := readHashes(parsed[routev3.RouteAction](t, `{"hashPolicy": [{"filterState": {"key": "io.grpc.channel_id"}}]}`).GetHashPolicy())
	if err != nil {
		t.Fatal(err)
	}
	one := hashOf(policies, Call{Host: "a:80"})
	if one == 0 || one != hashOf(policies, Call{Host: "a:80", Path: "/other"}) || one == hashOf(policies, Call{Host: "b:80"}) {
		t.Error("the host is not what decides")
	}
	if hashOf(policies, Call{Host: "a:80", HTTP: &HTTP{}}) != 0 {
		t.Error("a plain HTTP call has a channel")
	}
}
