package endpoints

import (
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/policy"
)

// ClientTopology is the topology of clients, as far as the endpoints of one host depend on it. It is zero if they
// do not.
type ClientTopology struct {
	Locality mesh.Locality
	Node     string
	// Labels are the labels that a failoverPriority compares.
	Labels mesh.Labels
	// Bucket is the clients' bucket, if the host uses subsetting.
	Bucket uint16
}

// otherValue replaces every value that no endpoint and no rule has. So clients that differ only in such values
// share their endpoints, and a client that invents values adds none.
const otherValue = "\x01"

// TopologyUse has the parts of a client's topology that the endpoints of one host depend on. It is computed once
// for a host, and Project then takes little time for each client. It is immutable.
type TopologyUse struct {
	// A nil set means that the endpoints do not depend on the value.
	regions, zones, subZones, nodes knownValues
	labels                          map[string]knownValues
	// buckets is set if the endpoints depend on the client's bucket.
	buckets bool
	// preferred is set if some endpoints may be preferred.
	preferred bool
	// empty is set if some clients may have no endpoint of a port and subset.
	empty bool
}

// TopologyUseOf reads the endpoints of a host and all settings that prefer some of them. It does not read in.topology.
func TopologyUseOf(in Input) *TopologyUse {
	u := &TopologyUse{}
	if in.service == nil {
		return u
	}
	if in.service.InternalTrafficPolicyLocal {
		u.nodes.track()
		u.empty = true
	}
	if n := policy.AnnotationsFor(nil, in.service, in.destinationRule).SubsetSize.Value; n > 0 && in.endpoints != nil {
		u.buckets = uint64(len(in.endpoints.Endpoints)) > uint64(n)
	}
	for _, port := range in.service.Ports {
		for _, subset := range policy.SubsetsAndWhole(in.destinationRule) {
			if p := preferenceFor(policy.SettingsFor(nil, in.destinationRule, subset, port.Number), in.service); p != nil {
				p.track(u)
				u.preferred = true
			}
			u.empty = u.empty || len(servingEndpoints(in.endpoints, port, subset, in.taking(mesh.ServerPlaintext, subset, port))) == 0
		}
	}
	if in.endpoints != nil {
		for i := range in.endpoints.Endpoints {
			u.addEndpoint(&in.endpoints.Endpoints[i])
		}
	}
	return u
}

// Preferred reports whether some endpoints may be preferred.
func (u *TopologyUse) Preferred() bool { return u.preferred }

// Project returns the parts of the client's topology that the endpoints depend on.
func (u *TopologyUse) Project(client mesh.Client) ClientTopology {
	t := ClientTopology{
		Locality: mesh.Locality{
			Region:  u.regions.project(client.Locality.Region),
			Zone:    u.zones.project(client.Locality.Zone),
			SubZone: u.subZones.project(client.Locality.SubZone),
		},
		Node: u.nodes.project(client.Node),
	}
	if u.buckets {
		t.Bucket = client.Bucket
	}
	if len(u.labels) > 0 {
		labels := map[string]string{}
		for key, values := range u.labels {
			if value, ok := client.Labels.Get(key); ok {
				labels[key] = values.project(value)
			}
		}
		t.Labels = mesh.MakeLabels(labels)
	}
	return t
}

// trackLocality records that the endpoints depend on the client's locality.
func (u *TopologyUse) trackLocality() {
	u.regions.track()
	u.zones.track()
	u.subZones.track()
}

// trackLabel records that the endpoints depend on a label of the client.
func (u *TopologyUse) trackLabel(key string) {
	switch key {
	case mesh.LabelRegion, mesh.LabelZone, mesh.LabelSubZone:
		u.trackLocality()
	case mesh.LabelHostname:
		u.nodes.track()
	default:
		if u.labels == nil {
			u.labels = map[string]knownValues{}
		}
		u.labels[key] = knownValues{}
	}
}

// addLocality adds the parts of a locality to the known values.
func (u *TopologyUse) addLocality(l mesh.Locality) {
	u.regions.add(l.Region)
	u.zones.add(l.Zone)
	u.subZones.add(l.SubZone)
}

func (u *TopologyUse) addEndpoint(e *mesh.Endpoint) {
	u.addLocality(e.Topology.Locality())
	for _, zone := range e.Topology.Hints() {
		u.zones.add(zone)
	}
	u.nodes.add(e.Topology.Node())
	for key, values := range u.labels {
		if value, ok := e.Label(key); ok {
			values.add(value)
		}
	}
}

// knownValues is the set of values that endpoints and rules have; nil if the endpoints do not depend on the value.
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

// project returns a known or empty value, and otherValue for all others. It returns "" if k is nil.
func (k knownValues) project(value string) string {
	if k == nil || value == "" {
		return ""
	}
	if _, ok := k[value]; !ok {
		return otherValue
	}
	return value
}
