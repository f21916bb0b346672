package main

import (
	"fmt"
	"net/netip"
)

// A marker is the number of a change in a run. It is encoded in the changed object, so that a resource shows which
// change it belongs to: in the address of the last endpoint, or in the smaller weight of a route.
const (
	maxAddressMarker = 1<<24 - 1
	weights          = 20_000_000
)

// markedAddress returns an address for a marker. No endpoint has it initially.
func markedAddress(marker int) string {
	return fmt.Sprintf("11.%d.%d.%d", marker>>16&255, marker>>8&255, marker&255)
}

// markerOf returns the marker of an address; 0 if it has none.
func markerOf(address string) int {
	a, err := netip.ParseAddr(address)
	if err != nil || !a.Is4() || a.As4()[0] != 11 {
		return 0
	}
	b := a.As4()
	return int(b[1])<<16 | int(b[2])<<8 | int(b[3])
}
