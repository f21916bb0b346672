package mesh

// Alias is what a Service of type ExternalName refers to if that is in the cluster. The Service is then another name for
// it: calls to the alias follow the same rules and reach the same endpoints.
type Alias struct {
	// Host is the host of a Service, or the name of one of its pods, as a full name. Aliases of aliases are followed.
	Host string
	// Service is the Service of Host, or the one of whose pods Host names one. It is nil if there is none; calls then
	// fail.
	Service *Service
	// DefaultPort is, for each family, the port for a client that names no port, if the ports that the alias declares
	// decide that; else 0.
	DefaultPort [FamilyCount]uint32
	// Refused is set if a DestinationRule for the alias sets TLS, which has no effect on Host. Service is nil then.
	Refused bool
}

// IsService reports whether a is another name for a whole Service, and not for one of its pods.
func (a *Alias) IsService() bool { return a.Service != nil && a.Host == a.Service.Host }
