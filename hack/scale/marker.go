package main

import (
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
)

// A marker is the number of a change in a run. It is encoded in the changed object, so that a resource shows which
// change it belongs to: in the address of the last endpoint, in the smaller weight of a route, or in a path of a policy.
const (
	maxAddressMarker = 1<<24 - 1
	weights          = 20_000_000
	// routeWeight is the largest weight that the Gateway API allows.
	routeWeight = 1_000_000
	// maxMarker is the largest that all of them can have, but for routes of the Gateway API.
	maxMarker = weights/2 - 1
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

// markedPath returns a path for a marker. No call has it. All have the same length.
func markedPath(marker int) string { return fmt.Sprintf(markedPrefix+"%07d", marker) }

const markedPrefix = "/scale.Change/"

// markedPaths finds the paths in the bytes of a resource, whatever it is.
var markedPaths = regexp.MustCompile(markedPrefix + "[0-9]{7}")

// markerOfPath returns the marker of a path that markedPath made.
func markerOfPath(path []byte) int {
	marker, _ := strconv.Atoi(string(path[len(markedPrefix):])) // digits only
	return marker
}
