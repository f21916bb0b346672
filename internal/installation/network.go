package installation

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
)

// addressFlags are the flags of the control plane with the addresses of the transports, and their defaults.
var addressFlags = map[string]struct{ name, fallback string }{
	plaintext: {"xds-address", "127.0.0.1:15010"},
	encrypted: {"xds-tls-address", ""},
}

// checkEndpoints finds out whether the Services that clients dial have ready endpoints, at the ports where the control plane
// listens.
func (c *cluster) checkEndpoints(ctx context.Context) ([]Finding, error) {
	d, err := c.deployment(ctx)
	if err != nil {
		return nil, err
	}
	all, _, err := c.targets(ctx)
	if err != nil {
		return nil, err
	}
	var findings []Finding
	for _, t := range all {
		found, err := c.endpointsOf(ctx, t)
		if err != nil {
			return findings, err
		}
		flag := addressFlags[t.transport]
		address := d.flag(flag.name, flag.fallback)
		_, listens, _ := net.SplitHostPort(address)
		other := slices.IndexFunc(found, func(e endpoint) bool { return strconv.Itoa(int(e.port)) != listens })
		switch {
		case len(found) == 0:
			findings = append(findings, fail("Look at the line replicas, and at the selector and targetPort of the Service.",
				"Port %d of the Service %s/%s has no ready endpoint. Clients cannot connect.", t.port, t.namespace, t.service))
		case other >= 0:
			findings = append(findings, fail("Correct the targetPort of the Service, or the flag.",
				"Port %d of the Service %s/%s leads to port %d of the pods, but --%s is %s.", t.port, t.namespace, t.service, found[other].port, flag.name, address))
		default:
			findings = append(findings, ok("Port %d of the Service %s/%s has %s.", t.port, t.namespace, t.service, count(len(found), "ready endpoint")))
		}
	}
	if len(all) == 0 {
		findings = append(findings, warn("Look at the line bootstrap.", "No bootstrap leads to a port of a Service."))
	}
	return findings, nil
}

// endpoint is a ready endpoint of a port of a Service.
type endpoint struct {
	address string
	port    int32
}

func (c *cluster) endpointsOf(ctx context.Context, t target) ([]endpoint, error) {
	service, err := get[corev1.Service](ctx, c, services, t.namespace, t.service)
	if err != nil || service == nil {
		return nil, err
	}
	slices, err := list[discoveryv1.EndpointSlice](ctx, c, endpointSlices, t.namespace, discoveryv1.LabelServiceName+"="+t.service)
	if err != nil {
		return nil, err
	}
	var all []endpoint
	for _, servicePort := range service.Spec.Ports {
		if servicePort.Port != t.port {
			continue
		}
		for i := range slices {
			for _, port := range slices[i].Ports {
				if port.Port == nil || port.Name == nil || *port.Name != servicePort.Name {
					continue
				}
				for _, e := range slices[i].Endpoints {
					if len(e.Addresses) > 0 && (e.Conditions.Ready == nil || *e.Conditions.Ready) {
						all = append(all, endpoint{e.Addresses[0], *port.Port})
					}
				}
			}
		}
	}
	return all, nil
}

// enforced limits what is said about NetworkPolicies.
const enforced = "A NetworkPolicy has an effect only if the cluster's network (CNI) enforces it."

// checkNetwork finds out whether NetworkPolicies keep injected pods from the control plane: those on the way out of their namespace,
// and those on the way into the control plane's.
func (c *cluster) checkNetwork(ctx context.Context) ([]Finding, error) {
	d, err := c.deployment(ctx)
	if err != nil {
		return nil, err
	}
	all, _, err := c.targets(ctx)
	if err != nil {
		return nil, err
	}
	injected, _, err := c.injected(ctx)
	if err != nil {
		return nil, err
	}
	to, err := c.place(ctx, d)
	if err != nil {
		return nil, err
	}
	reaches := map[string]*reach{}
	for _, t := range all {
		reaches[t.transport] = &reach{port: listensOn(d, t)}
	}
	restricted := len(to.rules) > 0
	for _, ns := range injected {
		from := place{namespace: ns}
		if from.rules, err = list[networkPolicy](ctx, c, netPolicies, ns.Name, ""); err != nil {
			return nil, err
		}
		restricted = restricted || len(from.rules) > 0
		clients, err := c.clients(ctx, ns)
		if err != nil {
			return nil, err
		}
		for i := range clients {
			from.pod = clients[i]
			for _, t := range all {
				reaches[t.transport].add(from, to, t)
			}
		}
	}
	return network(all, injected, reaches, restricted), nil
}

