package mesh

// ServerSecurity is how a port of a pod takes calls. Its server and its clients must agree on it, so both follow from
// the pod's labels and from the PeerAuthentications in effect.
type ServerSecurity uint8

const (
	// ServerPlaintext takes calls in plaintext.
	ServerPlaintext ServerSecurity = iota
	// ServerMTLS takes calls over TLS from clients with a certificate of the mesh.
	ServerMTLS
	// ServerClosed takes no calls: it must not take them in plaintext, and cannot take them otherwise.
	ServerClosed
)

// String returns plaintext, mTLS or closed.
func (s ServerSecurity) String() string { return [...]string{"plaintext", "mTLS", "closed"}[s] }

// SecurityFor returns how a port with that mode takes calls. identity says that the pod was born with a certificate,
// and xds that its servers are configured by xDS. A server that is not takes plaintext whatever the mode, so STRICT
// closes it to the mesh's clients.
func SecurityFor(identity, xds bool, mode PeerMode) ServerSecurity {
	switch {
	case mode != PeerDisable && identity && xds:
		return ServerMTLS
	case mode == PeerStrict:
		return ServerClosed
	}
	return ServerPlaintext
}
