package mesh

// SecurityPolicies are the objects of one namespace that configure servers. Those of the root namespace apply to the
// whole mesh. It is immutable.
type SecurityPolicies struct {
	// PeerAuthentications are sorted: those with a selector first, then those that cannot be read, and then the oldest
	// first. Of several that apply to a pod on one level, the first is in effect.
	PeerAuthentications []*PeerAuthentication
	// AuthorizationPolicies and RequestAuthentications are sorted by name.
	AuthorizationPolicies  []*AuthorizationPolicy
	RequestAuthentications []*RequestAuthentication
}

// Workload is a group of pods that are configured alike: those of a namespace with the same labels. It is comparable.
type Workload struct {
	Namespace string
	Labels    Labels
}

// The labels of pods that say how they serve. They are set at a pod's birth and never change.
const (
	// LabelIdentity has the value IdentitySPIFFE if the pod was born with a certificate.
	LabelIdentity = AnnotationPrefix + "identity"
	// LabelServer has the value ServerXDS if the pod's gRPC servers are configured by xDS.
	LabelServer = AnnotationPrefix + "server"

	IdentitySPIFFE = "spiffe"
	// IdentityNone is the value of the annotation of a pod that is to have no certificate.
	IdentityNone = "none"
	ServerXDS    = "xds"
)

// HasIdentity reports whether pods with the labels were born with a certificate.
func (l Labels) HasIdentity() bool {
	value, _ := l.Get(LabelIdentity)
	return value == IdentitySPIFFE
}

// ServesByXDS reports whether the gRPC servers of pods with the labels are configured by xDS.
func (l Labels) ServesByXDS() bool {
	value, _ := l.Get(LabelServer)
	return value == ServerXDS
}

// WorkloadPolicies are the objects in effect for one workload. It is comparable.
type WorkloadPolicies struct {
	Peers          PeerModes
	Authorization  AuthorizationPolicies
	Authentication List[*RequestAuthentication]
}

// PoliciesFor returns the objects in effect for a workload.
func (w *World) PoliciesFor(workload Workload) WorkloadPolicies {
	var p WorkloadPolicies
	root, _ := w.Security.Get(w.RootNamespace)
	own := root
	if workload.Namespace != w.RootNamespace {
		own, _ = w.Security.Get(workload.Namespace)
	}
	p.Peers = PeersIn(root, own, workload.Labels)
	var authorization []*AuthorizationPolicy
	var authentication []*RequestAuthentication
	for _, set := range distinct(root, own) {
		for _, policy := range set.AuthorizationPolicies {
			if policy.AppliesTo(workload) {
				authorization = append(authorization, policy)
			}
		}
		for _, r := range set.RequestAuthentications {
			if r.AppliesTo(workload) {
				authentication = append(authentication, r)
			}
		}
	}
	p.Authorization, p.Authentication = MakeList(authorization...), MakeList(authentication...)
	return p
}

// PeersFor returns the PeerAuthentications in effect for a workload.
func (w *World) PeersFor(workload Workload) PeerModes {
	root, _ := w.Security.Get(w.RootNamespace)
	own, _ := w.Security.Get(workload.Namespace)
	return PeersIn(root, own, workload.Labels)
}

// PeersIn returns the first object of each level, from the objects of the root namespace and of the pods' own; either may
// be nil. An object with a selector is in effect in its own namespace only,
// also if that is the root namespace.
func PeersIn(root, own *SecurityPolicies, labels Labels) PeerModes {
	var m PeerModes
	if own != nil {
		for _, p := range own.PeerAuthentications {
			switch {
			case p.Selector == nil && m.Namespace == nil:
				m.Namespace = p
			case p.Selector != nil && m.Workload == nil && labels.Match(p.Selector):
				m.Workload = p
			}
		}
	}
	if root != nil {
		for _, p := range root.PeerAuthentications {
			if p.Selector == nil {
				m.Mesh = p
				break
			}
		}
	}
	return m
}

// distinct returns the sets that exist, each once.
func distinct(root, own *SecurityPolicies) []*SecurityPolicies {
	var sets []*SecurityPolicies
	if root != nil {
		sets = append(sets, root)
	}
	if own != nil && own != root {
		sets = append(sets, own)
	}
	return sets
}
