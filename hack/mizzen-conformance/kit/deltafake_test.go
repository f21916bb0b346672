package kit

import (
	"slices"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
)

// fakeStream is a stream of a fake: in the state of the world, or translated from that.
type fakeStream interface {
	Send(*discoveryv3.DiscoveryRequest) error
	Recv() (*discoveryv3.DiscoveryResponse, error)
}

// deltaFake is a stream of the incremental protocol, for a fake.
type deltaFake struct {
	stream discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResourcesClient
	// names are what it subscribed to, and answered the last nonces that it answered, by type.
	names map[string][]string
	// known are the names of what it has of a type to which it subscribes as a whole.
	known    func(kind string) []string
	answered map[string]string
}

func (d *deltaFake) Send(request *discoveryv3.DiscoveryRequest) error {
	kind, names := request.GetTypeUrl(), request.GetResourceNames()
	before, begun := d.names[kind]
	out := &discoveryv3.DeltaDiscoveryRequest{
		Node: request.GetNode(), TypeUrl: kind, ErrorDetail: request.GetErrorDetail(), ResponseNonce: request.GetResponseNonce(),
		ResourceNamesSubscribe: without(names, before), ResourceNamesUnsubscribe: without(before, names),
	}
	if out.GetResponseNonce() == d.answered[kind] && out.GetErrorDetail() == nil {
		out.ResponseNonce = ""
	} else {
		d.answered[kind] = out.GetResponseNonce()
	}
	if !begun && request.GetVersionInfo() != "" {
		out.InitialResourceVersions = map[string]string{}
		for _, name := range append(d.known(kind), names...) {
			out.InitialResourceVersions[name] = request.GetVersionInfo()
		}
	}
	d.names[kind] = slices.Clone(names)
	return d.stream.Send(out)
}

// without returns the names that others lack.
func without(names, others []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return slices.Contains(others, name) })
}

// Recv returns a response. The kit sends all of a type whose responses are whole, so what is removed is absent here.
func (d *deltaFake) Recv() (*discoveryv3.DiscoveryResponse, error) {
	response, err := d.stream.Recv()
	if err != nil {
		return nil, err
	}
	out := &discoveryv3.DiscoveryResponse{TypeUrl: response.GetTypeUrl(), Nonce: response.GetNonce(), VersionInfo: response.GetSystemVersionInfo()}
	for _, r := range response.GetResources() {
		out.Resources = append(out.Resources, r.GetResource())
	}
	return out, nil
}
