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
	{"DestinationRule.host", Translated, "policy", "exact, short and wildcard; the most specific holds"},
	{"DestinationRule.trafficPolicy", Translated, "policy", ""},
	{"DestinationRule.subsets", Translated, "subset", ""},
	{"DestinationRule.exportTo", Translated, "policy", ""},
	{"DestinationRule.workloadSelector", Translated, "policy", "for clients of the rule's own namespace, by the labels that they state in their bootstrap; it comes before a rule without; to other clients the rule does not exist"},
	{"WorkloadSelector.matchLabels", Translated, "policy", "all of them; none selects all clients of the namespace"},

	{"TrafficPolicy.loadBalancer", Translated, "loadbalancer", ""},
	{"TrafficPolicy.connectionPool", Caveat, "circuitbreaker", "see its fields"},
	{"TrafficPolicy.outlierDetection", Caveat, "outlier", "see its fields"},
	{"TrafficPolicy.tls", Caveat, "tls", "see its fields"},
	{"TrafficPolicy.portLevelSettings", Translated, "policy", "they replace the settings for all ports, as with Istio"},
	{"TrafficPolicy.tunnel", Warned, "", noteTunnel},
	{"TrafficPolicy.proxyProtocol", Warned, "", noteProxy},
	{"TrafficPolicy.retryBudget", Warned, "", noteBudget},
	{"TrafficPolicy.PortTrafficPolicy.port", Translated, "policy", ""},
	{"TrafficPolicy.PortTrafficPolicy.loadBalancer", Translated, "loadbalancer", ""},
	{"TrafficPolicy.PortTrafficPolicy.connectionPool", Caveat, "circuitbreaker", "see its fields"},
	{"TrafficPolicy.PortTrafficPolicy.outlierDetection", Caveat, "outlier", "see its fields"},
	{"TrafficPolicy.PortTrafficPolicy.tls", Caveat, "tls", "see its fields"},
	{"TrafficPolicy.TunnelSettings.protocol", Warned, "", noteTunnel},
	{"TrafficPolicy.TunnelSettings.targetHost", Warned, "", noteTunnel},
	{"TrafficPolicy.TunnelSettings.targetPort", Warned, "", noteTunnel},
	{"TrafficPolicy.ProxyProtocol.version", Warned, "", noteProxy},
	{"TrafficPolicy.RetryBudget.percent", Warned, "", noteBudget},
	{"TrafficPolicy.RetryBudget.minRetryConcurrency", Warned, "", noteBudget},
	{"TrafficPolicy.RetryBudget.budgetInterval", Warned, "", noteBudget},

	{"Subset.name", Translated, "subset", ""},
	{"Subset.labels", Translated, "subset", "compared with the labels of Pods"},
	{"Subset.trafficPolicy", Translated, "policy", ""},

	{"LoadBalancerSettings.simple", Caveat, "loadbalancer", "ROUND_ROBIN unless set; LEAST_REQUEST is round robin to C-core and Node; " +
		"RANDOM and PASSTHROUGH are round robin"},
	{"LoadBalancerSettings.consistentHash", Caveat, "hash", "see its fields; where destinations of one rule hash different things, all of that is hashed for each"},
	{"LoadBalancerSettings.localityLbSetting", Translated, "locality", "without outlierDetection, too: a connection that fails is enough"},
	{"LoadBalancerSettings.zoneAwareLbSetting", Caveat, "zoneaware", "clients are taken to be spread evenly over the zones, for gRPC does not measure where calls come from"},
	{"LoadBalancerSettings.warmupDurationSecs", Warned, "", noteWarmup},
	{"LoadBalancerSettings.warmup", Warned, "", noteWarmup},
	{"LoadBalancerSettings.ConsistentHashLB.httpHeaderName", Translated, "hash", "a header that the application sends as metadata; calls without it go to random endpoints"},
	{"LoadBalancerSettings.ConsistentHashLB.httpCookie", Warned, "hash", noteCookie},
	{"LoadBalancerSettings.ConsistentHashLB.useSourceIp", Caveat, "hash", "the channel is hashed instead: all calls of one go to one endpoint"},
	{"LoadBalancerSettings.ConsistentHashLB.httpQueryParameterName", Warned, "hash", noteQueryHash},
	{"LoadBalancerSettings.ConsistentHashLB.ringHash", Translated, "hash", ""},
	{"LoadBalancerSettings.ConsistentHashLB.maglev", Caveat, "hash", "a ring of hashes instead"},
	{"LoadBalancerSettings.ConsistentHashLB.minimumRingSize", Caveat, "hash", "see RingHash.minimumRingSize"},
	{"LoadBalancerSettings.ConsistentHashLB.HTTPCookie.name", Warned, "hash", noteCookie},
	{"LoadBalancerSettings.ConsistentHashLB.HTTPCookie.path", Warned, "hash", noteCookie},
	{"LoadBalancerSettings.ConsistentHashLB.HTTPCookie.ttl", Warned, "hash", noteCookie},
	{"LoadBalancerSettings.ConsistentHashLB.HTTPCookie.attributes", Warned, "hash", noteCookie},
	{"LoadBalancerSettings.ConsistentHashLB.HTTPCookie.Attribute.name", Warned, "hash", noteCookie},
	{"LoadBalancerSettings.ConsistentHashLB.HTTPCookie.Attribute.value", Warned, "hash", noteCookie},
	{"LoadBalancerSettings.ConsistentHashLB.RingHash.minimumRingSize", Caveat, "hash", "1024 unless set, and always to gRPC for Node, which refuses a cluster that asks for a number; others make at most 4096 unless they are set up otherwise"},
	{"LoadBalancerSettings.ConsistentHashLB.MagLev.tableSize", Caveat, "hash", "a ring of hashes instead, of 1024 entries"},
	{"LocalityLoadBalancerSetting.distribute", Translated, "distribute", "by the locality that the client states in its bootstrap; with least requests and hashes as well"},
	{"LocalityLoadBalancerSetting.failover", Translated, "locality", "the region that stands by comes before the others, which come last"},
	{"LocalityLoadBalancerSetting.failoverPriority", Translated, "locality", "compared with the labels and the locality that the client states in its bootstrap"},
	{"LocalityLoadBalancerSetting.enabled", Translated, "locality", "`false` makes all endpoints alike, whatever the Service prefers"},
	{"LocalityLoadBalancerSetting.Distribute.from", Translated, "distribute", "the first that fits the client holds; one that none fits spreads calls over all endpoints"},
	{"LocalityLoadBalancerSetting.Distribute.to", Translated, "distribute", "a locality counts for the most exact entry; localities without a share get no calls"},
	{"LocalityLoadBalancerSetting.Failover.from", Translated, "locality", ""},
	{"LocalityLoadBalancerSetting.Failover.to", Translated, "locality", ""},
	{"ZoneAwareLoadBalancerSetting.enabled", Translated, "zoneaware", ""},
	{"ZoneAwareLoadBalancerSetting.failover", Translated, "zoneaware", ""},
	{"ZoneAwareLoadBalancerSetting.failoverPriority", Translated, "zoneaware", ""},
	{"ZoneAwareLoadBalancerSetting.minClusterSize", Translated, "zoneaware", "6 unless set; a region with fewer endpoints is not balanced by zone"},
	{"ZoneAwareLoadBalancerSetting.Failover.from", Translated, "zoneaware", ""},
	{"ZoneAwareLoadBalancerSetting.Failover.to", Translated, "zoneaware", ""},
	{"WarmupConfiguration.duration", Warned, "", noteWarmup},
	{"WarmupConfiguration.minimumPercent", Warned, "", noteWarmup},
	{"WarmupConfiguration.aggression", Warned, "", noteWarmup},

	{"ConnectionPoolSettings.tcp", Caveat, "circuitbreaker", "gRPC clients keep one connection to each endpoint; see its fields"},
	{"ConnectionPoolSettings.http", Caveat, "circuitbreaker", "see its fields"},
	{"ConnectionPoolSettings.TCPSettings.maxConnections", Warned, "", "gRPC clients keep one connection to each endpoint; use http.http2MaxRequests"},
	{"ConnectionPoolSettings.TCPSettings.connectTimeout", Warned, "", "gRPC clients give an attempt to connect 20 seconds; set it by a dial option in the application"},
	{"ConnectionPoolSettings.TCPSettings.tcpKeepalive", Warned, "", noteKeepalive},
	{"ConnectionPoolSettings.TCPSettings.maxConnectionDuration", Warned, "", "set the maximum age of connections on the server; gRPC clients obey"},
	{"ConnectionPoolSettings.TCPSettings.idleTimeout", Warned, "", noteIdle},
	{"ConnectionPoolSettings.TCPSettings.TcpKeepalive.probes", Warned, "", noteKeepalive},
	{"ConnectionPoolSettings.TCPSettings.TcpKeepalive.time", Warned, "", noteKeepalive},
	{"ConnectionPoolSettings.TCPSettings.TcpKeepalive.interval", Warned, "", noteKeepalive},
	{"ConnectionPoolSettings.HTTPSettings.http1MaxPendingRequests", Warned, "", "gRPC clients queue no calls for want of a connection; use http2MaxRequests"},
	{"ConnectionPoolSettings.HTTPSettings.http2MaxRequests", Caveat, "circuitbreaker", "calls in flight of one client process; those beyond fail at once; gRPC for Java sets no limit, for it counts calls only to report load"},
	{"ConnectionPoolSettings.HTTPSettings.maxRequestsPerConnection", Warned, "", "gRPC clients send any number of calls over a connection; set its maximum age on the server"},
	{"ConnectionPoolSettings.HTTPSettings.maxRetries", Warned, "", "gRPC clients do not limit retries in flight; set fewer attempts"},
	{"ConnectionPoolSettings.HTTPSettings.idleTimeout", Warned, "", noteIdle},
	{"ConnectionPoolSettings.HTTPSettings.h2UpgradePolicy", Warned, "", "gRPC is HTTP/2 already; leave it out"},
	{"ConnectionPoolSettings.HTTPSettings.useClientProtocol", Warned, "", "gRPC is HTTP/2 already; leave it out"},
	{"ConnectionPoolSettings.HTTPSettings.maxConcurrentStreams", Warned, "", "set it on the server; gRPC clients obey"},
	{"ConnectionPoolSettings.HTTPSettings.http2KeepAlive", Warned, "", noteKeepalive},
	{"ConnectionPoolSettings.HTTPSettings.ConnectionKeepalive.interval", Warned, "", noteKeepalive},
	{"ConnectionPoolSettings.HTTPSettings.ConnectionKeepalive.timeout", Warned, "", noteKeepalive},

	{"OutlierDetection.consecutiveErrors", Caveat, "outlier", noteErrors},
	{"OutlierDetection.splitExternalLocalOriginErrors", Warned, "", noteOrigin},
	{"OutlierDetection.consecutiveLocalOriginFailures", Warned, "", noteOrigin},
	{"OutlierDetection.consecutiveGatewayErrors", Caveat, "outlier", noteErrors},
	{"OutlierDetection.consecutive5xxErrors", Caveat, "outlier", noteErrors + "; 5 unless set"},
	{"OutlierDetection.interval", Translated, "outlier", "10s unless set"},
	{"OutlierDetection.baseEjectionTime", Translated, "outlier", "30s unless set; it grows with each ejection to 300s at most"},
	{"OutlierDetection.maxEjectionPercent", Translated, "outlier", "10 unless set; one endpoint may always be ejected"},
	{"OutlierDetection.minHealthPercent", Warned, "", "gRPC clients have no panic mode, and call only endpoints that are not ejected; set maxEjectionPercent"},
	{"OutlierDetection.outlierDetectionHttpErrorCodes", Warned, "", "gRPC counts every status but OK as a failure; leave it out"},

	{"ClientTLSSettings.mode", Untranslated, "tls", "DISABLE is followed; with any other the calls fail, for they would go out unencrypted"},
	{"ClientTLSSettings.clientCertificate", Untranslated, "", noteTLS},
	{"ClientTLSSettings.privateKey", Untranslated, "", noteTLS},
	{"ClientTLSSettings.caCertificates", Untranslated, "", noteTLS},
	{"ClientTLSSettings.credentialName", Untranslated, "", noteTLS},
	{"ClientTLSSettings.subjectAltNames", Untranslated, "", noteTLS},
	{"ClientTLSSettings.sni", Untranslated, "", noteTLS},
	{"ClientTLSSettings.insecureSkipVerify", Untranslated, "", noteTLS},
	{"ClientTLSSettings.caCrl", Untranslated, "", noteTLS},
}
