package snapshot

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate"
)

// podInput is one pod of a Service, called by its own name, and the policy that rules its callers.
type podInput struct {
	pod    string
	policy *mesh.Policy
	trust  translate.Trust
}

// podResource answers for one pod of a Service: a host of its own, with the Service's ports and policy and no rules. It is nil
// when the name is not that of a pod that there is.
func (s *Snapshot) podResource(t Type, name, hostName string, client mesh.Client) *Versioned {
	pod, serviceName, ok := translate.PodHost(hostName, s.world.Domain)
	if !ok {
		return nil
	}
	h, _ := s.hosts.Get(serviceName)
	endpoints := s.pod(pod, serviceName)
	if h == nil || endpoints == nil {
		return nil
	}
	parent := h.service
	in := podInput{pod: pod, policy: h.policies.For(client.Namespace, client.Labels)}
	in.trust = trustOf(in.policy, client, endpoints.Accounts)
	made := h.pods.get(in, func(in podInput) *set {
		service := &mesh.Service{
			Ref: parent.Ref, Host: pod + "." + serviceName, Ports: parent.Ports, Headless: parent.Headless, PreferIPv6: parent.PreferIPv6,
		}
		whole := translate.HostInput{Service: service, Policy: in.policy, Trust: in.trust, Defaults: s.world.Defaults}
		return s.set(parent.Ref, readersOf(whole), func() *translate.Bundle {
			bundle := translate.Host(whole)
			// Without the policy: where to go has been decided by whom the client calls, be it near or far.
			bundle.Endpoints = translate.Endpoints(translate.EndpointInput{Service: service, Endpoints: endpoints}).Endpoints
			return bundle
		})
	})
	return made.resources[resourceKey{t, name}]
}

// podTarget finds the port that a client means which dials a pod by its own name, and the host of that name.
func (s *Snapshot) podTarget(target translate.Target) (hostName string, port mesh.Port, ok bool) {
	pod, serviceName, ok := translate.PodHost(target.Host, s.world.Domain)
	if !ok || s.pod(pod, serviceName) == nil {
		return "", mesh.Port{}, false
	}
	service, _ := s.world.Services.Get(serviceName)
	port, ok = target.Find(service)
	return pod + "." + serviceName, port, ok
}

// pod returns what is behind one pod's name, or nil. The name is the one that the pod has in the Service's domain, or else the
// one that cluster DNS makes of its address: 10-0-0-1, or 2001-db8--1.
func (s *Snapshot) pod(pod, serviceName string) *mesh.EndpointSet {
	if _, ok := s.world.Services.Get(serviceName); !ok {
		return nil
	}
	all, _ := s.world.Endpoints.Get(serviceName)
	if all == nil {
		return nil
	}
	i := slices.IndexFunc(all.Endpoints, func(e mesh.Endpoint) bool {
		if e.Hostname != "" {
			return e.Hostname == pod
		}
		return dashed(e.Address) == pod
	})
	if i < 0 {
		return nil
	}
	named := &mesh.EndpointSet{Host: pod + "." + serviceName}
	for _, e := range all.Endpoints {
		if e.Hostname == all.Endpoints[i].Hostname && (e.Hostname != "" || e.Address == all.Endpoints[i].Address) {
			named.Endpoints = append(named.Endpoints, e)
		}
	}
	return named
}

func dashed(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return ""
	}
	return strings.NewReplacer(".", "-", ":", "-").Replace(ip.String())
}
