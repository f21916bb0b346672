package endpoints

import (
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/policy"
)

// ClientTopology is where clients stand, as far as it matters to the endpoints of one host. It is zero where
// nothing depends on it.
type ClientTopology struct {
	Locality mesh.Locality
	Node     string
	// Labels are those that a failoverPriority compares.
	Labels mesh.Labels
	// Bucket is the clients' own, where each client is given a part of the endpoints.
	Bucket uint16
}

// otherValue stands for whatever neither an endpoint nor a rule knows: clients share their endpoints who differ in
// nothing else, and a client that makes up places adds none.
const otherValue = "\x01"

// TopologyUse is what of clients' places matters to the endpoints of one host. It is made from them once, and makes
// the ClientTopology of any client at little cost. It is immutable.
type TopologyUse struct {
	// What is nil does not matter.
	regions, zones, subZones, nodes knownValues
	labels                          map[string]knownValues
	// buckets says that those matter.
	buckets bool
	// preferred says that some endpoints may be preferred to others.
	preferred bool
}

// TopologyUseOf looks at the endpoints of a host, and at all that is said about which of them are preferred.
// in.vantage does not count.
func TopologyUseOf(in Input) *TopologyUse {
	s := &TopologyUse{}
	if in.service == nil {
		return s
	}
	if in.service.InternalTrafficPolicyLocal {
		s.nodes.track()
	}
	if n := policy.AnnotationsFor(nil, in.service, in.destinationRule).SubsetSize.Value; n > 0 && in.endpoints != nil {
		s.buckets = uint64(len(in.endpoints.Endpoints)) > uint64(n)
	}
	for _, port := range in.service.Ports {
		for _, subset := range policy.SubsetsAndWhole(in.destinationRule) {
			if p := preferenceFor(policy.SettingsFor(nil, in.destinationRule, subset, port.Number), in.service); p != nil {
				p.track(s)
				s.preferred = true
			}
		}
	}
	if in.endpoints != nil {
		for i := range in.endpoints.Endpoints {
			s.addEndpoint(&in.endpoints.Endpoints[i])
		}
	}
	return s
}

// Preferred says whether some endpoints may be preferred to others.
func (s *TopologyUse) Preferred() bool { return s.preferred }

// Project projects a client to what matters.
func (s *TopologyUse) Project(client mesh.Client) ClientTopology {
	v := ClientTopology{
		Locality: mesh.Locality{
			Region:  s.regions.project(client.Locality.Region),
			Zone:    s.zones.project(client.Locality.Zone),
			SubZone: s.subZones.project(client.Locality.SubZone),
		},
		Node: s.nodes.project(client.Node),
	}
	if s.buckets {
		v.Bucket = client.Bucket
	}
	if len(s.labels) > 0 {
		labels := map[string]string{}
		for key, values := range s.labels {
			if value, ok := client.Labels.Get(key); ok {
				labels[key] = values.project(value)
			}
		}
		v.Labels = mesh.MakeLabels(labels)
	}
	return v
}

// trackLocality makes the client's locality matter, as a rule speaks of it.
func (s *TopologyUse) trackLocality() {
	s.regions.track()
	s.zones.track()
	s.subZones.track()
}

// trackLabel makes a label matter that the client may have.
func (s *TopologyUse) trackLabel(key string) {
	switch key {
	case labelRegion, labelZone, labelSubZone:
		s.trackLocality()
	case labelHostname:
		s.nodes.track()
	default:
		if s.labels == nil {
			s.labels = map[string]knownValues{}
		}
		s.labels[key] = knownValues{}
	}
}

// addLocality adds a place that a rule speaks of.
func (s *TopologyUse) addLocality(place mesh.Locality) {
	s.regions.add(place.Region)
	s.zones.add(place.Zone)
	s.subZones.add(place.SubZone)
}

func (s *TopologyUse) addEndpoint(e *mesh.Endpoint) {
	s.addLocality(e.Topology.Locality())
	for _, zone := range e.Topology.Hints() {
		s.zones.add(zone)
	}
	s.nodes.add(e.Topology.Node())
	for key, values := range s.labels {
		if value, ok := e.Labels.Get(key); ok {
			values.add(value)
		}
	}
}

// knownValues is a set of values that matter; nil when none does.
type knownValues map[string]struct{}

func (k *knownValues) track() {
	if *k == nil {
		*k = knownValues{}
	}
}

func (k knownValues) add(value string) {
	if k != nil {
		k[value] = struct{}{}
	}
}

// project keeps a value that is known, and nothing.
func (k knownValues) project(value string) string {
	if k == nil || value == "" {
		return ""
	}
	if _, ok := k[value]; !ok {
		return otherValue
	}
	return value
}
