package fields

const noteOtherTargets = "Other targets than Services are reported: no calls to them are encrypted. A Service in another spelling, such as `group: core`, closes."

// backendTLSPolicyFields is the support table of BackendTLSPolicy, in the order of its API.
var backendTLSPolicyFields = []Row{
	{Field: "BackendTLSPolicySpec.targetRefs", Verdict: Translated, Leaf: "backendtls", GRFC: "A29", Golden: "backendtlspolicy/system", Calls: "TestBackendTLSPolicy", Note: "Services of the object's own namespace. A DestinationRule that has TLS settings for the calls takes precedence."},
	{Field: "BackendTLSPolicySpec.validation", Verdict: Translated, Leaf: "backendtlspolicy", GRFC: "A29, A82", Golden: "backendtlspolicy/system", Calls: "TestBackendTLSPolicy"},
	{Field: "BackendTLSPolicySpec.options", Verdict: Warned, Golden: "backendtlspolicy/refused", Note: "There are no such options. Remove the field."},
	{Field: "LocalPolicyTargetReference.group", Verdict: Translated, Leaf: "backendtls", GRFC: "A29", Golden: "backendtlspolicy/system", Calls: "TestBackendTLSPolicy", Note: noteOtherTargets},
	{Field: "LocalPolicyTargetReference.kind", Verdict: Translated, Leaf: "backendtls", GRFC: "A29", Golden: "backendtlspolicy/system", Calls: "TestBackendTLSPolicy", Note: noteOtherTargets},
	{Field: "LocalPolicyTargetReference.name", Verdict: Translated, Leaf: "backendtls", GRFC: "A29", Golden: "backendtlspolicy/system", Calls: "TestBackendTLSPolicy"},
	{Field: "LocalPolicyTargetReferenceWithSectionName.sectionName", Verdict: Translated, Leaf: "backendtls", GRFC: "A29", Golden: "backendtlspolicy/port", Calls: "TestBackendTLSPolicy", Note: "The name of a port. Of two objects for one port, and of two for all, the oldest applies. A name that no port has closes the ports without other TLS settings."},
	{Field: "BackendTLSPolicyValidation.caCertificateRefs", Verdict: Refused, Leaf: "backendtlspolicy", GRFC: "A29", Golden: "backendtlspolicy/refused", Note: "Clients do not get certificates from the control plane. Calls fail; they are not sent unencrypted. Use System, or a DestinationRule with credentialName."},
	{Field: "BackendTLSPolicyValidation.wellKnownCACertificates", Verdict: Caveat, Leaf: "tls", GRFC: "A29, A82", Golden: "backendtlspolicy/system", Calls: "TestBackendTLSPolicy", Ignored: byRust, Note: "System, with the clients that a DestinationRule with the mode SIMPLE is for. Calls of other clients fail."},
	{Field: "BackendTLSPolicyValidation.hostname", Verdict: Caveat, Leaf: "tls", GRFC: "A101", Golden: "backendtlspolicy/system", Calls: "TestBackendTLSPolicy", Ignored: byNodeAndRust, Partly: byGo, Note: "The name that certificates must have, unless subjectAltNames are set. It is sent as SNI by the clients that send one."},
	{Field: "BackendTLSPolicyValidation.subjectAltNames", Verdict: Translated, Leaf: "tls", GRFC: "A29", Golden: "backendtlspolicy/port", Calls: "TestBackendTLSPolicy", Ignored: byRust, Note: "In place of hostname."},
	{Field: "SubjectAltName.type", Verdict: Translated, Leaf: "tls", GRFC: "A29", Golden: "backendtlspolicy/port", Calls: "TestBackendTLSPolicy", Ignored: byRust},
	{Field: "SubjectAltName.hostname", Verdict: Translated, Leaf: "tls", GRFC: "A29", Golden: "backendtlspolicy/port", Calls: "TestBackendTLSPolicy", Ignored: byRust},
	{Field: "SubjectAltName.uri", Verdict: Translated, Leaf: "tls", GRFC: "A29", Golden: "backendtlspolicy/port", Calls: "TestBackendTLSPolicy", Ignored: byRust},
}
