package access

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	security "istio.io/api/security/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// Workload is how far a group of pods is encrypted and authorized.
type Workload struct {
	// Object is one of the pods, or the Service whose pods are not in the objects.
	Object    mesh.Ref `json:"-"`
	Namespace string   `json:"namespace"`
	// Labels are those of the pods, without the ones that controllers generate.
	Labels string `json:"labels"`
	// Pods is how many there are. It is 0 for a Service whose pods are not in the objects.
	Pods     int      `json:"pods"`
	Accounts []string `json:"accounts"`
	// Identity is set if the pods were born with a certificate, XDS if they serve by xDS.
	Identity bool `json:"identity"`
	XDS      bool `json:"xds"`
	// Mode is what PeerAuthentications set for ports without a mode of their own.
	Mode string `json:"mode"`
	// Ports have the security of each port of the pods that a Service has: plaintext, mTLS or closed.
	Ports map[string]string `json:"ports"`
	// Policies are the AuthorizationPolicies that select the pods, NAMESPACE/NAME. DryRun are those that are not enforced.
	Policies []string `json:"policies"`
	DryRun   []string `json:"dryRun"`
	// Enforceable is set if the pods enforce policies, with the identity of callers. Reason says why not.
	Enforceable bool   `json:"enforceable"`
	Reason      string `json:"reason"`
	// Probes say how kubelet's gRPC probes reach the pods.
	Probes string `json:"probes"`
}

// The values of Workload.Probes.
const (
	probesAsBefore = "as before"
	probesByChain  = "health check in plaintext from the node"
	probesUnknown  = "not known: the objects have no Node with the addresses of probes"
)

// workloadKey groups pods.
type workloadKey struct {
	namespace, labels string
	policies          mesh.WorkloadPolicies
}

// lasting returns the pods that have not ended: those that authors can change something about.
func lasting(w *mesh.World) []*mesh.Pod {
	var all []*mesh.Pod
	for _, p := range w.Pods.All() {
		if !p.Ended {
			all = append(all, p)
		}
	}
	return all
}

// Cover describes all workloads: those of pods that have not ended, and those of Services whose pods are not known. They are
// sorted by namespace and labels.
func Cover(w *mesh.World) []Workload {
	known := lasting(w)
	groups := map[workloadKey][]*mesh.Pod{}
	for _, p := range known {
		key := workloadKey{p.Ref.Namespace, labelText(p.Labels), w.PoliciesFor(mesh.Workload{Namespace: p.Ref.Namespace, Labels: p.Labels})}
		groups[key] = append(groups[key], p)
	}
	ports := servedPorts(w)
	all := []Workload{}
	for key, pods := range groups {
		all = append(all, workload(w, key, pods, ports))
	}
	for _, service := range w.Services.All() {
		if service.Selector != "" && !slices.ContainsFunc(known, func(p *mesh.Pod) bool {
			return p.Ref.Namespace == service.Ref.Namespace && p.Labels.Match(service.Selector.Map())
		}) {
			all = append(all, unknownWorkload(w, service))
		}
	}
	mesh.SortFunc(all, func(a, b Workload) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Labels, b.Labels), cmp.Compare(strings.Join(a.Policies, ","), strings.Join(b.Policies, ",")))
	})
	return all
}

// servedPorts returns the ports of pods that Services have, by the pods' addresses.
func servedPorts(w *mesh.World) map[string]map[uint32]bool {
	found := map[string]map[uint32]bool{}
	for _, set := range w.Endpoints.All() {
		for _, e := range set.Endpoints {
			for _, p := range e.Ports {
				if found[e.Address] == nil {
					found[e.Address] = map[uint32]bool{}
				}
				found[e.Address][p.Number] = true
			}
		}
	}
	return found
}

func workload(w *mesh.World, key workloadKey, pods []*mesh.Pod, served map[string]map[uint32]bool) Workload {
	labels := pods[0].Labels
	out := describe(key.namespace, key.labels, key.policies, labels.HasIdentity(), labels.ServesByXDS())
	out.Object, out.Pods = pods[0].Ref, len(pods)
	chains := true
	for _, p := range pods {
		out.Accounts = append(out.Accounts, p.ServiceAccount)
		for _, address := range p.Addresses {
			for port := range served[address] {
				out.port(key.policies, port)
			}
		}
		node, ok := w.Nodes.Get(p.Node)
		chains = chains && ok && node.ProbeSources != ""
	}
	slices.Sort(out.Accounts)
	out.Accounts = slices.Compact(out.Accounts)
	if out.serves(key.policies) == mesh.ServerMTLS {
		out.Probes = probesUnknown
		if chains {
			out.Probes = probesByChain
		}
	}
	return out
}

// unknownWorkload is what a Service selects, if the objects have no such pods.
func unknownWorkload(w *mesh.World, service *mesh.Service) Workload {
	key := mesh.Workload{Namespace: service.Ref.Namespace, Labels: service.Selector}
	policies := w.PoliciesFor(key)
	out := describe(key.Namespace, labelText(key.Labels), policies, key.Labels.HasIdentity(), key.Labels.ServesByXDS())
	out.Object, out.Enforceable, out.Probes = service.Ref, false, probesUnknown
	out.Reason = fmt.Sprintf("The objects have no pod of Service %s, so it is not known how it serves.", service.Ref.Name)
	return out
}

// describe fills what does not depend on single pods.
func describe(namespace, labels string, policies mesh.WorkloadPolicies, identity, xds bool) Workload {
	mode, _ := policies.Peers.Mode(0)
	out := Workload{
		Namespace: namespace, Labels: labels, Accounts: []string{}, Identity: identity, XDS: xds, Mode: mode.String(), Ports: map[string]string{},
		Policies: []string{}, DryRun: []string{}, Probes: probesAsBefore,
	}
	for p := range policies.Authorization.All() {
		name := p.Ref.Namespace + "/" + p.Ref.Name
		if p.DryRun || p.Spec.GetAction() == security.AuthorizationPolicy_AUDIT {
			out.DryRun = append(out.DryRun, name)
			continue
		}
		out.Policies = append(out.Policies, name)
	}
	switch out.serves(policies) {
	case mesh.ServerMTLS:
		out.Enforceable = true
	case mesh.ServerClosed:
		out.Reason = "Mode STRICT applies and the pods have no certificate, so they do not serve."
	case mesh.ServerPlaintext:
		out.Reason = "The pods accept plaintext, so conditions on callers are closed."
		if mode != mesh.PeerDisable && !identity {
			out.Reason = "The pods have no certificate (label mizzen.dev/identity: spiffe), so conditions on callers are closed."
		}
	}
	if !xds {
		out.Reason = "The pods do not serve by xDS (label mizzen.dev/server: xds), so they enforce no policy."
	}
	return out
}

// serves returns how a port without a mode of its own takes calls.
func (w Workload) serves(policies mesh.WorkloadPolicies) mesh.ServerSecurity {
	mode, _ := policies.Peers.Mode(0)
	return mesh.SecurityFor(w.Identity, w.XDS, mode)
}

func (w Workload) port(policies mesh.WorkloadPolicies, port uint32) {
	mode, _ := policies.Peers.Mode(port)
	w.Ports[strconv.FormatUint(uint64(port), 10)] = mesh.SecurityFor(w.Identity, w.XDS, mode).String()
}
