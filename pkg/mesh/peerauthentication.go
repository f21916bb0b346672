package mesh

import security "istio.io/api/security/v1"

// PeerAuthentication decides whether servers accept plaintext. It is immutable.
type PeerAuthentication struct {
	Ref Ref
	// Spec is the spec of the object, read-only. A mode that the API does not have was replaced by STRICT.
	Spec *security.PeerAuthentication
	// Selector has the labels of the selected pods. It is nil for all pods of the namespace or of the mesh.
	Selector map[string]string
}

// PeerMode is how a port of a server accepts connections.
type PeerMode uint8

// The modes. The zero value is Istio's default.
const (
	// PeerPermissive accepts mTLS if the pod has a certificate, else plaintext. No gRPC server takes both on one port.
	PeerPermissive PeerMode = iota
	// PeerStrict accepts only mTLS.
	PeerStrict
	// PeerDisable accepts only plaintext.
	PeerDisable
)

// String returns the mode as Istio spells it.
func (m PeerMode) String() string { return [...]string{"PERMISSIVE", "STRICT", "DISABLE"}[m] }

// PeerModes are the PeerAuthentications in effect for one workload. It is comparable. The zero value is PERMISSIVE.
type PeerModes struct {
	// Workload, Namespace and Mesh are those of each level; nil if there is none.
	Workload, Namespace, Mesh *PeerAuthentication
}

// Mode returns the mode of a port, and the object that sets it; nil by default. An unset mode is inherited. The ports
// of the object are those of the pod, and only an object with a selector may name ports.
func (m PeerModes) Mode(port uint32) (PeerMode, *PeerAuthentication) {
	if m.Workload != nil {
		if mode, ok := peerMode(m.Workload.Spec.GetPortLevelMtls()[port]); ok {
			return mode, m.Workload
		}
	}
	for _, p := range []*PeerAuthentication{m.Workload, m.Namespace, m.Mesh} {
		if p == nil {
			continue
		}
		if mode, ok := peerMode(p.Spec.GetMtls()); ok {
			return mode, p
		}
	}
	return PeerPermissive, nil
}

// ByPort reports whether the mode depends on the port.
func (m PeerModes) ByPort() bool {
	return m.Workload != nil && len(m.Workload.Spec.GetPortLevelMtls()) > 0
}

// peerMode returns the mode of a setting, and false if it is unset.
func peerMode(mtls *security.PeerAuthentication_MutualTLS) (PeerMode, bool) {
	switch mtls.GetMode() {
	case security.PeerAuthentication_MutualTLS_UNSET:
		return PeerPermissive, false
	case security.PeerAuthentication_MutualTLS_DISABLE:
		return PeerDisable, true
	case security.PeerAuthentication_MutualTLS_PERMISSIVE:
		return PeerPermissive, true
	case security.PeerAuthentication_MutualTLS_STRICT:
	}
	return PeerStrict, true
}
