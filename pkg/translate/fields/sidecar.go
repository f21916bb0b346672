package fields

// Notes that several rows share.
const (
	noteNoProxyListener = "Clients without a proxy have no listener for the calls that they make. Remove the field."
	noteEgressPort      = "Hosts are seen on all of their ports. Remove the field."
	noteNoIngress       = "Servers without a proxy listen as their applications say. Set their certificates and modes by PeerAuthentication, and use AuthorizationPolicy to restrict calls."
	noteNoInboundPool   = "Servers without a proxy have no connection pool of the mesh. Limit connections and calls in the application, or in a DestinationRule of the clients."
	noteEgressHosts     = "A client does not see other hosts: it gets the answer for a name that does not exist, so its calls fail, where a proxy with ALLOW_ANY lets them pass. " +
		"VirtualServices that no entry imports do not apply to the client. What the rules of a host send calls to need not be imported, and Routes of the Gateway API apply wherever the host is seen. " +
		"An entry may be one name below the wildcard of a ServiceEntry. Names are not completed: write full names. A list exposes what it imports and does not exclude (`~NAMESPACE/HOST`), and several lists together what any of them exposes."
)

// sidecarFields is the support table of Sidecar, in the order of its API.
var sidecarFields = []Row{
	{Field: "Sidecar.workloadSelector", Verdict: Translated, Leaf: "sidecar", GRFC: "A27", Golden: "sidecar/selector", Calls: "TestSidecar", Note: "Clients of the namespace. It takes precedence over a Sidecar of the namespace, and that over the one of the root namespace. Of several for one client the oldest is in effect: `Conflict`. To a client whose labels are not known no selector applies."},
	{Field: "Sidecar.ingress", Verdict: Warned, Golden: "sidecar/dropped", Note: noteNoIngress},
	{Field: "Sidecar.egress", Verdict: Translated, Leaf: "sidecar", GRFC: "A27", Golden: "sidecar/namespace", Calls: "TestSidecar", Note: "If it is unset, clients see every host that is exported to them."},
	{Field: "Sidecar.inboundConnectionPool", Verdict: Warned, Golden: "sidecar/dropped", Note: noteNoInboundPool},
	{Field: "Sidecar.outboundTrafficPolicy", Verdict: Caveat, Leaf: "sidecar", Golden: "sidecar/dropped", Calls: "TestSidecar", Note: "Clients do as with REGISTRY_ONLY. See its fields.", Untold: "each of its fields has its own Problem"},
	{Field: "WorkloadSelector.labels", Verdict: Translated, Leaf: "sidecar", GRFC: "A27", Golden: "sidecar/selector", Calls: "TestSidecar", Note: "All labels must match. An empty selector selects the whole namespace."},
	{Field: "IstioIngressListener.port", Verdict: Warned, Golden: "sidecar/dropped", Note: noteNoIngress},
	{Field: "IstioIngressListener.bind", Verdict: Warned, Golden: "sidecar/dropped", Note: noteNoIngress},
	{Field: "IstioIngressListener.captureMode", Verdict: Warned, Golden: "sidecar/dropped", Note: noteNoIngress},
	{Field: "IstioIngressListener.defaultEndpoint", Verdict: Warned, Golden: "sidecar/dropped", Note: noteNoIngress},
	{Field: "IstioIngressListener.tls", Verdict: Warned, Golden: "sidecar/dropped", Note: noteNoIngress},
	{Field: "IstioIngressListener.connectionPool", Verdict: Warned, Golden: "sidecar/dropped", Note: noteNoInboundPool},
	{Field: "IstioEgressListener.port", Verdict: Warned, Golden: "sidecar/dropped", Note: noteEgressPort},
	{Field: "IstioEgressListener.bind", Verdict: Warned, Golden: "sidecar/dropped", Note: noteNoProxyListener},
	{Field: "IstioEgressListener.captureMode", Verdict: Warned, Golden: "sidecar/dropped", Note: noteNoProxyListener},
	{Field: "IstioEgressListener.hosts", Verdict: Caveat, Leaf: "sidecar", GRFC: "A27", Golden: "sidecar/wildcards", Calls: "TestSidecar", Note: noteEgressHosts, Untold: "it is always so, and an entry without any host has its own Problem"},
	{Field: "OutboundTrafficPolicy.mode", Verdict: Warned, Golden: "sidecar/dropped", Note: "Calls to names that a client does not see fail, as with REGISTRY_ONLY. Add the hosts to egress, or declare them by a ServiceEntry."},
	{Field: "OutboundTrafficPolicy.egressProxy", Verdict: Warned, Golden: "sidecar/dropped", Note: "Calls to names that a client does not see fail, and no proxy takes them. Declare the hosts by a ServiceEntry."},
	{Field: "SidecarPort.number", Verdict: Warned, Golden: "sidecar/dropped", Note: noteEgressPort},
	{Field: "SidecarPort.protocol", Verdict: Warned, Golden: "sidecar/dropped", Note: noteEgressPort},
	{Field: "SidecarPort.name", Verdict: Warned, Golden: "sidecar/dropped", Note: noteEgressPort},
	{Field: "SidecarPort.targetPort", Verdict: Warned, Golden: "sidecar/dropped", Note: noteEgressPort},
	{Field: "ServerTLSSettings.httpsRedirect", Verdict: Warned, Golden: "sidecar/dropped", Note: noteNoIngress},
	{Field: "ServerTLSSettings.mode", Verdict: Warned, Golden: "sidecar/dropped", Note: noteNoIngress},
	{Field: "ServerTLSSettings.serverCertificate", Verdict: Warned, Golden: "sidecar/dropped", Note: noteNoIngress},
	{Field: "ServerTLSSettings.privateKey", Verdict: Warned, Golden: "sidecar/dropped", Note: noteNoIngress},
	{Field: "ServerTLSSettings.caCertificates", Verdict: Warned, Golden: "sidecar/dropped", Note: noteNoIngress},
	{Field: "ServerTLSSettings.caCrl", Verdict: Warned, Golden: "sidecar/dropped", Note: noteNoIngress},
	{Field: "ServerTLSSettings.credentialName", Verdict: Warned, Golden: "sidecar/dropped", Note: noteNoIngress},
	{Field: "ServerTLSSettings.credentialNames", Verdict: Warned, Golden: "sidecar/dropped", Note: noteNoIngress},
	{Field: "ServerTLSSettings.caCertCredentialName", Verdict: Warned, Golden: "sidecar/dropped", Note: noteNoIngress},
	{Field: "ServerTLSSettings.tlsCertificates", Verdict: Warned, Golden: "sidecar/dropped", Note: noteNoIngress},
	{Field: "ServerTLSSettings.TLSCertificate.serverCertificate", Verdict: Warned, Golden: "sidecar/dropped", Note: noteNoIngress},
	{Field: "ServerTLSSettings.TLSCertificate.privateKey", Verdict: Warned, Golden: "sidecar/dropped", Note: noteNoIngress},
	{Field: "ServerTLSSettings.TLSCertificate.caCertificates", Verdict: Warned, Golden: "sidecar/dropped", Note: noteNoIngress},
	{Field: "ServerTLSSettings.subjectAltNames", Verdict: Warned, Golden: "sidecar/dropped", Note: noteNoIngress},
	{Field: "ServerTLSSettings.verifyCertificateSpki", Verdict: Warned, Golden: "sidecar/dropped", Note: noteNoIngress},
	{Field: "ServerTLSSettings.verifyCertificateHash", Verdict: Warned, Golden: "sidecar/dropped", Note: noteNoIngress},
	{Field: "ServerTLSSettings.minProtocolVersion", Verdict: Warned, Golden: "sidecar/dropped", Note: noteNoIngress},
	{Field: "ServerTLSSettings.maxProtocolVersion", Verdict: Warned, Golden: "sidecar/dropped", Note: noteNoIngress},
	{Field: "ServerTLSSettings.cipherSuites", Verdict: Warned, Golden: "sidecar/dropped", Note: noteNoIngress},
	{Field: "ServerTLSSettings.insecureSkipVerify", Verdict: Warned, Golden: "sidecar/dropped", Note: noteNoIngress},
}
