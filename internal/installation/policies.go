package installation

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// place is a pod, its namespace, and the NetworkPolicies of the namespace.
type place struct {
	namespace namespace
	pod       corev1.Pod
	rules     []networkPolicy
}

// direction is one of the two directions of NetworkPolicies.
type direction struct {
	name  string
	rules func(*networkPolicy) []networkRule
	peers func(networkRule) []networkPeer
}

var directions = struct{ egress, ingress direction }{
	egress: direction{
		"Egress",
		func(p *networkPolicy) []networkRule { return p.Spec.Egress },
		func(r networkRule) []networkPeer { return r.To },
	},
	ingress: direction{
		"Ingress",
		func(p *networkPolicy) []networkRule { return p.Spec.Ingress },
		func(r networkRule) []networkPeer { return r.From },
	},
}

// isolation names the NetworkPolicies that keep one pod from a TCP port of another, and says what to allow. It returns empty texts
// if none does.
func isolation(from, to place, port int32) (by, allow string) {
	if names, ok := directions.egress.allows(from, to, to.pod, port); !ok {
		return names, fmt.Sprintf("egress to port %d of pods in namespace %s", port, to.namespace.Name)
	}
	if names, ok := directions.ingress.allows(to, from, to.pod, port); !ok {
		return names, fmt.Sprintf("ingress to port %d from namespace %s", port, from.namespace.Name)
	}
	return "", ""
}

// allows reports whether the policies of a place allow a connection with a peer at a port of the pod that is connected to. If not, it
// names the policies.
func (d direction) allows(at, peer place, server corev1.Pod, port int32) (by string, ok bool) {
	var isolating []string
	for i := range at.rules {
		p := &at.rules[i]
		if !selects(&p.Spec.PodSelector, at.pod.Labels) || !d.restrictedBy(p) {
			continue
		}
		for _, r := range d.rules(p) {
			if r.hasPort(server, port) && d.hasPeer(p, r, peer) {
				return "", true
			}
		}
		isolating = append(isolating, p.Namespace+"/"+p.Name)
	}
	if len(isolating) == 0 {
		return "", true
	}
	if len(isolating) == 1 {
		return "the NetworkPolicy " + isolating[0], false
	}
	return "one of the NetworkPolicies " + strings.Join(isolating, ", "), false
}

// restrictedBy reports whether a policy restricts the direction.
func (d direction) restrictedBy(p *networkPolicy) bool {
	if len(p.Spec.PolicyTypes) == 0 {
		return d.name == directions.ingress.name || len(p.Spec.Egress) > 0
	}
	return slices.Contains(p.Spec.PolicyTypes, d.name)
}

// hasPeer reports whether a rule allows a peer.
func (d direction) hasPeer(p *networkPolicy, r networkRule, peer place) bool {
	all := d.peers(r)
	return len(all) == 0 || slices.ContainsFunc(all, func(one networkPeer) bool {
		if one.IPBlock != nil {
			return one.hasAddress(peer.pod)
		}
		if one.NamespaceSelector == nil && p.Namespace != peer.namespace.Name || one.NamespaceSelector != nil && !selects(one.NamespaceSelector, peer.namespace.Labels) {
			return false
		}
		return one.PodSelector == nil || selects(one.PodSelector, peer.pod.Labels)
	})
}

// hasAddress reports whether an address of the pod is in the block.
func (peer networkPeer) hasAddress(pod corev1.Pod) bool {
	in := func(cidr string, address netip.Addr) bool {
		prefix, err := netip.ParsePrefix(cidr)
		return err == nil && prefix.Contains(address)
	}
	for _, ip := range pod.Status.PodIPs {
		address, err := netip.ParseAddr(ip.IP)
		if err == nil && in(peer.IPBlock.CIDR, address) && !slices.ContainsFunc(peer.IPBlock.Except, func(except string) bool { return in(except, address) }) {
			return true
		}
	}
	return false
}

// hasPort reports whether a rule allows a TCP port of a pod, by its number or by its name there.
func (r networkRule) hasPort(server corev1.Pod, port int32) bool {
	for _, p := range r.Ports {
		switch {
		case p.Protocol != "" && p.Protocol != string(corev1.ProtocolTCP):
		case p.Port == nil:
			return true
		case p.Port.Type == intstr.String:
			for i := range server.Spec.Containers {
				if slices.ContainsFunc(server.Spec.Containers[i].Ports, func(c corev1.ContainerPort) bool {
					return c.Name == p.Port.StrVal && c.ContainerPort == port
				}) {
					return true
				}
			}
		case p.Port.IntVal == port || p.EndPort != 0 && p.Port.IntVal <= port && port <= p.EndPort:
			return true
		}
	}
	return len(r.Ports) == 0
}
