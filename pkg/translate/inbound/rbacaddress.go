package inbound

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"
	security "istio.io/api/security/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// addressLeaf matches the address of the client's socket.
func addressLeaf(c condition, value string) (expr, *obstacle) {
	block, why := parseBlock(value)
	switch {
	case why != nil:
		return never(), why
	case c.in.limited():
		return never(), &obstacle{
			what: "gRPC for Node does not match IPs.", wayOut: "Write principals instead.", kinds: nodeOnly(), whole: true,
		}
	}
	// The length is always set: without it, libraries match every address.
	return address(&corev3.CidrRange{AddressPrefix: block.Addr().String(), PrefixLen: wrapperspb.UInt32(uint32(block.Bits()))}), nil
}

// remoteAddressLeaf is for addresses in X-Forwarded-For. gRPC would compare the address of the gateway instead.
func remoteAddressLeaf(condition, string) (expr, *obstacle) {
	return never(), &obstacle{what: "gRPC servers do not read X-Forwarded-For.", wayOut: "Write ipBlocks for the client's own address, or principals.", whole: true}
}

// parseBlock parses an address or a CIDR block, and writes it in the one form that all libraries read.
func parseBlock(value string) (netip.Prefix, *obstacle) {
	var block netip.Prefix
	var err error
	if strings.Contains(value, "/") {
		block, err = netip.ParsePrefix(value)
	} else {
		var single netip.Addr
		single, err = netip.ParseAddr(value)
		block = netip.PrefixFrom(single, single.BitLen())
	}
	const mappedBits = 96 // of the prefix of IPv4 addresses in IPv6 form
	switch {
	case err != nil || block.Addr().Zone() != "":
		return block, &obstacle{what: fmt.Sprintf("%q is not an address or a CIDR block.", value), wayOut: "Write it as 10.0.0.1 or 10.0.0.0/8."}
	case block.Addr().Is4In6() && block.Bits() < mappedBits:
		return block, &obstacle{what: fmt.Sprintf("%q has IPv4 and IPv6 addresses.", value), wayOut: "Write a block for each."}
	case block.Addr().Is4In6():
		block = netip.PrefixFrom(block.Addr().Unmap(), block.Bits()-mappedBits)
	}
	return block.Masked(), nil
}

// ownAddressLeaf compares the addresses of the server's pod, which are known.
func ownAddressLeaf(c condition, value string) (expr, *obstacle) {
	block, why := parseBlock(value)
	if why != nil {
		return never(), why
	}
	if c.in.Port == 0 {
		return always(), nil
	}
	inside, outside := false, false
	for own := range c.in.Addresses.All() {
		matches := block.Contains(own.Unmap())
		inside, outside = inside || matches, outside || !matches
	}
	if inside == outside {
		return never(), &obstacle{
			what:   "Which address of the pod a call uses is not known.",
			wayOut: "Select the pods by labels instead.",
		}
	}
	return constant(inside), nil
}

// keyOwnAddress is the key of conditions on the server's address.
const keyOwnAddress = "destination.ip"

// NeedsAddresses reports whether a rule depends on the addresses of the server's pod.
func NeedsAddresses(policies mesh.AuthorizationPolicies) bool { return hasKey(policies, keyOwnAddress) }

// hasKey reports whether a rule has a condition with that key.
func hasKey(policies mesh.AuthorizationPolicies, key string) bool {
	return anyRule(policies, func(rule *security.Rule) bool {
		return slices.ContainsFunc(rule.GetWhen(), func(when *security.Condition) bool { return when.GetKey() == key })
	})
}

func anyRule(policies mesh.AuthorizationPolicies, is func(*security.Rule) bool) bool {
	for policy := range policies.All() {
		if slices.ContainsFunc(policy.Spec.GetRules(), is) {
			return true
		}
	}
	return false
}
