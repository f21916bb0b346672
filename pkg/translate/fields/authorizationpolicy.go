package fields

// Notes that several rows share.
const (
	notePorts  = "The port on which the server listens, not the port of its Service. A name is closed. A port of no selected pod: `NoSuchPort`."
	noteTarget = "A Service: the policy applies to the pods that the Service selects. In Istio only waypoints do that."
	noteClaims = "gRPC servers do not check tokens. Check them in the application, or write conditions on principals."
	noteKeys   = "`source.principal`, `source.namespace`, `source.serviceAccount`, `source.ip`, `destination.ip`, `destination.port` and `request.headers[NAME]` are translated. " +
		"`remote.ip`, `connection.sni`, `request.auth.*`, `experimental.envoy.*`, the headers `te`, `:scheme` and `grpc-*`, and unknown keys are closed. Headers that end in `-bin` are closed for Node."
)

// authorizationPolicyFields is the support table of AuthorizationPolicy, in the order of its API.
var authorizationPolicyFields = []Row{
	{Field: "AuthorizationPolicy.selector", Verdict: Translated, Leaf: "securitypolicies", Golden: "testdata/authorizationpolicy/selection", Note: "Pods of the namespace. A policy of the root namespace selects pods of the whole mesh."},
	{Field: "AuthorizationPolicy.targetRef", Verdict: Caveat, Leaf: "securitypolicies", Golden: "testdata/authorizationpolicy/selection", Note: noteTarget},
	{Field: "AuthorizationPolicy.targetRefs", Verdict: Caveat, Leaf: "securitypolicies", Golden: "testdata/authorizationpolicy/selection", Note: noteTarget},
	{Field: "AuthorizationPolicy.rules", Verdict: Translated, Leaf: "rbacrule", Golden: "inbound/testdata/union", Note: "If an ALLOW policy applies to a server, calls that no such policy allows are denied. A DENY policy without rules denies nothing."},
	{Field: "AuthorizationPolicy.action", Verdict: Caveat, Leaf: "rbac", Golden: "inbound/testdata/custom", Note: "ALLOW and DENY are translated. AUDIT changes no verdict. CUSTOM denies what its rules match, because no server asks an authorizer: error `Closed`. The annotation `istio.io/dry-run` is read; see `mizzen.dev/log-calls` in [ANNOTATIONS.md](ANNOTATIONS.md)."},
	{Field: "AuthorizationPolicy.provider", Verdict: Closed, Leaf: "rbac", Golden: "inbound/testdata/custom", Note: "No server asks an authorizer. The calls that the rules match are denied. Check them in the application."},
	{Field: "AuthorizationPolicy.ExtensionProvider.name", Verdict: Closed, Leaf: "rbac", Golden: "inbound/testdata/custom", Note: "As provider."},
	{Field: "WorkloadSelector.matchLabels", Verdict: Translated, Leaf: "securitypolicies", Golden: "testdata/authorizationpolicy/selection", Note: "All labels must match. An empty selector selects all pods. A label that no pod can have closes the policy for the whole namespace."},
	{Field: "PolicyTargetReference.group", Verdict: Caveat, Leaf: "securitypolicies", Golden: "testdata/authorizationpolicy/selection", Note: "A Service has the group `core` or none."},
	{Field: "PolicyTargetReference.kind", Verdict: Caveat, Leaf: "securitypolicies", Golden: "testdata/authorizationpolicy/selection", Note: "Service. Gateway, GatewayClass and ServiceEntry are not servers of the mesh: a warning. Any other kind closes the policy."},
	{Field: "PolicyTargetReference.name", Verdict: Caveat, Leaf: "securitypolicies", Golden: "testdata/authorizationpolicy/selection", Note: "A Service without a selector has no pods here: a warning."},
	{Field: "PolicyTargetReference.namespace", Verdict: Caveat, Leaf: "securitypolicies", Golden: "testdata/authorizationpolicy/selection", Note: "The namespace of the policy, or empty. Any other closes the policy."},

	{Field: "Rule.from", Verdict: Translated, Leaf: "rbacsource", Golden: "inbound/testdata/union", Note: "An empty list closes the rule."},
	{Field: "Rule.to", Verdict: Translated, Leaf: "rbacoperation", Golden: "inbound/testdata/paths", Note: "An empty list closes the rule."},
	{Field: "Rule.when", Verdict: Translated, Leaf: "rbacwhen", Golden: "inbound/testdata/when_source", Note: "An empty list closes the rule."},
	{Field: "Rule.From.source", Verdict: Translated, Leaf: "rbacsource", Golden: "inbound/testdata/principals", Note: "An empty source closes the rule."},
	{Field: "Rule.To.operation", Verdict: Translated, Leaf: "rbacoperation", Golden: "inbound/testdata/paths", Note: "An empty operation closes the rule."},

	{Field: "Source.principals", Verdict: Translated, Leaf: "rbacsource", Golden: "inbound/testdata/principals", Note: "Exact, prefix, suffix or `*`. The trust domain of the mesh covers its aliases."},
	{Field: "Source.notPrincipals", Verdict: Translated, Leaf: "rbacsource", Golden: "inbound/testdata/principals", Note: "Exact, prefix, suffix or `*`. The trust domain of the mesh covers its aliases."},
	{Field: "Source.requestPrincipals", Verdict: Closed, Leaf: "rbacsource", Golden: "inbound/testdata/request_principals", Note: noteClaims},
	{Field: "Source.notRequestPrincipals", Verdict: Closed, Leaf: "rbacsource", Golden: "inbound/testdata/request_principals", Note: noteClaims},
	{Field: "Source.namespaces", Verdict: Translated, Leaf: "rbacsource", Golden: "inbound/testdata/namespaces", Note: "Those of the mesh and of its aliases. In DENY those of every trust domain."},
	{Field: "Source.notNamespaces", Verdict: Translated, Leaf: "rbacsource", Golden: "inbound/testdata/namespaces", Note: "Those of the mesh and of its aliases. In DENY those of every trust domain."},
	{Field: "Source.serviceAccounts", Verdict: Translated, Leaf: "rbacsource", Golden: "inbound/testdata/service_accounts", Note: "NAME in the namespace of the policy, or NAMESPACE/NAME. A wildcard is closed, and so is the field beside principals or namespaces."},
	{Field: "Source.notServiceAccounts", Verdict: Translated, Leaf: "rbacsource", Golden: "inbound/testdata/service_accounts", Note: "NAME in the namespace of the policy, or NAMESPACE/NAME. A wildcard is closed, and so is the field beside principals or namespaces."},
	{Field: "Source.ipBlocks", Verdict: Translated, Leaf: "rbacaddress", Golden: "inbound/testdata/ip_blocks", Ignored: byNode, Note: "The address of the socket. A broken CIDR is closed. gRPC for Node does not match addresses."},
	{Field: "Source.notIpBlocks", Verdict: Translated, Leaf: "rbacaddress", Golden: "inbound/testdata/ip_blocks", Ignored: byNode, Note: "The address of the socket. A broken CIDR is closed. gRPC for Node does not match addresses."},
	{Field: "Source.remoteIpBlocks", Verdict: Closed, Leaf: "rbacaddress", Golden: "inbound/testdata/remote_ip_blocks", Note: "Servers do not read X-Forwarded-For, and the socket may be that of a gateway. Write ipBlocks."},
	{Field: "Source.notRemoteIpBlocks", Verdict: Closed, Leaf: "rbacaddress", Golden: "inbound/testdata/remote_ip_blocks", Note: "Servers do not read X-Forwarded-For, and the socket may be that of a gateway. Write ipBlocks."},
	{Field: "Source.trustDomains", Verdict: Translated, Leaf: "rbacsource", Golden: "inbound/testdata/trust_domains"},
	{Field: "Source.notTrustDomains", Verdict: Translated, Leaf: "rbacsource", Golden: "inbound/testdata/trust_domains"},
	{Field: "Operation.hosts", Verdict: Translated, Leaf: "rbacheader", Golden: "inbound/testdata/hosts", Note: "Case is ignored. The caller writes the authority, so it protects nothing from callers that lie."},
	{Field: "Operation.notHosts", Verdict: Translated, Leaf: "rbacheader", Golden: "inbound/testdata/hosts", Note: "Case is ignored. The caller writes the authority, so it protects nothing from callers that lie."},
	{Field: "Operation.ports", Verdict: Translated, Leaf: "rbacoperation", Golden: "inbound/testdata/ports", Note: notePorts},
	{Field: "Operation.notPorts", Verdict: Translated, Leaf: "rbacoperation", Golden: "inbound/testdata/ports", Note: notePorts},
	{Field: "Operation.methods", Verdict: Translated, Leaf: "rbacoperation", Golden: "inbound/testdata/methods", Note: "Every gRPC call is a POST."},
	{Field: "Operation.notMethods", Verdict: Translated, Leaf: "rbacoperation", Golden: "inbound/testdata/methods", Note: "Every gRPC call is a POST."},
	{Field: "Operation.paths", Verdict: Translated, Leaf: "rbacoperation", Golden: "inbound/testdata/paths", Note: "/package.Service/Method: exact, prefix, suffix, `*`, or a template with `{*}` and `{**}`."},
	{Field: "Operation.notPaths", Verdict: Translated, Leaf: "rbacoperation", Golden: "inbound/testdata/paths", Note: "/package.Service/Method: exact, prefix, suffix, `*`, or a template with `{*}` and `{**}`."},

	{Field: "Condition.key", Verdict: Caveat, Leaf: "rbacwhen", Golden: "inbound/testdata/when_closed", Note: noteKeys},
	{Field: "Condition.values", Verdict: Translated, Leaf: "rbacwhen", Golden: "inbound/testdata/when_source", Note: "Exact, prefix, suffix or `*`, as the field of the same meaning."},
	{Field: "Condition.notValues", Verdict: Translated, Leaf: "rbacwhen", Golden: "inbound/testdata/when_source", Note: "As values."},
}
