package kit

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	managerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// place is where a resource is.
type place struct{ kind, name string }

// state is what a fake has.
type state struct {
	fault    string
	wildcard bool
	hosts    []string
	found    map[place]proto.Message
	bytes    map[place]string
	gone     map[place]string // why
	versions map[string]string
	// last are the endpoints of hosts by the newest state that had all parts.
	last map[string][]uint32
	// differs is whether the last response changed something.
	differs bool
}

func newState(fault string, wildcard bool) *state {
	return &state{
		fault: fault, wildcard: wildcard, found: map[place]proto.Message{}, bytes: map[place]string{}, gone: map[place]string{},
		versions: map[string]string{}, last: map[string][]uint32{},
	}
}

// all is whether it subscribes to all resources of a type.
func (s *state) all(kind string) bool { return s.wildcard && whole(kind) }

// known are the names of what it has of a type to which it subscribes as a whole.
func (s *state) known(kind string) []string {
	var names []string
	for at := range s.found {
		if at.kind == kind && s.all(kind) {
			names = append(names, at.name)
		}
	}
	return names
}

// errWaiting is the reason of a call to wait.
var errWaiting = errors.New("it has not come yet")

// take takes a response, and returns why it is refused.
func (s *state) take(kind string, asked []string, response *discoveryv3.DiscoveryResponse) error {
	fresh := map[place]proto.Message{}
	bytes := map[place]string{}
	var refused error
	for _, body := range response.GetResources() {
		name, message, err := s.decode(kind, body)
		at := place{kind, name}
		switch {
		case err != nil:
			refused = errors.Join(refused, err)
			s.refuse(kind, name, asked)
		case s.all(kind) || slices.Contains(asked, name):
			fresh[at], bytes[at] = message, string(body.GetValue())
		case s.fault == "refuses what it did not ask for":
			refused = fmt.Errorf("%s was not asked for", name)
		}
	}
	if refused != nil && s.fault == "takes all or nothing" {
		return refused
	}
	s.differs = false
	for at, message := range fresh {
		if s.fault == "keeps its first endpoints" && kind == endpoints && s.found[at] != nil {
			continue
		}
		if s.fault == "takes nothing new" && s.found[at] == nil && s.versions[kind] != "" {
			continue
		}
		if s.gone[at] != "" && s.fault == "does not take back" {
			continue
		}
		s.differs = s.differs || s.bytes[at] != bytes[at]
		s.found[at], s.bytes[at] = message, bytes[at]
		delete(s.gone, at)
	}
	if refused != nil {
		return refused
	}
	s.versions[kind] = response.GetVersionInfo()
	if whole(kind) || s.fault == "deletes what is absent" {
		for _, name := range append(s.known(kind), asked...) {
			if at := (place{kind, name}); fresh[at] == nil && (s.fault != "waits forever" || s.found[at] != nil) {
				delete(s.found, at)
				s.gone[at] = name + " does not exist"
			}
		}
	}
	return nil
}

// refuse notes that there is a resource that cannot be used. Its name may be in bytes that cannot be read.
func (s *state) refuse(kind, name string, asked []string) {
	if s.all(kind) && name != "" {
		asked = []string{name}
	}
	for _, other := range append(s.known(kind), asked...) {
		at := place{kind, other}
		if name != "" && name != other {
			continue
		}
		if s.fault == "drops what it had" {
			delete(s.found, at)
		}
		if s.found[at] == nil && s.fault != "waits for something else" {
			s.gone[at] = other + " was refused"
		}
	}
}

