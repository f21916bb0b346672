package fields

import "github.com/mizzen-mesh/mizzen/pkg/mesh"

// Notes that several rows share.
const (
	NoteCookie    = "gRPC clients do not keep cookies, so calls are balanced round robin. Hash a header."
	NoteQueryHash = "gRPC calls have no query parameters, so they are balanced round robin. Hash a header."
	noteWarmup    = "gRPC clients do not warm up endpoints. Use a readiness probe."
	noteKeepalive = "gRPC clients set keepalive by dial options. Set them in the application."
	noteIdle      = "gRPC clients close connections after 30 minutes without calls. Set the idle timeout by a dial option."
	noteErrors    = "Treated as the share of failed calls in an interval, because gRPC does not count consecutive errors. Any status but OK is a failure."
	noteOrigin    = "gRPC does not distinguish local errors from others. Remove the field."
	noteTunnel    = "gRPC clients do not tunnel by rule. Set a proxy in the application."
	noteProxy     = "gRPC clients do not support the PROXY protocol. Remove the field."
	noteBudget    = "gRPC clients do not support retry budgets. Set fewer attempts."
)

// destinationRuleFields is the support table of DestinationRule, in the order of its API.
var destinationRuleFields = []Row{
	{Field: "DestinationRule.host", Verdict: Translated, Leaf: "policy", GRFC: "A27", Golden: "policy/layers", Calls: "TestWeights", Note: "Exact, short and wildcard hosts. The most specific one applies."},
	{Field: "DestinationRule.trafficPolicy", Verdict: Translated, Leaf: "policy", GRFC: "A27", Golden: "locality/failover", Calls: "TestMaximumRequests"},
	{Field: "DestinationRule.subsets", Verdict: Translated, Leaf: "subset", GRFC: "A27", Golden: "subset/labels", Calls: "TestWeights"},
	{Field: "DestinationRule.exportTo", Verdict: Translated, Leaf: "policy", GRFC: "A27", Golden: "policy/selector", Calls: "TestPoliciesForSomeCallers"},
	{Field: "DestinationRule.workloadSelector", Verdict: Translated, Leaf: "policy", GRFC: "A27", Golden: "policy/selector", Calls: "TestPoliciesForSomeCallers", Note: "Selects clients of the rule's namespace by the labels in their bootstrap. Takes precedence over a rule without a selector. For other clients the rule does not exist."},
	{Field: "WorkloadSelector.matchLabels", Verdict: Translated, Leaf: "policy", GRFC: "A27", Golden: "policy/selector", Calls: "TestPoliciesForSomeCallers", Note: "All labels must match. An empty selector selects all clients of the namespace."},

	{Field: "TrafficPolicy.loadBalancer", Verdict: Translated, Leaf: "loadbalancer", GRFC: "A52", Golden: "locality/failover", Calls: "TestHashOfHeader"},
	{Field: "TrafficPolicy.connectionPool", Verdict: Caveat, Leaf: "circuitbreaker", GRFC: "A32", Golden: "policy/layers", Calls: "TestMaximumRequests", Ignored: byJavaAndRust, Untold: "each of its dropped fields has its own Problem", Note: "See its fields."},
	{Field: "TrafficPolicy.outlierDetection", Verdict: Caveat, Leaf: "outlier", GRFC: "A50", Golden: "outlier/eject", Calls: "TestOutlierIsEjected", Ignored: byRust, Note: "See its fields."},
	{Field: "TrafficPolicy.tls", Verdict: Caveat, Leaf: "tls", GRFC: "A29", Golden: "tls/disable", Calls: "TestEncryptionFollowsTheRule", Ignored: byRust, Untold: "the mode has its own Problem if it needs something that a client may lack", Note: "See its fields."},
	{Field: "TrafficPolicy.portLevelSettings", Verdict: Translated, Leaf: "policy", GRFC: "A27", Golden: "locality/layers", Calls: "TestPoliciesForParts", Note: "They replace the settings for all ports, as in Istio."},
	{Field: "TrafficPolicy.tunnel", Verdict: Warned, GRFC: "A86", Golden: "policy/dropped", Note: noteTunnel},
	{Field: "TrafficPolicy.proxyProtocol", Verdict: Warned, Golden: "policy/dropped", Note: noteProxy},
	{Field: "TrafficPolicy.retryBudget", Verdict: Warned, GRFC: "A44", Golden: "policy/dropped", Note: noteBudget},
	{Field: "TrafficPolicy.PortTrafficPolicy.port", Verdict: Translated, Leaf: "policy", GRFC: "A27", Golden: "locality/layers", Calls: "TestPoliciesForParts"},
	{Field: "TrafficPolicy.PortTrafficPolicy.loadBalancer", Verdict: Translated, Leaf: "loadbalancer", GRFC: "A52", Golden: "locality/layers", Calls: "TestPoliciesForParts"},
	{Field: "TrafficPolicy.PortTrafficPolicy.connectionPool", Verdict: Caveat, Leaf: "circuitbreaker", GRFC: "A32", Golden: "policy/layers", Ignored: byJavaAndRust, Untold: "each of its dropped fields has its own Problem", Note: "See its fields."},
	{Field: "TrafficPolicy.PortTrafficPolicy.outlierDetection", Verdict: Caveat, Leaf: "outlier", GRFC: "A50", Golden: "outlier/ports", Ignored: byRust, Note: "See its fields."},
	{Field: "TrafficPolicy.PortTrafficPolicy.tls", Verdict: Caveat, Leaf: "tls", GRFC: "A29", Golden: "tls/ports", Ignored: byRust, Untold: "the mode has its own Problem if it needs something that a client may lack", Note: "See its fields."},
	{Field: "TrafficPolicy.TunnelSettings.protocol", Verdict: Warned, GRFC: "A86", Golden: "policy/dropped", Note: noteTunnel},
	{Field: "TrafficPolicy.TunnelSettings.targetHost", Verdict: Warned, GRFC: "A86", Golden: "policy/dropped", Note: noteTunnel},
	{Field: "TrafficPolicy.TunnelSettings.targetPort", Verdict: Warned, GRFC: "A86", Golden: "policy/dropped", Note: noteTunnel},
	{Field: "TrafficPolicy.ProxyProtocol.version", Verdict: Warned, Golden: "policy/dropped", Note: noteProxy},
	{Field: "TrafficPolicy.RetryBudget.percent", Verdict: Warned, GRFC: "A44", Golden: "policy/dropped", Note: noteBudget},
	{Field: "TrafficPolicy.RetryBudget.minRetryConcurrency", Verdict: Warned, GRFC: "A44", Golden: "policy/dropped", Note: noteBudget},
	{Field: "TrafficPolicy.RetryBudget.budgetInterval", Verdict: Warned, GRFC: "A44", Golden: "policy/dropped", Note: noteBudget},

	{Field: "Subset.name", Verdict: Translated, Leaf: "subset", GRFC: "A27", Golden: "subset/labels", Calls: "TestWeights"},
	{Field: "Subset.labels", Verdict: Translated, Leaf: "subset", GRFC: "A27", Golden: "subset/labels", Calls: "TestWeights", Note: "Compared with the labels of Pods."},
	{Field: "Subset.trafficPolicy", Verdict: Translated, Leaf: "policy", GRFC: "A27", Golden: "locality/layers", Calls: "TestPoliciesForParts"},

	{Field: "LoadBalancerSettings.simple", Verdict: Caveat, Leaf: "loadbalancer", GRFC: "A48, A52", Golden: "loadbalancer/simple", Calls: "TestGap07", Partly: byCoreAndNode, Note: "If unset: ROUND_ROBIN. LEAST_REQUEST is round robin for C-core and Node. RANDOM and PASSTHROUGH are round robin."},
	{Field: "LoadBalancerSettings.consistentHash", Verdict: Caveat, Leaf: "hash", GRFC: "A42", Golden: "hash/layers", Calls: "TestHashOfHeader", Ignored: byRust, Note: "See its fields. If the destinations of a rule have different hash keys, all keys are hashed for each call. In gRPC for Node a call may wait after an edit: docs/OPERATING.md."},
	{Field: "LoadBalancerSettings.localityLbSetting", Verdict: Translated, Leaf: "locality", GRFC: "A27", Golden: "locality/failover", Calls: "TestLocalityFailsOverAndComesBack", Partly: byRust, Note: "Also without outlierDetection: a failed connection is enough. tonic is sent only the nearest endpoints because it has no failover."},
	{Field: "LoadBalancerSettings.zoneAwareLbSetting", Verdict: Caveat, Leaf: "zoneaware", GRFC: "A27", Golden: "zoneaware/spill", Calls: "TestPreferences", Ignored: byRust, Note: "The weights assume that clients are spread evenly over the zones because gRPC does not measure where calls come from."},
	{Field: "LoadBalancerSettings.warmupDurationSecs", Verdict: Warned, Golden: "loadbalancer/warmup", Note: noteWarmup},
	{Field: "LoadBalancerSettings.warmup", Verdict: Warned, Golden: "loadbalancer/warmup", Note: noteWarmup},
	{Field: "LoadBalancerSettings.ConsistentHashLB.httpHeaderName", Verdict: Translated, Leaf: "hash", GRFC: "A42", Golden: "hash/layers", Calls: "TestHashOfHeader", Ignored: byRust, Note: "A header that the application sends as metadata. Calls without it go to random endpoints."},
	{Field: "LoadBalancerSettings.ConsistentHashLB.httpCookie", Verdict: Warned, Leaf: "hash", GRFC: "A42, A55", Golden: "hash/dropped", Note: NoteCookie},
	{Field: "LoadBalancerSettings.ConsistentHashLB.useSourceIp", Verdict: Caveat, Leaf: "hash", GRFC: "A42", Golden: "hash/layers", Calls: "TestHashOfChannel", Ignored: byRust, Note: "The channel is hashed instead: all calls of a channel go to one endpoint."},
	{Field: "LoadBalancerSettings.ConsistentHashLB.httpQueryParameterName", Verdict: Warned, Leaf: "hash", GRFC: "A42", Golden: "hash/dropped", Note: NoteQueryHash},
	{Field: "LoadBalancerSettings.ConsistentHashLB.ringHash", Verdict: Translated, Leaf: "hash", GRFC: "A42", Golden: "hash/sizes", Ignored: byRust},
	{Field: "LoadBalancerSettings.ConsistentHashLB.maglev", Verdict: Caveat, Leaf: "hash", GRFC: "A42", Golden: "hash/layers", Calls: "TestGap07", Ignored: byRust, Note: "A hash ring instead."},
	{Field: "LoadBalancerSettings.ConsistentHashLB.minimumRingSize", Verdict: Caveat, Leaf: "hash", GRFC: "A42", Golden: "hash/sizes", Ignored: byNodeAndRust, Note: "See RingHash.minimumRingSize."},
	{Field: "LoadBalancerSettings.ConsistentHashLB.HTTPCookie.name", Verdict: Warned, Leaf: "hash", GRFC: "A42, A55", Golden: "hash/dropped", Note: NoteCookie},
	{Field: "LoadBalancerSettings.ConsistentHashLB.HTTPCookie.path", Verdict: Warned, Leaf: "hash", GRFC: "A42, A55", Golden: "hash/dropped", Note: NoteCookie},
	{Field: "LoadBalancerSettings.ConsistentHashLB.HTTPCookie.ttl", Verdict: Warned, Leaf: "hash", GRFC: "A42, A55", Golden: "hash/dropped", Note: NoteCookie},
	{Field: "LoadBalancerSettings.ConsistentHashLB.HTTPCookie.attributes", Verdict: Warned, Leaf: "hash", GRFC: "A42, A55", Golden: "hash/dropped", Note: NoteCookie},
	{Field: "LoadBalancerSettings.ConsistentHashLB.HTTPCookie.Attribute.name", Verdict: Warned, Leaf: "hash", GRFC: "A42, A55", Golden: "hash/dropped", Note: NoteCookie},
	{Field: "LoadBalancerSettings.ConsistentHashLB.HTTPCookie.Attribute.value", Verdict: Warned, Leaf: "hash", GRFC: "A42, A55", Golden: "hash/dropped", Note: NoteCookie},
	{Field: "LoadBalancerSettings.ConsistentHashLB.RingHash.minimumRingSize", Verdict: Caveat, Leaf: "hash", GRFC: "A42", Golden: "hash/layers", Ignored: byNodeAndRust, Note: "If unset: 1024. Always 1024 for gRPC for Node, which balances round robin if a cluster sets a ring size. Other clients make at most 4096 entries unless they are configured otherwise."},
	{Field: "LoadBalancerSettings.ConsistentHashLB.MagLev.tableSize", Verdict: Caveat, Leaf: "hash", GRFC: "A42", Golden: "hash/layers", Calls: "TestGap07", Ignored: byRust, Untold: "the Problem of maglev states it", Note: "A hash ring of 1024 entries instead."},
	{Field: "LocalityLoadBalancerSetting.distribute", Verdict: Translated, Leaf: "distribute", GRFC: "A27", Golden: "distribute/shares", Calls: "TestLocalityShares", Ignored: byRust, Note: "By the locality in the client's bootstrap. Also with least request and consistent hash."},
	{Field: "LocalityLoadBalancerSetting.failover", Verdict: Translated, Leaf: "locality", GRFC: "A27", Golden: "locality/failover", Calls: "TestRegionStandsBy", Partly: byRust, Note: "The failover region comes before the other regions, which come last."},
	{Field: "LocalityLoadBalancerSetting.failoverPriority", Verdict: Translated, Leaf: "locality", GRFC: "A27", Golden: "locality/labels", Calls: "TestPreferences", Partly: byRust, Note: "Compared with the labels and the locality in the client's bootstrap."},
	{Field: "LocalityLoadBalancerSetting.enabled", Verdict: Translated, Leaf: "locality", GRFC: "A27", Golden: "locality/disabled", Calls: "TestPreferences", Note: "`false` gives all endpoints the same priority, whatever the Service prefers."},
	{Field: "LocalityLoadBalancerSetting.Distribute.from", Verdict: Translated, Leaf: "distribute", GRFC: "A27", Golden: "distribute/shares", Calls: "TestLocalityShares", Ignored: byRust, Note: "The first entry that matches the client applies. A client that matches no entry spreads its calls over all endpoints."},
	{Field: "LocalityLoadBalancerSetting.Distribute.to", Verdict: Translated, Leaf: "distribute", GRFC: "A27", Golden: "distribute/shares", Calls: "TestLocalityShares", Ignored: byRust, Note: "A locality belongs to the most specific entry. Localities without a weight get no calls."},
	{Field: "LocalityLoadBalancerSetting.Failover.from", Verdict: Translated, Leaf: "locality", GRFC: "A27", Golden: "locality/failover", Calls: "TestRegionStandsBy", Partly: byRust},
	{Field: "LocalityLoadBalancerSetting.Failover.to", Verdict: Translated, Leaf: "locality", GRFC: "A27", Golden: "locality/failover", Calls: "TestRegionStandsBy", Partly: byRust},
	{Field: "ZoneAwareLoadBalancerSetting.enabled", Verdict: Translated, Leaf: "zoneaware", GRFC: "A27", Golden: "zoneaware/spill", Calls: "TestPreferences", Ignored: byRust},
	{Field: "ZoneAwareLoadBalancerSetting.failover", Verdict: Translated, Leaf: "zoneaware", GRFC: "A27", Golden: "zoneaware/spill", Calls: "TestRegionStandsBy", Ignored: byRust},
	{Field: "ZoneAwareLoadBalancerSetting.failoverPriority", Verdict: Translated, Leaf: "zoneaware", GRFC: "A27", Golden: "zoneaware/labels", Calls: "TestPreferences", Ignored: byRust},
	{Field: "ZoneAwareLoadBalancerSetting.minClusterSize", Verdict: Translated, Leaf: "zoneaware", GRFC: "A27", Golden: "zoneaware/spill", Calls: "TestPreferences", Ignored: byRust, Note: "If unset: 6. A region with fewer endpoints is not balanced by zone."},
	{Field: "ZoneAwareLoadBalancerSetting.Failover.from", Verdict: Translated, Leaf: "zoneaware", GRFC: "A27", Golden: "zoneaware/spill", Calls: "TestRegionStandsBy", Ignored: byRust},
	{Field: "ZoneAwareLoadBalancerSetting.Failover.to", Verdict: Translated, Leaf: "zoneaware", GRFC: "A27", Golden: "zoneaware/spill", Calls: "TestRegionStandsBy", Ignored: byRust},
	{Field: "WarmupConfiguration.duration", Verdict: Warned, Golden: "loadbalancer/warmup", Note: noteWarmup},
	{Field: "WarmupConfiguration.minimumPercent", Verdict: Warned, Golden: "loadbalancer/warmup", Note: noteWarmup},
	{Field: "WarmupConfiguration.aggression", Verdict: Warned, Golden: "loadbalancer/warmup", Note: noteWarmup},

	{Field: "ConnectionPoolSettings.tcp", Verdict: Caveat, Leaf: "circuitbreaker", Golden: "circuitbreaker/dropped", Ignored: byAll, Untold: "each of its fields has its own Problem", Note: "gRPC clients keep one connection to each endpoint. See its fields."},
	{Field: "ConnectionPoolSettings.http", Verdict: Caveat, Leaf: "circuitbreaker", GRFC: "A32", Golden: "policy/layers", Calls: "TestMaximumRequests", Ignored: byJavaAndRust, Untold: "each of its dropped fields has its own Problem", Note: "See its fields."},
	{Field: "ConnectionPoolSettings.TCPSettings.maxConnections", Verdict: Warned, Golden: "circuitbreaker/dropped", Note: "gRPC clients keep one connection to each endpoint. Use http.http2MaxRequests."},
	{Field: "ConnectionPoolSettings.TCPSettings.connectTimeout", Verdict: Warned, Golden: "circuitbreaker/dropped", Note: "gRPC clients limit each attempt to connect to 20 seconds. Set it by a dial option in the application."},
	{Field: "ConnectionPoolSettings.TCPSettings.tcpKeepalive", Verdict: Warned, Golden: "circuitbreaker/dropped", Note: noteKeepalive},
	{Field: "ConnectionPoolSettings.TCPSettings.maxConnectionDuration", Verdict: Warned, Golden: "circuitbreaker/dropped", Note: "gRPC clients do not limit the age of connections. Set the maximum age on the server; gRPC clients obey it."},
	{Field: "ConnectionPoolSettings.TCPSettings.idleTimeout", Verdict: Warned, Golden: "circuitbreaker/dropped", Note: noteIdle},
	{Field: "ConnectionPoolSettings.TCPSettings.TcpKeepalive.probes", Verdict: Warned, Golden: "circuitbreaker/dropped", Note: noteKeepalive},
	{Field: "ConnectionPoolSettings.TCPSettings.TcpKeepalive.time", Verdict: Warned, Golden: "circuitbreaker/dropped", Note: noteKeepalive},
	{Field: "ConnectionPoolSettings.TCPSettings.TcpKeepalive.interval", Verdict: Warned, Golden: "circuitbreaker/dropped", Note: noteKeepalive},
	{Field: "ConnectionPoolSettings.HTTPSettings.http1MaxPendingRequests", Verdict: Warned, Golden: "circuitbreaker/dropped", Note: "gRPC clients do not queue calls for a connection. Use http2MaxRequests."},
	{Field: "ConnectionPoolSettings.HTTPSettings.http2MaxRequests", Verdict: Caveat, Leaf: "circuitbreaker", GRFC: "A32", Golden: "policy/layers", Calls: "TestMaximumRequests", Ignored: byJavaAndRust, Untold: "it is always so, and Istio's limit is one proxy's too", Note: "Limits the calls in flight of one client process. Further calls fail immediately. gRPC for Java sets no limit because it counts calls only to report load."},
	{Field: "ConnectionPoolSettings.HTTPSettings.maxRequestsPerConnection", Verdict: Warned, Golden: "circuitbreaker/dropped", Note: "gRPC clients do not limit the calls of a connection. Set the maximum age of connections on the server."},
	{Field: "ConnectionPoolSettings.HTTPSettings.maxRetries", Verdict: Warned, Golden: "circuitbreaker/dropped", Note: "gRPC clients do not limit retries in flight. Set fewer attempts."},
	{Field: "ConnectionPoolSettings.HTTPSettings.idleTimeout", Verdict: Warned, Golden: "circuitbreaker/dropped", Note: noteIdle},
	{Field: "ConnectionPoolSettings.HTTPSettings.h2UpgradePolicy", Verdict: Warned, Golden: "circuitbreaker/dropped", Note: "gRPC always uses HTTP/2. Remove the field."},
	{Field: "ConnectionPoolSettings.HTTPSettings.useClientProtocol", Verdict: Warned, Golden: "circuitbreaker/dropped", Note: "gRPC always uses HTTP/2. Remove the field."},
	{Field: "ConnectionPoolSettings.HTTPSettings.maxConcurrentStreams", Verdict: Warned, Golden: "circuitbreaker/dropped", Note: "gRPC clients do not limit it. Set it on the server; gRPC clients obey it."},
	{Field: "ConnectionPoolSettings.HTTPSettings.http2KeepAlive", Verdict: Warned, Golden: "circuitbreaker/dropped", Note: noteKeepalive},
	{Field: "ConnectionPoolSettings.HTTPSettings.ConnectionKeepalive.interval", Verdict: Warned, Golden: "circuitbreaker/dropped", Note: noteKeepalive},
	{Field: "ConnectionPoolSettings.HTTPSettings.ConnectionKeepalive.timeout", Verdict: Warned, Golden: "circuitbreaker/dropped", Note: noteKeepalive},

	{Field: "OutlierDetection.consecutiveErrors", Verdict: Caveat, Leaf: "outlier", GRFC: "A50", Golden: "outlier/ports", Ignored: byRust, Untold: "the Problem of outlierDetection states it", Note: noteErrors},
	{Field: "OutlierDetection.splitExternalLocalOriginErrors", Verdict: Warned, GRFC: "A50", Golden: "outlier/invalid", Note: noteOrigin},
	{Field: "OutlierDetection.consecutiveLocalOriginFailures", Verdict: Warned, GRFC: "A50", Golden: "outlier/invalid", Note: noteOrigin},
	{Field: "OutlierDetection.consecutiveGatewayErrors", Verdict: Caveat, Leaf: "outlier", GRFC: "A50", Golden: "outlier/ports", Ignored: byRust, Untold: "the Problem of outlierDetection states it", Note: noteErrors + " 0 is off."},
	{Field: "OutlierDetection.consecutive5xxErrors", Verdict: Caveat, Leaf: "outlier", GRFC: "A50", Golden: "outlier/eject", Calls: "TestOutlierIsEjected", Ignored: byRust, Untold: "the Problem of outlierDetection states it", Note: noteErrors + " 0 is off. If unset: 5."},
	{Field: "OutlierDetection.interval", Verdict: Translated, Leaf: "outlier", GRFC: "A50", Golden: "outlier/eject", Calls: "TestOutlierIsEjected", Ignored: byRust, Note: "If unset: 10s."},
	{Field: "OutlierDetection.baseEjectionTime", Verdict: Translated, Leaf: "outlier", GRFC: "A50", Golden: "outlier/eject", Calls: "TestOutlierIsEjected", Ignored: byRust, Note: "If unset: 30s. It grows with each ejection to at most 300s."},
	{Field: "OutlierDetection.maxEjectionPercent", Verdict: Translated, Leaf: "outlier", GRFC: "A50", Golden: "outlier/eject", Ignored: byRust, Note: "If unset: 10. One endpoint may always be ejected."},
	{Field: "OutlierDetection.minHealthPercent", Verdict: Warned, GRFC: "A50", Golden: "policy/dropped", Note: "gRPC clients have no panic mode and call only endpoints that are not ejected. Set maxEjectionPercent."},
	{Field: "OutlierDetection.outlierDetectionHttpErrorCodes", Verdict: Warned, GRFC: "A50", Golden: "outlier/invalid", Note: "gRPC counts every status but OK as a failure. Remove the field."},

	{Field: "ClientTLSSettings.mode", Verdict: Caveat, Leaf: "tls", GRFC: "A29, A82", Golden: "tls/mesh", Calls: "TestEncryptedCalls", Ignored: byRust, Note: noteTLSMode},
	{Field: "ClientTLSSettings.clientCertificate", Verdict: Refused, Leaf: "tls", GRFC: "A29", Golden: "tls/refused", Note: NoteTLSFile},
	{Field: "ClientTLSSettings.privateKey", Verdict: Refused, Leaf: "tls", GRFC: "A29", Golden: "tls/refused", Note: NoteTLSFile},
	{Field: "ClientTLSSettings.caCertificates", Verdict: Refused, Leaf: "tls", GRFC: "A29", Golden: "tls/refused", Note: NoteTLSFile},
	{Field: "ClientTLSSettings.credentialName", Verdict: Caveat, Leaf: "tls", GRFC: "A29", Golden: "tls/provider", Calls: "TestEncryptedCalls", Ignored: byRust, Note: noteTLSProvider},
	{Field: "ClientTLSSettings.subjectAltNames", Verdict: Caveat, Leaf: "tls", GRFC: "A29", Golden: "tls/outside", Calls: "TestEncryptedCalls", Ignored: byRust, Note: noteTLSNames},
	{Field: "ClientTLSSettings.sni", Verdict: Caveat, Leaf: "tls", GRFC: "A101", Golden: "tls/provider", Calls: "TestEncryptedCalls", Ignored: byNodeAndRust, Partly: byGo, Note: noteTLSName},
	{Field: "ClientTLSSettings.insecureSkipVerify", Verdict: Refused, Leaf: "tls", GRFC: "A29", Golden: "tls/refused", Note: NoteTLSSkip},
	{Field: "ClientTLSSettings.caCrl", Verdict: Refused, Leaf: "tls", GRFC: "A29", Golden: "tls/refused", Note: NoteTLSRevoked},
}

