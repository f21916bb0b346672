package mesh

import (
	"net/netip"
	"slices"
	"strings"
)

// Node is what is known about a Kubernetes node. It is comparable.
type Node struct {
	Locality Locality
	// ProbeSources are the addresses from which the node's kubelet probes its pods, made by MakeAddresses.
	ProbeSources string
}

// MakeAddresses joins IP addresses by commas, sorted, each once and in its canonical form. Texts that are not single
// addresses are left out.
func MakeAddresses(texts ...string) string {
	var all []string
	for _, text := range texts {
		if ip, err := netip.ParseAddr(text); err == nil && ip.Zone() == "" {
			all = append(all, ip.Unmap().String())
		}
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), ",")
}
