package translate

// Notes that several rows share.
const (
	noteCookie    = "gRPC clients keep no cookies, so calls go round robin; hash a header"
	noteQueryHash = "calls of gRPC have no query parameters, so they go round robin; hash a header"
	noteWarmup    = "gRPC clients do not warm endpoints up; use a readiness probe"
	noteKeepalive = "gRPC clients keep connections alive by dial options; set them in the application"
	noteIdle      = "gRPC clients close connections after 30 minutes without calls; set the idle timeout by a dial option"
	noteErrors    = "taken as the share of failed calls in an interval, for gRPC does not count errors in a row; any status but OK is a failure; 0 is off"
	noteOrigin    = "gRPC does not tell local errors from others; leave it out"
	noteTLS       = "TLS is not translated yet, so it has no effect; encrypt in the application"
	noteTunnel    = "gRPC clients do not tunnel by rule; set a proxy in the application"
	noteProxy     = "gRPC clients do not speak the PROXY protocol; leave it out"
	noteBudget    = "gRPC clients take no budget of retries from rules; set fewer attempts"
)

// destinationRuleFields is the support table of DestinationRule, in the order of its API.
var destinationRuleFields = []FieldRow{
	{Field: "DestinationRule.host", Verdict: Translated, Leaf: "policy", GRFC: "A27", Golden: "policy/layers", Note: "exact, short and wildcard; the most specific holds"},
	{Field: "DestinationRule.trafficPolicy", Verdict: Translated, Leaf: "policy", GRFC: "A27", Golden: "locality/failover"},
	{Field: "DestinationRule.subsets", Verdict: Translated, Leaf: "subset", GRFC: "A27", Golden: "subset/labels"},
	{Field: "DestinationRule.exportTo", Verdict: Translated, Leaf: "policy", GRFC: "A27", Golden: "policy/selector"},
	{Field: "DestinationRule.workloadSelector", Verdict: Translated, Leaf: "policy", GRFC: "A27", Golden: "policy/selector", Note: "for clients of the rule's own namespace, by the labels that they state in their bootstrap; it comes before a rule without; to other clients the rule does not exist"},
	{Field: "WorkloadSelector.matchLabels", Verdict: Translated, Leaf: "policy", GRFC: "A27", Golden: "policy/selector", Note: "all of them; none selects all clients of the namespace"},

	{Field: "TrafficPolicy.loadBalancer", Verdict: Translated, Leaf: "loadbalancer", GRFC: "A52", Golden: "locality/failover"},
	{Field: "TrafficPolicy.connectionPool", Verdict: Caveat, Leaf: "circuitbreaker", GRFC: "A32", Golden: "policy/layers", Untold: "each of its fields that is dropped has a Problem of its own", Note: "see its fields"},
	{Field: "TrafficPolicy.outlierDetection", Verdict: Caveat, Leaf: "outlier", GRFC: "A50", Golden: "outlier/eject", Ignored: byRust, Note: "see its fields"},
	{Field: "TrafficPolicy.tls", Verdict: Caveat, Leaf: "tls", GRFC: "A29", Golden: "tls/disable", Untold: "the mode has a Problem of its own where it asks for what a client may lack", Note: "see its fields"},
	{Field: "TrafficPolicy.portLevelSettings", Verdict: Translated, Leaf: "policy", GRFC: "A27", Golden: "locality/layers", Note: "they replace the settings for all ports, as with Istio"},
	{Field: "TrafficPolicy.tunnel", Verdict: Warned, GRFC: "A86", Golden: "policy/dropped", Note: noteTunnel},
	{Field: "TrafficPolicy.proxyProtocol", Verdict: Warned, Golden: "policy/dropped", Note: noteProxy},
	{Field: "TrafficPolicy.retryBudget", Verdict: Warned, GRFC: "A44", Golden: "policy/dropped", Note: noteBudget},
	{Field: "TrafficPolicy.PortTrafficPolicy.port", Verdict: Translated, Leaf: "policy", GRFC: "A27", Golden: "locality/layers"},
	{Field: "TrafficPolicy.PortTrafficPolicy.loadBalancer", Verdict: Translated, Leaf: "loadbalancer", GRFC: "A52", Golden: "locality/layers"},
	{Field: "TrafficPolicy.PortTrafficPolicy.connectionPool", Verdict: Caveat, Leaf: "circuitbreaker", GRFC: "A32", Golden: "policy/layers", Untold: "each of its fields that is dropped has a Problem of its own", Note: "see its fields"},
	{Field: "TrafficPolicy.PortTrafficPolicy.outlierDetection", Verdict: Caveat, Leaf: "outlier", GRFC: "A50", Golden: "outlier/ports", Ignored: byRust, Note: "see its fields"},
	{Field: "TrafficPolicy.PortTrafficPolicy.tls", Verdict: Caveat, Leaf: "tls", GRFC: "A29", Golden: "tls/ports", Untold: "the mode has a Problem of its own where it asks for what a client may lack", Note: "see its fields"},
	{Field: "TrafficPolicy.TunnelSettings.protocol", Verdict: Warned, GRFC: "A86", Golden: "policy/dropped", Note: noteTunnel},
	{Field: "TrafficPolicy.TunnelSettings.targetHost", Verdict: Warned, GRFC: "A86", Golden: "policy/dropped", Note: noteTunnel},
	{Field: "TrafficPolicy.TunnelSettings.targetPort", Verdict: Warned, GRFC: "A86", Golden: "policy/dropped", Note: noteTunnel},
	{Field: "TrafficPolicy.ProxyProtocol.version", Verdict: Warned, Golden: "policy/dropped", Note: noteProxy},
	{Field: "TrafficPolicy.RetryBudget.percent", Verdict: Warned, GRFC: "A44", Golden: "policy/dropped", Note: noteBudget},
	{Field: "TrafficPolicy.RetryBudget.minRetryConcurrency", Verdict: Warned, GRFC: "A44", Golden: "policy/dropped", Note: noteBudget},
	{Field: "TrafficPolicy.RetryBudget.budgetInterval", Verdict: Warned, GRFC: "A44", Golden: "policy/dropped", Note: noteBudget},

	{Field: "Subset.name", Verdict: Translated, Leaf: "subset", GRFC: "A27", Golden: "subset/labels"},
	{Field: "Subset.labels", Verdict: Translated, Leaf: "subset", GRFC: "A27", Golden: "subset/labels", Note: "compared with the labels of Pods"},
	{Field: "Subset.trafficPolicy", Verdict: Translated, Leaf: "policy", GRFC: "A27", Golden: "locality/layers"},

	{Field: "LoadBalancerSettings.simple", Verdict: Caveat, Leaf: "loadbalancer", GRFC: "A48, A52", Golden: "loadbalancer/simple", Partly: byCoreAndNode, Note: "ROUND_ROBIN unless set; LEAST_REQUEST is round robin to C-core and Node; RANDOM and PASSTHROUGH are round robin"},
	{Field: "LoadBalancerSettings.consistentHash", Verdict: Caveat, Leaf: "hash", GRFC: "A42", Golden: "hash/layers", Ignored: byRust, Note: "see its fields; where destinations of one rule hash different things, all of that is hashed for each"},
	{Field: "LoadBalancerSettings.localityLbSetting", Verdict: Translated, Leaf: "locality", GRFC: "A27", Golden: "locality/failover", Partly: byRust, Note: "without outlierDetection, too: a connection that fails is enough"},
	{Field: "LoadBalancerSettings.zoneAwareLbSetting", Verdict: Caveat, Leaf: "zoneaware", GRFC: "A27", Golden: "zoneaware/spill", Ignored: byRust, Note: "clients are taken to be spread evenly over the zones, for gRPC does not measure where calls come from"},
	{Field: "LoadBalancerSettings.warmupDurationSecs", Verdict: Warned, Golden: "loadbalancer/warmup", Note: noteWarmup},
	{Field: "LoadBalancerSettings.warmup", Verdict: Warned, Golden: "loadbalancer/warmup", Note: noteWarmup},
	{Field: "LoadBalancerSettings.ConsistentHashLB.httpHeaderName", Verdict: Translated, Leaf: "hash", GRFC: "A42", Golden: "hash/layers", Ignored: byRust, Note: "a header that the application sends as metadata; calls without it go to random endpoints"},
	{Field: "LoadBalancerSettings.ConsistentHashLB.httpCookie", Verdict: Warned, Leaf: "hash", GRFC: "A42, A55", Golden: "hash/dropped", Note: noteCookie},
	{Field: "LoadBalancerSettings.ConsistentHashLB.useSourceIp", Verdict: Caveat, Leaf: "hash", GRFC: "A42", Golden: "hash/layers", Ignored: byRust, Note: "the channel is hashed instead: all calls of one go to one endpoint"},
	{Field: "LoadBalancerSettings.ConsistentHashLB.httpQueryParameterName", Verdict: Warned, Leaf: "hash", GRFC: "A42", Golden: "hash/dropped", Note: noteQueryHash},
	{Field: "LoadBalancerSettings.ConsistentHashLB.ringHash", Verdict: Translated, Leaf: "hash", GRFC: "A42", Golden: "hash/sizes", Ignored: byRust},
	{Field: "LoadBalancerSettings.ConsistentHashLB.maglev", Verdict: Caveat, Leaf: "hash", GRFC: "A42", Golden: "hash/layers", Ignored: byRust, Note: "a ring of hashes instead"},
	{Field: "LoadBalancerSettings.ConsistentHashLB.minimumRingSize", Verdict: Caveat, Leaf: "hash", GRFC: "A42", Golden: "hash/sizes", Ignored: byNodeAndRust, Note: "see RingHash.minimumRingSize"},
	{Field: "LoadBalancerSettings.ConsistentHashLB.HTTPCookie.name", Verdict: Warned, Leaf: "hash", GRFC: "A42, A55", Golden: "hash/dropped", Note: noteCookie},
	{Field: "LoadBalancerSettings.ConsistentHashLB.HTTPCookie.path", Verdict: Warned, Leaf: "hash", GRFC: "A42, A55", Golden: "hash/dropped", Note: noteCookie},
	{Field: "LoadBalancerSettings.ConsistentHashLB.HTTPCookie.ttl", Verdict: Warned, Leaf: "hash", GRFC: "A42, A55", Golden: "hash/dropped", Note: noteCookie},
	{Field: "LoadBalancerSettings.ConsistentHashLB.HTTPCookie.attributes", Verdict: Warned, Leaf: "hash", GRFC: "A42, A55", Golden: "hash/dropped", Note: noteCookie},
	{Field: "LoadBalancerSettings.ConsistentHashLB.HTTPCookie.Attribute.name", Verdict: Warned, Leaf: "hash", GRFC: "A42, A55", Golden: "hash/dropped", Note: noteCookie},
	{Field: "LoadBalancerSettings.ConsistentHashLB.HTTPCookie.Attribute.value", Verdict: Warned, Leaf: "hash", GRFC: "A42, A55", Golden: "hash/dropped", Note: noteCookie},
	{Field: "LoadBalancerSettings.ConsistentHashLB.RingHash.minimumRingSize", Verdict: Caveat, Leaf: "hash", GRFC: "A42", Golden: "hash/layers", Ignored: byNodeAndRust, Note: "1024 unless set, and always to gRPC for Node, which refuses a cluster that asks for a number; others make at most 4096 unless they are set up otherwise"},
	{Field: "LoadBalancerSettings.ConsistentHashLB.MagLev.tableSize", Verdict: Caveat, Leaf: "hash", GRFC: "A42", Golden: "hash/layers", Ignored: byRust, Untold: "the Problem of maglev tells it", Note: "a ring of hashes instead, of 1024 entries"},
	{Field: "LocalityLoadBalancerSetting.distribute", Verdict: Translated, Leaf: "distribute", GRFC: "A27", Golden: "distribute/shares", Ignored: byRust, Note: "by the locality that the client states in its bootstrap; with least requests and hashes as well"},
	{Field: "LocalityLoadBalancerSetting.failover", Verdict: Translated, Leaf: "locality", GRFC: "A27", Golden: "locality/failover", Partly: byRust, Note: "the region that stands by comes before the others, which come last"},
	{Field: "LocalityLoadBalancerSetting.failoverPriority", Verdict: Translated, Leaf: "locality", GRFC: "A27", Golden: "locality/labels", Partly: byRust, Note: "compared with the labels and the locality that the client states in its bootstrap"},
	{Field: "LocalityLoadBalancerSetting.enabled", Verdict: Translated, Leaf: "locality", GRFC: "A27", Golden: "locality/disabled", Note: "`false` makes all endpoints alike, whatever the Service prefers"},
	{Field: "LocalityLoadBalancerSetting.Distribute.from", Verdict: Translated, Leaf: "distribute", GRFC: "A27", Golden: "distribute/shares", Ignored: byRust, Note: "the first that fits the client holds; one that none fits spreads calls over all endpoints"},
	{Field: "LocalityLoadBalancerSetting.Distribute.to", Verdict: Translated, Leaf: "distribute", GRFC: "A27", Golden: "distribute/shares", Ignored: byRust, Note: "a locality counts for the most exact entry; localities without a share get no calls"},
	{Field: "LocalityLoadBalancerSetting.Failover.from", Verdict: Translated, Leaf: "locality", GRFC: "A27", Golden: "locality/failover", Partly: byRust},
	{Field: "LocalityLoadBalancerSetting.Failover.to", Verdict: Translated, Leaf: "locality", GRFC: "A27", Golden: "locality/failover", Partly: byRust},
	{Field: "ZoneAwareLoadBalancerSetting.enabled", Verdict: Translated, Leaf: "zoneaware", GRFC: "A27", Golden: "zoneaware/spill", Ignored: byRust},
	{Field: "ZoneAwareLoadBalancerSetting.failover", Verdict: Translated, Leaf: "zoneaware", GRFC: "A27", Golden: "zoneaware/spill", Ignored: byRust},
	{Field: "ZoneAwareLoadBalancerSetting.failoverPriority", Verdict: Translated, Leaf: "zoneaware", GRFC: "A27", Golden: "zoneaware/labels", Ignored: byRust},
	{Field: "ZoneAwareLoadBalancerSetting.minClusterSize", Verdict: Translated, Leaf: "zoneaware", GRFC: "A27", Golden: "zoneaware/spill", Ignored: byRust, Note: "6 unless set; a region with fewer endpoints is not balanced by zone"},
	{Field: "ZoneAwareLoadBalancerSetting.Failover.from", Verdict: Translated, Leaf: "zoneaware", GRFC: "A27", Golden: "zoneaware/spill", Ignored: byRust},
	{Field: "ZoneAwareLoadBalancerSetting.Failover.to", Verdict: Translated, Leaf: "zoneaware", GRFC: "A27", Golden: "zoneaware/spill", Ignored: byRust},
	{Field: "WarmupConfiguration.duration", Verdict: Warned, Golden: "loadbalancer/warmup", Note: noteWarmup},
	{Field: "WarmupConfiguration.minimumPercent", Verdict: Warned, Golden: "loadbalancer/warmup", Note: noteWarmup},
	{Field: "WarmupConfiguration.aggression", Verdict: Warned, Golden: "loadbalancer/warmup", Note: noteWarmup},

	{Field: "ConnectionPoolSettings.tcp", Verdict: Caveat, Leaf: "circuitbreaker", Golden: "circuitbreaker/dropped", Untold: "each of its fields has a Problem of its own", Note: "gRPC clients keep one connection to each endpoint; see its fields"},
	{Field: "ConnectionPoolSettings.http", Verdict: Caveat, Leaf: "circuitbreaker", GRFC: "A32", Golden: "policy/layers", Untold: "each of its fields that is dropped has a Problem of its own", Note: "see its fields"},
	{Field: "ConnectionPoolSettings.TCPSettings.maxConnections", Verdict: Warned, Golden: "circuitbreaker/dropped", Note: "gRPC clients keep one connection to each endpoint; use http.http2MaxRequests"},
	{Field: "ConnectionPoolSettings.TCPSettings.connectTimeout", Verdict: Warned, Golden: "circuitbreaker/dropped", Note: "gRPC clients give an attempt to connect 20 seconds; set it by a dial option in the application"},
	{Field: "ConnectionPoolSettings.TCPSettings.tcpKeepalive", Verdict: Warned, Golden: "circuitbreaker/dropped", Note: noteKeepalive},
	{Field: "ConnectionPoolSettings.TCPSettings.maxConnectionDuration", Verdict: Warned, Golden: "circuitbreaker/dropped", Note: "set the maximum age of connections on the server; gRPC clients obey"},
	{Field: "ConnectionPoolSettings.TCPSettings.idleTimeout", Verdict: Warned, Golden: "circuitbreaker/dropped", Note: noteIdle},
	{Field: "ConnectionPoolSettings.TCPSettings.TcpKeepalive.probes", Verdict: Warned, Golden: "circuitbreaker/dropped", Note: noteKeepalive},
	{Field: "ConnectionPoolSettings.TCPSettings.TcpKeepalive.time", Verdict: Warned, Golden: "circuitbreaker/dropped", Note: noteKeepalive},
	{Field: "ConnectionPoolSettings.TCPSettings.TcpKeepalive.interval", Verdict: Warned, Golden: "circuitbreaker/dropped", Note: noteKeepalive},
	{Field: "ConnectionPoolSettings.HTTPSettings.http1MaxPendingRequests", Verdict: Warned, Golden: "circuitbreaker/dropped", Note: "gRPC clients queue no calls for want of a connection; use http2MaxRequests"},
	{Field: "ConnectionPoolSettings.HTTPSettings.http2MaxRequests", Verdict: Caveat, Leaf: "circuitbreaker", GRFC: "A32", Golden: "policy/layers", Ignored: byJavaAndRust, Untold: "it is always so, and Istio's limit is one proxy's too", Note: "calls in flight of one client process; those beyond fail at once; gRPC for Java sets no limit, for it counts calls only to report load"},
	{Field: "ConnectionPoolSettings.HTTPSettings.maxRequestsPerConnection", Verdict: Warned, Golden: "circuitbreaker/dropped", Note: "gRPC clients send any number of calls over a connection; set its maximum age on the server"},
	{Field: "ConnectionPoolSettings.HTTPSettings.maxRetries", Verdict: Warned, Golden: "circuitbreaker/dropped", Note: "gRPC clients do not limit retries in flight; set fewer attempts"},
	{Field: "ConnectionPoolSettings.HTTPSettings.idleTimeout", Verdict: Warned, Golden: "circuitbreaker/dropped", Note: noteIdle},
	{Field: "ConnectionPoolSettings.HTTPSettings.h2UpgradePolicy", Verdict: Warned, Golden: "circuitbreaker/dropped", Note: "gRPC is HTTP/2 already; leave it out"},
	{Field: "ConnectionPoolSettings.HTTPSettings.useClientProtocol", Verdict: Warned, Golden: "circuitbreaker/dropped", Note: "gRPC is HTTP/2 already; leave it out"},
	{Field: "ConnectionPoolSettings.HTTPSettings.maxConcurrentStreams", Verdict: Warned, Golden: "circuitbreaker/dropped", Note: "set it on the server; gRPC clients obey"},
	{Field: "ConnectionPoolSettings.HTTPSettings.http2KeepAlive", Verdict: Warned, Golden: "circuitbreaker/dropped", Note: noteKeepalive},
	{Field: "ConnectionPoolSettings.HTTPSettings.ConnectionKeepalive.interval", Verdict: Warned, Golden: "circuitbreaker/dropped", Note: noteKeepalive},
	{Field: "ConnectionPoolSettings.HTTPSettings.ConnectionKeepalive.timeout", Verdict: Warned, Golden: "circuitbreaker/dropped", Note: noteKeepalive},

	{Field: "OutlierDetection.consecutiveErrors", Verdict: Caveat, Leaf: "outlier", GRFC: "A50", Golden: "outlier/ports", Ignored: byRust, Untold: "the Problem of outlierDetection tells it", Note: noteErrors},
	{Field: "OutlierDetection.splitExternalLocalOriginErrors", Verdict: Warned, GRFC: "A50", Golden: "outlier/invalid", Note: noteOrigin},
	{Field: "OutlierDetection.consecutiveLocalOriginFailures", Verdict: Warned, GRFC: "A50", Golden: "outlier/invalid", Note: noteOrigin},
	{Field: "OutlierDetection.consecutiveGatewayErrors", Verdict: Caveat, Leaf: "outlier", GRFC: "A50", Golden: "outlier/ports", Ignored: byRust, Untold: "the Problem of outlierDetection tells it", Note: noteErrors},
	{Field: "OutlierDetection.consecutive5xxErrors", Verdict: Caveat, Leaf: "outlier", GRFC: "A50", Golden: "outlier/eject", Ignored: byRust, Untold: "the Problem of outlierDetection tells it", Note: noteErrors + "; 5 unless set"},
	{Field: "OutlierDetection.interval", Verdict: Translated, Leaf: "outlier", GRFC: "A50", Golden: "outlier/eject", Ignored: byRust, Note: "10s unless set"},
	{Field: "OutlierDetection.baseEjectionTime", Verdict: Translated, Leaf: "outlier", GRFC: "A50", Golden: "outlier/eject", Ignored: byRust, Note: "30s unless set; it grows with each ejection to 300s at most"},
	{Field: "OutlierDetection.maxEjectionPercent", Verdict: Translated, Leaf: "outlier", GRFC: "A50", Golden: "outlier/eject", Ignored: byRust, Note: "10 unless set; one endpoint may always be ejected"},
	{Field: "OutlierDetection.minHealthPercent", Verdict: Warned, GRFC: "A50", Golden: "policy/dropped", Note: "gRPC clients have no panic mode, and call only endpoints that are not ejected; set maxEjectionPercent"},
	{Field: "OutlierDetection.outlierDetectionHttpErrorCodes", Verdict: Warned, GRFC: "A50", Golden: "outlier/invalid", Note: "gRPC counts every status but OK as a failure; leave it out"},

	{Field: "ClientTLSSettings.mode", Verdict: Untranslated, Leaf: "tls", Note: "DISABLE is followed; with any other the calls fail, for they would go out unencrypted"},
	{Field: "ClientTLSSettings.clientCertificate", Verdict: Untranslated, Note: noteTLS},
	{Field: "ClientTLSSettings.privateKey", Verdict: Untranslated, Note: noteTLS},
	{Field: "ClientTLSSettings.caCertificates", Verdict: Untranslated, Note: noteTLS},
	{Field: "ClientTLSSettings.credentialName", Verdict: Untranslated, Note: noteTLS},
	{Field: "ClientTLSSettings.subjectAltNames", Verdict: Untranslated, Note: noteTLS},
	{Field: "ClientTLSSettings.sni", Verdict: Untranslated, Note: noteTLS},
	{Field: "ClientTLSSettings.insecureSkipVerify", Verdict: Untranslated, Note: noteTLS},
	{Field: "ClientTLSSettings.caCrl", Verdict: Untranslated, Note: noteTLS},
}