const noteTLSMode = "DISABLE, SIMPLE, MUTUAL and ISTIO_MUTUAL. A client must declare the certificate provider that the mode needs: `default` for ISTIO_MUTUAL, " +
	"`system` for SIMPLE without credentialName, otherwise the provider under credentialName. In place of `system`, these verify servers by the roots of their machine: " +
	"gRPC for Java since 1.77 and C-core since 1.74 if they declare any provider or variable, Go since 1.71 if it declares the variable GRPC_EXPERIMENTAL_XDS_SYSTEM_ROOT_CERTS. Calls of other clients fail; they are not sent unencrypted."

const noteTLSProvider = "The name of a certificate provider in the client's bootstrap, not of a Secret. See mode."

const noteTLSNames = "Compared as a whole. A certificate for a wildcard is accepted for each name below it, but gRPC for Java accepts it only if the wildcard itself is listed, and then accepts " +
	"certificates for each name below it, too. If unset, the server's certificate must be for a service account of the endpoints (ISTIO_MUTUAL), " +
	"or for the name under sni, else for the Service's own name (MUTUAL, SIMPLE)."

// NoteTLSWildcard is the note of a wildcard in subjectAltNames, which package clusters reports where the field is set.
const NoteTLSWildcard = "gRPC for Java accepts a certificate for any name that %q covers, other clients only a certificate for the wildcard itself. List names without a wildcard to accept those alone."

