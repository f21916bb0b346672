package inbound

import (
	"net/netip"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// rules is what the rules of the port depend on.
func (in Input) rules() RulesInput {
	return RulesInput{
		Policies: in.Policies, Port: in.Port, Kind: in.Kind, Secure: in.Security == mesh.ServerMTLS,
		TrustDomain: in.TrustDomain, Aliases: in.TrustDomainAliases, Addresses: in.addresses(),
	}
}

func (in Input) addresses() mesh.List[netip.Addr] {
	var all []netip.Addr
	for text := range strings.SplitSeq(in.Addresses, ",") {
		if ip, err := netip.ParseAddr(text); err == nil {
			all = append(all, ip)
		}
	}
	return mesh.MakeList(all...)
}
