package main

import (
	"fmt"
	"net/netip"
)

// A marker numbers the changes of a run. It travels in what is changed, so that whoever receives a resource knows which change it is
// of: in the last endpoint's address, and in the weight of a route's lighter part.
const (
	maxAddressMarker = 1<<24 - 1
	weights          = 20_000_000
)

// markedAddress is one that no endpoint has from the beginning.
func markedAddress(marker int) string {
	return fmt.Sprintf("11.%d.%d.%d", marker>>16&255, marker>>8&255, marker&255)
}

// markerOf an address; 0 is none.
func markerOf(address string) int {
	a, err := netip.ParseAddr(address)
	if err != nil || !a.Is4() || a.As4()[0] != 11 {
		return 0
	}
	b := a.As4()
	return int(b[1])<<16 | int(b[2])<<8 | int(b[3])
}
