package mesh

import "strings"

// The labels by which rules name where an endpoint or a client runs.
const (
	LabelRegion   = "topology.kubernetes.io/region"
	LabelZone     = "topology.kubernetes.io/zone"
	LabelSubZone  = "topology.istio.io/subzone"
	LabelHostname = "kubernetes.io/hostname"
	LabelCluster  = "topology.istio.io/cluster"
	LabelNetwork  = "topology.istio.io/network"
)

// label returns the value of a topology label; empty if the key is another label, or if the value is not known.
func (t Topology) label(key string) string {
	v := t.value()
	switch key {
	case LabelRegion:
		return v.locality.Region
	case LabelZone:
		return v.locality.Zone
	case LabelSubZone:
		return v.locality.SubZone
	case LabelHostname:
		node, _, _ := strings.Cut(v.node, "@")
		return node
	case LabelCluster:
		return v.cluster
	case LabelNetwork:
		return v.network
	}
	return ""
}

// Match reports whether the endpoint has every label of selector. As in Istio, an endpoint has its pod's labels and
// the topology labels. Where the topology is known, it replaces a label of the pod.
func (e *Endpoint) Match(selector map[string]string) bool {
	for key, want := range selector {
		if got, ok := e.Label(key); !ok || got != want {
			return false
		}
	}
	return true
}

// Label returns the value of one of the endpoint's labels; see Match.
func (e *Endpoint) Label(key string) (value string, ok bool) {
	if got := e.Topology.label(key); got != "" {
		return got, true
	}
	return e.Labels.Get(key)
}
