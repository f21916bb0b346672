package main

import (
	"fmt"
	"slices"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	managerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// kind is a type of resource. The order is the one in which a client discovers them.
type kind int

const (
	listeners kind = iota
	routes
	clusters
	endpoints
	kindCount
)

var typeURLs = [kindCount]string{
	"type.googleapis.com/envoy.config.listener.v3.Listener",
	"type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
	"type.googleapis.com/envoy.config.cluster.v3.Cluster",
	"type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
}

var kindNames = [kindCount]string{"listener", "route", "cluster", "endpoint"}

func kindOf(typeURL string) (kind, error) {
	if k := slices.Index(typeURLs[:], typeURL); k >= 0 {
		return kind(k), nil
	}
	return 0, fmt.Errorf("unknown type %q", typeURL)
}

// resource is what a stream must know about a resource. It is shared and does not change.
type resource struct {
	kind kind
	name string
	size int
	// references are the names that it refers to, by kind.
	references [kindCount][]string
	// marker is the number of the change that this is the state of. service is its service, everyPolicy if it has
	// rules of policies, or -1 if that is unknown.
	marker, service int
	// body is the Any, if the catalog keeps bodies.
	body []byte
}

// decode decodes the names and markers of a resource, as a gRPC client would decode it.
func decode(b []byte) (*resource, error) {
	var wrapped anypb.Any
	if err := proto.Unmarshal(b, &wrapped); err != nil {
		return nil, err
	}
	k, err := kindOf(wrapped.GetTypeUrl())
	if err != nil {
		return nil, err
	}
	message, err := wrapped.UnmarshalNew()
	if err != nil {
		return nil, err
	}
	r := &resource{kind: k, size: len(b), service: -1}
	switch m := message.(type) {
	case *listenerv3.Listener:
		err = r.readListener(m)
	case *routev3.RouteConfiguration:
		r.name = m.GetName()
		r.readRoutes(m)
	case *clusterv3.Cluster:
		r.readCluster(m)
	case *endpointv3.ClusterLoadAssignment:
		r.readEndpoints(m)
	}
	r.readRules(b)
	return r, err
}

// everyPolicy is the service of resources with the rules of policies. They have rules of several policies and only the
// newest marker counts, so the changes of policies come one at a time.
const everyPolicy = maxServices

// readRules finds the newest change of a policy in the bytes.
func (r *resource) readRules(b []byte) {
	for _, path := range markedPaths.FindAll(b, -1) {
		r.service, r.marker = everyPolicy, max(r.marker, markerOfPath(path))
	}
}

// subject is what was changed if the marker is another one.
func (r *resource) subject() subject {
	if r.service == everyPolicy {
		return policiesSubject // whatever kind of resource has the rules
	}
	return subject{r.kind, r.service}
}

func (r *resource) readListener(l *listenerv3.Listener) error {
	r.name = l.GetName()
	r.service = serviceOf(r.name)
	var manager managerv3.HttpConnectionManager
	wrapped := l.GetApiListener().GetApiListener()
	if len(l.GetFilterChains()) > 0 {
		wrapped = l.GetFilterChains()[0].GetFilters()[0].GetTypedConfig() // a server's
	}
	if err := wrapped.UnmarshalTo(&manager); err != nil {
		return fmt.Errorf("listener %s is not one for gRPC clients or servers: %w", r.name, err)
	}
	if name := manager.GetRds().GetRouteConfigName(); name != "" {
		r.references[routes] = []string{name}
	} else {
		r.readRoutes(manager.GetRouteConfig())
	}
	return nil
}

func (r *resource) readRoutes(c *routev3.RouteConfiguration) {
	for _, host := range c.GetVirtualHosts() {
		for _, route := range host.GetRoutes() {
			action := route.GetRoute()
			r.addReference(clusters, action.GetCluster())
			lightest := 0
			for _, part := range action.GetWeightedClusters().GetClusters() {
				r.addReference(clusters, part.GetName())
				if w := int(part.GetWeight().GetValue()); lightest == 0 || w < lightest {
					lightest = w
				}
			}
			r.marker = max(r.marker, lightest)
		}
	}
}

func (r *resource) readCluster(c *clusterv3.Cluster) {
	r.name = c.GetName()
	if c.GetType() == clusterv3.Cluster_EDS {
		name := c.GetEdsClusterConfig().GetServiceName()
		if name == "" {
			name = r.name
		}
		r.addReference(endpoints, name)
	}
}

func (r *resource) readEndpoints(a *endpointv3.ClusterLoadAssignment) {
	r.name = a.GetClusterName()
	for _, locality := range a.GetEndpoints() {
		for _, e := range locality.GetLbEndpoints() {
			r.marker = max(r.marker, markerOf(e.GetEndpoint().GetAddress().GetSocketAddress().GetAddress()))
		}
	}
}

func (r *resource) addReference(to kind, name string) {
	if name != "" && !slices.Contains(r.references[to], name) {
		r.references[to] = append(r.references[to], name)
	}
}