// NoteTLSFile is the note of fields that name files, which package clusters reports where the field is set.
const NoteTLSFile = "gRPC clients do not read a path from a rule. Calls fail. Put the files into a certificate provider of the client's bootstrap " +
	"and set credentialName to the provider."

// NoteTLSRevoked is the note of caCrl, which package clusters reports where the field is set.
const NoteTLSRevoked = "gRPC clients do not check revocation lists. Calls fail. Remove the field, and use short-lived certificates."

// NoteTLSSkip is the note of insecureSkipVerify, which package clusters reports where the field is set.
const NoteTLSSkip = "gRPC clients always verify the server. Calls fail. Remove the field, and set credentialName to a certificate provider with the server's authority."

// noteTLSName is the note of sni.
const noteTLSName = "The name that clients send when they connect. If unset: the Service's own host, or its externalName (SIMPLE, MUTUAL). gRPC for Java sends it since 1.77, C-core since 1.80, " +
	"and Go since 1.81 if its variable GRPC_EXPERIMENTAL_XDS_SNI is true. gRPC for Node and older C-core send the name that the application dials. A server with several certificates may then present another one, " +
	"and calls fail because of the names."

// NoteTLSSystem is the note of SIMPLE without a credentialName, which package clusters reports where the field is set.
func NoteTLSSystem(family mesh.Family) string {
	if family == mesh.FamilyEnvoy {
		return "This applies to Envoy if its node declares the certificate provider `system`; otherwise its calls fail. Write the bootstrap with `controlplane bootstrap --for envoy --authorities system=FILE`."
	}
	if family == mesh.FamilyHTTP {
		return "This applies to the Java agent if its bootstrap declares a certificate provider; otherwise its calls fail. Write the bootstrap with `controlplane bootstrap --authorities system=FILE`."
	}
	return "This applies to clients whose bootstrap declares how they verify the server. Calls of other clients fail. Write it with `controlplane bootstrap --system-roots` for Go since 1.71, Java since 1.77 and C-core since 1.74, " +
		"which take the roots of their machine, and with `--authorities system=FILE` for Node and for older Go and C-core."
}

// NoSystemRoots is what package clusters reports if a client cannot verify a server by the system roots.
func NoSystemRoots() string {
	return "The client declares neither the certificate provider \"system\" nor, if its version can trust the system roots, the variable GRPC_EXPERIMENTAL_XDS_SYSTEM_ROOT_CERTS. " +
		"Its calls fail. Set and declare the variable as `controlplane bootstrap --system-roots` does, or declare the provider."
}