// decode reads a resource, and finds what cannot be used.
func (s *state) decode(kind string, body *anypb.Any) (string, proto.Message, error) {
	message, err := body.UnmarshalNew()
	if err != nil {
		return "", nil, err
	}
	if s.fault == "knows no other fields" && len(message.ProtoReflect().GetUnknown()) > 0 {
		return "", nil, errors.New("a field is unknown")
	}
	switch m := message.(type) {
	case *listenerv3.Listener:
		for _, filter := range managerOf(m).GetHttpFilters() {
			known := filter.GetTypedConfig().GetTypeUrl() == routerFilter().GetTypedConfig().GetTypeUrl() || s.fault == "accepts any filter"
			if !known && (!filter.GetIsOptional() || s.fault == "requires every filter") {
				return m.GetName(), nil, errors.New("a filter is unknown")
			}
		}
		return m.GetName(), m, nil
	case *routev3.RouteConfiguration:
		if s.fault == "keeps its routes" && len(m.GetVirtualHosts()) == 0 {
			return "another", m, nil
		}
		return m.GetName(), m, nil
	case *clusterv3.Cluster:
		if m.GetEdsClusterConfig().GetEdsConfig() == nil && s.fault != "accepts any cluster" {
			return m.GetName(), nil, errors.New("no source of endpoints")
		}
		return m.GetName(), m, nil
	case *endpointv3.ClusterLoadAssignment:
		if s.fault == "keeps its last endpoints" && len(m.GetEndpoints()) == 0 {
			return "another", m, nil
		}
		return m.GetClusterName(), m, nil
	}
	return "", nil, fmt.Errorf("type %s is unknown", kind)
}

func managerOf(l *listenerv3.Listener) *managerv3.HttpConnectionManager {
	manager := &managerv3.HttpConnectionManager{}
	_ = l.GetApiListener().GetApiListener().UnmarshalTo(manager)
	for _, chain := range l.GetFilterChains() {
		_ = chain.GetFilters()[0].GetTypedConfig().UnmarshalTo(manager)
	}
	return manager
}

// wanted are the names to ask for.
func (s *state) wanted(kind string) []string {
	if s.all(kind) {
		if s.fault == "asks for one cluster" && kind == clusters {
			return []string{"kit-a"}
		}
		return nil
	}
	var roots []place
	for _, host := range s.hosts {
		roots = append(roots, place{listeners, host})
	}
	for _, kind := range []string{listeners, clusters} {
		for _, name := range s.known(kind) {
			roots = append(roots, place{kind, name})
		}
	}
	names := map[string]bool{}
	for _, at := range s.parts(roots...) {
		if at.kind == kind {
			names[at.name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// parts are the places of all that roots lead to, as far as they are found.
func (s *state) parts(roots ...place) []place {
	all := slices.Clone(roots)
	for i := 0; i < len(all); i++ {
		switch m := s.found[all[i]].(type) {
		case *listenerv3.Listener:
			all = append(all, place{routes, managerOf(m).GetRds().GetRouteConfigName()})
		case *routev3.RouteConfiguration:
			for _, v := range m.GetVirtualHosts() {
				action := v.GetRoutes()[0].GetRoute()
				if action.GetCluster() != "" {
					all = append(all, place{clusters, action.GetCluster()})
				}
				for _, w := range action.GetWeightedClusters().GetClusters() {
					all = append(all, place{clusters, w.GetName()})
				}
			}
		case *clusterv3.Cluster:
			all = append(all, place{endpoints, m.GetEdsClusterConfig().GetServiceName()})
		}
	}
	return all
}

// chain returns the ports of the endpoints of a host, or why there are none.
func (s *state) chain(host string) ([]uint32, error) {
	var ports []uint32
	for _, at := range s.parts(place{listeners, host}) {
		m := s.found[at]
		if why := s.gone[at]; m == nil && why != "" {
			delete(s.last, host)
			return nil, errors.New(why)
		}
		if m == nil && s.fault == "applies halves" && s.last[host] != nil {
			return nil, errors.New("a part is absent")
		}
		if m == nil {
			if last := s.last[host]; last != nil {
				return last, nil
			}
			return nil, errWaiting
		}
		assignment, _ := m.(*endpointv3.ClusterLoadAssignment)
		for _, locality := range assignment.GetEndpoints() {
			for _, e := range locality.GetLbEndpoints() {
				ports = append(ports, e.GetEndpoint().GetAddress().GetSocketAddress().GetPortValue())
			}
		}
	}
	if len(ports) == 0 {
		delete(s.last, host)
		return nil, errors.New("no endpoints")
	}
	s.last[host] = ports
	return ports, nil
}

// channel is the channel to a port.
func (r *fakeRun) channel(port uint32) (*grpc.ClientConn, error) {
	r.channelsMu.Lock()
	defer r.channelsMu.Unlock()
	if r.channels[port] == nil {
		channel, err := grpc.NewClient(fmt.Sprintf("127.0.0.1:%d", port), grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			return nil, err
		}
		r.channels[port] = channel
	}
	return r.channels[port], nil
}
