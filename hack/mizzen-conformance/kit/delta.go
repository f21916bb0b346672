package kit

import (
	"context"
	"maps"
	"slices"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
)

// wire is a stream as the plane reads and writes it: in the state of the world. A stream of the incremental protocol is translated, so
// checks and the record are the same for both.
type wire interface {
	Context() context.Context
	Recv() (*discoveryv3.DiscoveryRequest, error)
	// send sends a response, whose resources are given with their names.
	send(response *discoveryv3.DiscoveryResponse, resources []resource) error
}

// sotw is a stream of the state of the world.
type sotw struct {
	discoveryv3.AggregatedDiscoveryService_StreamAggregatedResourcesServer
}

func (s sotw) send(response *discoveryv3.DiscoveryResponse, _ []resource) error {
	return s.Send(response)
}

// delta is a stream of the incremental protocol.
type delta struct {
	server discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResourcesServer
	// names are what the client subscribes to, by type.
	names map[string]map[string]bool
	// versions are the versions that it acknowledged last, by type, and sent those of the responses, by nonce.
	versions, sent map[string]string
}

func newDelta(server discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResourcesServer) *delta {
	return &delta{server: server, names: map[string]map[string]bool{}, versions: map[string]string{}, sent: map[string]string{}}
}

func (d *delta) Context() context.Context { return d.server.Context() }

// Recv returns the next request as one that names all that the client subscribes to. It has the version that the client acknowledged
// last. A request that answers no response has no nonce.
func (d *delta) Recv() (*discoveryv3.DiscoveryRequest, error) {
	request, err := d.server.Recv()
	if err != nil {
		return nil, err
	}
	kind := request.GetTypeUrl()
	if d.names[kind] == nil {
		d.names[kind] = map[string]bool{}
		for _, version := range request.GetInitialResourceVersions() {
			d.versions[kind] = max(d.versions[kind], version)
		}
	}
	for _, name := range request.GetResourceNamesSubscribe() {
		d.names[kind][name] = true
	}
	for _, name := range request.GetResourceNamesUnsubscribe() {
		delete(d.names[kind], name)
	}
	if nonce := request.GetResponseNonce(); nonce != "" && request.GetErrorDetail() == nil {
		d.versions[kind] = d.sent[nonce]
	}
	return &discoveryv3.DiscoveryRequest{
		Node: request.GetNode(), TypeUrl: kind, ResourceNames: slices.Sorted(maps.Keys(d.names[kind])), VersionInfo: d.versions[kind],
		ResponseNonce: request.GetResponseNonce(), ErrorDetail: request.GetErrorDetail(),
	}, nil
}

// send states of types whose responses are whole what is absent: a client of the incremental protocol is told so.
func (d *delta) send(response *discoveryv3.DiscoveryResponse, resources []resource) error {
	kind := response.GetTypeUrl()
	d.sent[response.GetNonce()] = response.GetVersionInfo()
	out := &discoveryv3.DeltaDiscoveryResponse{TypeUrl: kind, Nonce: response.GetNonce(), SystemVersionInfo: response.GetVersionInfo()}
	present := map[string]bool{}
	for _, r := range resources {
		present[r.name] = true
		out.Resources = append(out.Resources, &discoveryv3.Resource{Name: r.name, Version: response.GetVersionInfo(), Resource: r.body})
	}
	if whole(kind) {
		for name := range d.names[kind] {
			if !present[name] {
				out.RemovedResources = append(out.RemovedResources, name)
			}
		}
	}
	return d.server.Send(out)
}
