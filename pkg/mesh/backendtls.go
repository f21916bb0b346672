package mesh

import networking "istio.io/api/networking/v1"

// BackendTLS is what a BackendTLSPolicy of the Gateway API says about the calls to a Service. It applies where no
// DestinationRule has TLS settings.
type BackendTLS struct {
	// Policy is the object as its author wrote it. Its Spec is *v1.BackendTLSPolicySpec.
	Policy Route
	// Port is 0 for all ports of the Service.
	Port uint32
	// Target is the index of the Service in spec.targetRefs.
	Target int
	// TLS is SIMPLE, and trusts the system root certificates.
	TLS *networking.ClientTLSSettings
	// Refused means that clients cannot do what the object says, so calls fail.
	Refused bool
	// Author has the object's fields for those of TLS.
	Author *Author
}

// SamePort reports whether another one is for the same port, or both are for all.
func (b *BackendTLS) SamePort(o *BackendTLS) bool { return b.Port == o.Port }

// BackendTLSFor returns what a BackendTLSPolicy says about calls to a port, or nil. r may be nil.
func (r *MergedDestinationRule) BackendTLSFor(port uint32) *BackendTLS {
	if r == nil {
		return nil
	}
	var all *BackendTLS
	for _, b := range r.BackendTLS {
		if b.Port == port {
			return b
		}
		if b.Port == 0 {
			all = b
		}
	}
	return all
}
