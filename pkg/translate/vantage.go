package translate

import "github.com/mizzen-mesh/mizzen/pkg/mesh"

// Vantage is where clients stand, as far as it matters to the endpoints of one host. It is zero where nothing depends on it.
type Vantage struct {
	Locality mesh.Locality
	Node     string
	// Labels are those that a failoverPriority compares.
	Labels mesh.Labels
	// Bucket is the clients' own, where each client is given a part of the endpoints.
	Bucket uint16
}

// elsewhere stands for whatever neither an endpoint nor a rule knows: clients share their endpoints who differ in nothing
// else, and a client that makes up places adds none.
const elsewhere = "\x01"

// Surroundings is what of clients' places matters to the endpoints of one host. It is made from them once, and makes the
// Vantage of any client at little cost. It is immutable.
type Surroundings struct {
	// What is nil does not matter.
	regions, zones, subZones, nodes known
	labels                          map[string]known
	// buckets says that those matter.
	buckets bool
	// ranked says that some endpoints may be preferred to others.
	ranked bool
}

// Surround looks at the endpoints of a host, and at all that is said about which of them are preferred. in.vantage does not
// count.
func Surround(in EndpointInput) *Surroundings {
	s := &Surroundings{}
	if in.service == nil {
		return s
	}
	if in.service.InternalTrafficPolicyLocal {
		s.nodes.mind()
	}
	if n := wishesFor(nil, in.service, in.policy).SubsetSize.Value; n > 0 && in.endpoints != nil {
		s.buckets = uint64(len(in.endpoints.Endpoints)) > uint64(n)
	}
	for _, port := range in.service.Ports {
		for _, subset := range parts(in.policy) {
			if p := preferenceFor(settingsFor(nil, in.policy, subset, port.Number), in.service); p != nil {
				p.mind(s)
				s.ranked = true
			}
		}
	}
	if in.endpoints != nil {
		for i := range in.endpoints.Endpoints {
			s.note(&in.endpoints.Endpoints[i])
		}
	}
	return s
}

// Rank says whether some endpoints may be preferred to others.
func (s *Surroundings) Rank() bool { return s.ranked }

// From projects a client to what matters.
func (s *Surroundings) From(client mesh.Client) Vantage {
	v := Vantage{
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

// mindLocality makes the client's locality matter, as a rule speaks of it.
func (s *Surroundings) mindLocality() {
	s.regions.mind()
	s.zones.mind()
	s.subZones.mind()
}

// mindLabel makes a label matter that the client may have.
func (s *Surroundings) mindLabel(key string) {
	switch key {
	case labelRegion, labelZone, labelSubZone:
		s.mindLocality()
	case labelHostname:
		s.nodes.mind()
	default:
		if s.labels == nil {
			s.labels = map[string]known{}
		}
		s.labels[key] = known{}
	}
}

// mention adds a place that a rule speaks of.
func (s *Surroundings) mention(place mesh.Locality) {
	s.regions.add(place.Region)
	s.zones.add(place.Zone)
	s.subZones.add(place.SubZone)
}

func (s *Surroundings) note(e *mesh.Endpoint) {
	s.mention(e.Spot.Locality())
	for _, zone := range e.Spot.Hints() {
		s.zones.add(zone)
	}
	s.nodes.add(e.Spot.Node())
	for key, values := range s.labels {
		if value, ok := e.Labels.Get(key); ok {
			values.add(value)
		}
	}
}

// known is a set of values that matter; nil when none does.
type known map[string]struct{}

func (k *known) mind() {
	if *k == nil {
		*k = known{}
	}
}

func (k known) add(value string) {
	if k != nil {
		k[value] = struct{}{}
	}
}

// project keeps a value that is known, and nothing.
func (k known) project(value string) string {
	if k == nil || value == "" {
		return ""
	}
	if _, ok := k[value]; !ok {
		return elsewhere
	}
	return value
}
