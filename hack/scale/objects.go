package main

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// tree is a part of an object.
type tree = map[string]any

// subsets are the versions of each service. The endpoints are divided among them, and the VirtualService divides the
// calls.
var subsets = []string{"v1", "v2"}

// objects returns the objects of a service, in the order in which they can be created. Marker 0 is the initial state.
func (p *plan) objects(s int) []*unstructured.Unstructured {
	all := []*unstructured.Unstructured{p.service(s), p.slice(s, 0)}
	if p.o.servers() {
		all = append(all, p.pods(s)...)
	}
	switch {
	case !p.ruled(s):
	case p.o.gateway:
		all = append(all, p.grpcRoute(s, 1))
	default:
		all = append(all, p.destinationRule(s), p.virtualService(s, 1))
	}
	return all
}

func (p *plan) object(apiVersion, kind, name string, s int) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: tree{
		"apiVersion": apiVersion, "kind": kind, "metadata": tree{"name": name, "namespace": p.namespace(s)},
	}}
}

func (p *plan) service(s int) *unstructured.Unstructured {
	o := p.object("v1", "Service", p.name(s), s)
	o.Object["spec"] = tree{"ports": []any{tree{"name": p.portName(), "port": int64(p.port(s)), "targetPort": int64(serverPort)}}}
	return o
}

// portName declares the protocol that the clients speak.
func (p *plan) portName() string {
	if strings.HasPrefix(p.o.client, "gRPC") {
		return "grpc"
	}
	return "http"
}

func (p *plan) slice(s, marker int) *unstructured.Unstructured {
	o := p.object("discovery.k8s.io/v1", "EndpointSlice", p.name(s)+"-x", s)
	o.SetLabels(map[string]string{"kubernetes.io/service-name": p.name(s)})
	o.Object["addressType"] = "IPv4"
	o.Object["ports"] = []any{tree{"name": p.portName(), "port": int64(serverPort), "protocol": "TCP"}}
	o.Object["endpoints"] = p.members(s, marker)
	return o
}

func (p *plan) members(s, marker int) []any {
	all := make([]any, p.o.endpoints)
	for i := range all {
		address := fmt.Sprintf("10.%d.%d.%d", s>>8&255, s&255, i+1)
		if s>>16 > 0 {
			address = fmt.Sprintf("%d.%d.%d.%d", 12+s>>16, s>>8&255, s&255, i+1)
		}
		if marker > 0 && i == len(all)-1 {
			address = markedAddress(marker)
		}
		member := tree{"addresses": []any{address}, "conditions": tree{"ready": true}, "zone": fmt.Sprint("zone-", i%3)}
		if p.o.servers() {
			member["targetRef"] = tree{"kind": "Pod", "name": p.pod(s, i), "namespace": p.namespace(s)}
		}
		all[i] = member
	}
	return all
}

func (p *plan) destinationRule(s int) *unstructured.Unstructured {
	o := p.object("networking.istio.io/v1", "DestinationRule", p.name(s), s)
	list := make([]any, len(subsets))
	for i, name := range subsets {
		list[i] = tree{"name": name}
	}
	o.Object["spec"] = tree{"host": p.host(s), "subsets": list}
	return o
}

func (p *plan) virtualService(s, marker int) *unstructured.Unstructured {
	o := p.object("networking.istio.io/v1", "VirtualService", p.name(s), s)
	o.Object["spec"] = p.rule(s, marker)
	return o
}

func (p *plan) rule(s, marker int) tree {
	destination := func(subset string, weight int) tree {
		return tree{"destination": tree{"host": p.host(s), "subset": subset}, "weight": int64(weight)}
	}
	return tree{
		"hosts": []any{p.host(s)},
		"http":  []any{tree{"route": []any{destination(subsets[0], marker), destination(subsets[1], weights-marker)}}},
	}
}

// grpcRoute returns a GRPCRoute that divides the calls to a service between itself and another one.
func (p *plan) grpcRoute(s, marker int) *unstructured.Unstructured {
	o := p.object("gateway.networking.k8s.io/v1", "GRPCRoute", p.name(s), s)
	backend := func(s, weight int) tree {
		return tree{"name": p.name(s), "namespace": p.namespace(s), "port": int64(p.port(s)), "weight": int64(weight)}
	}
	o.Object["spec"] = tree{
		"parentRefs": []any{tree{"group": "", "kind": "Service", "name": p.name(s)}},
		"rules":      []any{tree{"backendRefs": []any{backend(s, marker), backend(p.other(s), routeWeight)}}},
	}
	return o
}