// place returns a replica of the control plane; one as its Deployment describes it if there is none.
func (c *cluster) place(ctx context.Context, d *deployment) (place, error) {
	own, err := get[namespace](ctx, c, namespaces, "", c.Namespace)
	if err != nil || own == nil {
		return place{}, err
	}
	at := place{namespace: *own, pod: corev1.Pod{ObjectMeta: d.Spec.Template.ObjectMeta, Spec: d.Spec.Template.Spec}}
	if replicas, err := c.replicas(ctx, d); err == nil && len(replicas) > 0 {
		at.pod = replicas[0]
	}
	at.rules, err = list[networkPolicy](ctx, c, netPolicies, c.Namespace, "")
	return at, err
}

// network makes a Finding for each target.
func network(all []target, injected []namespace, reaches map[string]*reach, restricted bool) []Finding {
	switch {
	case len(injected) == 0:
		return []Finding{ok("No namespace is injected, so there is no pod to check.")}
	case !restricted:
		return []Finding{ok("No NetworkPolicy applies to injected pods or to the control plane.")}
	}
	var findings []Finding
	for _, t := range all {
		r := reaches[t.transport]
		for _, b := range r.blocked {
			do := fmt.Sprintf("Allow it in %s: %s.", b.by, b.allow)
			text := fmt.Sprintf("%d of %s, such as %s, cannot reach port %d of the Service %s/%s: %s does not allow it. %s",
				b.pods, count(r.pods, "injected pod"), b.example, t.port, t.namespace, t.service, b.by, enforced)
			if b.uses {
				findings = append(findings, fail(do, "%s", text))
			} else {
				findings = append(findings, warn(do, "%s", text+" These pods connect in another way."))
			}
		}
		if len(r.blocked) == 0 {
			findings = append(findings, ok("NetworkPolicies allow %s to reach port %d of the Service %s/%s. %s", count(r.pods, "injected pod"), t.port, t.namespace, t.service, enforced))
		}
	}
	return findings
}

// clients lists the pods of an injected namespace that NetworkPolicies apply to. For a namespace without pods it is one without
// labels.
func (c *cluster) clients(ctx context.Context, ns namespace) ([]corev1.Pod, error) {
	all, err := list[corev1.Pod](ctx, c, pods, ns.Name, "")
	if err != nil {
		return nil, err
	}
	none := len(all) == 0
	all = slices.DeleteFunc(all, func(p corev1.Pod) bool {
		return p.Spec.HostNetwork || p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed || p.Annotations[injectLabel] == "false"
	})
	if none {
		all = append(all, corev1.Pod{})
	}
	return all, nil
}

// listensOn is the port of the control plane's pods for a target.
func listensOn(d *deployment, t target) int32 {
	flag := addressFlags[t.transport]
	_, text, _ := net.SplitHostPort(d.flag(flag.name, flag.fallback))
	number, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return t.port
	}
	return int32(number)
}

// reach is which pods can reach a target.
type reach struct {
	// port is the port of the control plane's pods.
	port    int32
	pods    int
	blocked []blocked
}

// blocked are pods that NetworkPolicies keep from a target.
type blocked struct {
	// by names the policies, and allow says what they must allow.
	by, allow string
	example   string
	pods      int
	// uses is true if the pods use the target.
	uses bool
}

// add records whether a pod can reach the control plane.
func (r *reach) add(from, to place, t target) {
	r.pods++
	by, allow := isolation(from, to, r.port)
	if by == "" {
		return
	}
	transport := from.pod.Annotations["mizzen.dev/injected"]
	if transport == "" {
		transport = from.pod.Annotations["mizzen.dev/xds"]
	}
	uses := transport == t.transport || t.usual && transport != plaintext && transport != encrypted
	i := slices.IndexFunc(r.blocked, func(b blocked) bool { return b.by == by && b.uses == uses })
	if i < 0 {
		example := strings.TrimSuffix(from.namespace.Name+"/"+from.pod.Name, "/")
		if from.pod.Name == "" {
			example = "a pod without labels in " + from.namespace.Name
		}
		r.blocked = append(r.blocked, blocked{by: by, allow: allow, example: example, uses: uses})
		i = len(r.blocked) - 1
	}
	r.blocked[i].pods++
}
