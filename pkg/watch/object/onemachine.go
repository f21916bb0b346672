package object

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// FromCluster leaves out what only means something on one machine, of an object that was just converted: the servers of a cluster
// and its clients are on several. In files, tests and demonstrations have everything on one.
func FromCluster(o *Object) {
	c := entryConverter{out: o}
	switch value := o.Value.(type) {
	case *Workload:
		if c.onOneMachine(value) {
			o.Value = nil
		}
	case *ServiceEntry:
		declared := len(value.Endpoints)
		value.Endpoints = slices.DeleteFunc(value.Endpoints, func(w Workload) bool { return c.onOneMachine(&w) })
		value.Closed = value.Closed || declared > 0 && len(value.Endpoints) == 0
		value.Hosts = slices.DeleteFunc(value.Hosts, func(h DeclaredHost) bool {
			own := ownMachine(strings.TrimPrefix(h.Name, "*."))
			if own {
				c.refuse(h.Field, "%q is each client's own machine. The host is ignored. Use a name that means the same for all clients.", h.Name)
			}
			return own
		})
		if len(value.Hosts) == 0 {
			o.Value = nil
		}
	}
}

// onOneMachine reports an address that is each client's own machine.
func (c entryConverter) onOneMachine(w *Workload) bool {
	address := cmp.Or(w.IP, w.DNSName)
	own := ownMachine(address)
	if own {
		c.refuse(w.Field+".address", "%q is each client's own machine. The endpoint is left out. Write an address that all clients reach.", address)
	}
	return own
}

// ownMachine reports whether an address or a name is each client's own machine.
func ownMachine(text string) bool {
	ip, err := netip.ParseAddr(text)
	return err == nil && ip.Unmap().IsLoopback() || mesh.IsLocalhost(text)
}

// metadataNames are the names of the metadata services of clouds.
var metadataNames = []string{"metadata.google.internal", "metadata.goog", "instance-data.ec2.internal"}

func metadataName(name string) bool { return slices.Contains(metadataNames, name) }

// endsInNumber reports whether the last label of a name is a number, as in 2130706433, 0x7f.1 and 10.1: many resolvers read such
// names as IPv4 addresses, and no domain ends so.
func endsInNumber(name string) bool {
	last := name[strings.LastIndexByte(name, '.')+1:]
	if digits, hex := strings.CutPrefix(last, "0x"); hex {
		_, err := strconv.ParseUint("0"+digits, 16, 64)
		return err == nil || strings.Trim(digits, "0123456789abcdef") == ""
	}
	return last != "" && strings.Trim(last, "0123456789") == ""
}

// hostOfOneMachine returns why a host cannot be one for all clients; empty if it can. name is without a wildcard.
func hostOfOneMachine(name string) string {
	ip, err := netip.ParseAddr(name)
	switch {
	case err == nil && mesh.SameEverywhere(ip):
		return ""
	case err == nil, metadataName(name):
		return "%q means another server on each machine, such as the metadata of a cloud. It is ignored. Use a name that means the same for all clients."
	case endsInNumber(name):
		return "%q ends in a number, so clients may read it as an IP address in another notation. It is ignored. Write the address as 10.0.0.1 is written, or a DNS name."
	}
	return ""
}
