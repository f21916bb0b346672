package translate

// Notes that several rows share.
const (
	noteHash     = "balancing by a hash is not translated yet, so calls go round robin; leave it out, or use subsets"
	noteWarmup   = "gRPC clients do not warm endpoints up; use a readiness probe"
	noteTCPPool  = "gRPC clients keep one connection to each endpoint; set dial options in the application"
	noteHTTPPool = "gRPC clients pool no connections; leave it out"
	noteErrors   = "taken as the share of failed calls in an interval, for gRPC does not count errors in a row; any status but OK is a failure; 0 is off"
	noteOrigin   = "gRPC does not tell local errors from others; leave it out"
	noteTLS      = "TLS is not translated yet, so it has no effect; encrypt in the application"
	noteTunnel   = "gRPC clients do not tunnel by rule; set a proxy in the application"
	noteProxy    = "gRPC clients do not speak the PROXY protocol; leave it out"
	noteBudget   = "gRPC clients take no budget of retries from rules; set fewer attempts"
)

// destinationRuleFields is the support table of DestinationRule, in the order of its API.
var destinationRuleFields = []FieldRow{
	{"DestinationRule.host", Translated, "policy", "exact, short and wildcard; the most specific holds"},
	{"DestinationRule.trafficPolicy", Translated, "policy", ""},
	{"DestinationRule.subsets", Translated, "subset", ""},
	{"DestinationRule.exportTo", Translated, "policy", ""},
	{"DestinationRule.workloadSelector", Untranslated, "", "rules for some clients are not translated yet, so this one holds for all; use exportTo"},
	{"WorkloadSelector.matchLabels", Untranslated, "", "see DestinationRule.workloadSelector"},

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
	{"LoadBalancerSettings.consistentHash", Untranslated, "", noteHash},
	{"LoadBalancerSettings.localityLbSetting", Translated, "locality", "without outlierDetection, too: a connection that fails is enough"},
	{"LoadBalancerSettings.zoneAwareLbSetting", Caveat, "zoneaware", "clients are taken to be spread evenly over the zones, for gRPC does not measure where calls come from"},
	{"LoadBalancerSettings.warmupDurationSecs", Warned, "", noteWarmup},
	{"LoadBalancerSettings.warmup", Warned, "", noteWarmup},
	{"LoadBalancerSettings.ConsistentHashLB.httpHeaderName", Untranslated, "", noteHash},
	{"LoadBalancerSettings.ConsistentHashLB.httpCookie", Untranslated, "", noteHash},
	{"LoadBalancerSettings.ConsistentHashLB.useSourceIp", Untranslated, "", noteHash},
	{"LoadBalancerSettings.ConsistentHashLB.httpQueryParameterName", Untranslated, "", noteHash},
	{"LoadBalancerSettings.ConsistentHashLB.ringHash", Untranslated, "", noteHash},
	{"LoadBalancerSettings.ConsistentHashLB.maglev", Untranslated, "", noteHash},
	{"LoadBalancerSettings.ConsistentHashLB.minimumRingSize", Untranslated, "", noteHash},
	{"LoadBalancerSettings.ConsistentHashLB.HTTPCookie.name", Untranslated, "", noteHash},
	{"LoadBalancerSettings.ConsistentHashLB.HTTPCookie.path", Untranslated, "", noteHash},
	{"LoadBalancerSettings.ConsistentHashLB.HTTPCookie.ttl", Untranslated, "", noteHash},
	{"LoadBalancerSettings.ConsistentHashLB.HTTPCookie.attributes", Untranslated, "", noteHash},
	{"LoadBalancerSettings.ConsistentHashLB.HTTPCookie.Attribute.name", Untranslated, "", noteHash},
	{"LoadBalancerSettings.ConsistentHashLB.HTTPCookie.Attribute.value", Untranslated, "", noteHash},
	{"LoadBalancerSettings.ConsistentHashLB.RingHash.minimumRingSize", Untranslated, "", noteHash},
	{"LoadBalancerSettings.ConsistentHashLB.MagLev.tableSize", Untranslated, "", noteHash},
	{"LocalityLoadBalancerSetting.distribute", Translated, "distribute", "by the locality that the client states in its bootstrap; with least requests as well, not with hashes"},
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

	{"ConnectionPoolSettings.tcp", Warned, "", noteTCPPool},
	{"ConnectionPoolSettings.http", Caveat, "circuitbreaker", "see its fields"},
	{"ConnectionPoolSettings.TCPSettings.maxConnections", Warned, "", noteTCPPool},
	{"ConnectionPoolSettings.TCPSettings.connectTimeout", Warned, "", noteTCPPool},
	{"ConnectionPoolSettings.TCPSettings.tcpKeepalive", Warned, "", noteTCPPool},
	{"ConnectionPoolSettings.TCPSettings.maxConnectionDuration", Warned, "", noteTCPPool},
	{"ConnectionPoolSettings.TCPSettings.idleTimeout", Warned, "", noteTCPPool},
	{"ConnectionPoolSettings.TCPSettings.TcpKeepalive.probes", Warned, "", noteTCPPool},
	{"ConnectionPoolSettings.TCPSettings.TcpKeepalive.time", Warned, "", noteTCPPool},
	{"ConnectionPoolSettings.TCPSettings.TcpKeepalive.interval", Warned, "", noteTCPPool},
	{"ConnectionPoolSettings.HTTPSettings.http1MaxPendingRequests", Warned, "", noteHTTPPool},
	{"ConnectionPoolSettings.HTTPSettings.http2MaxRequests", Caveat, "circuitbreaker", "calls in flight of one client process; those beyond fail at once"},
	{"ConnectionPoolSettings.HTTPSettings.maxRequestsPerConnection", Warned, "", noteHTTPPool},
	{"ConnectionPoolSettings.HTTPSettings.maxRetries", Warned, "", "gRPC clients do not limit retries in flight; set fewer attempts"},
	{"ConnectionPoolSettings.HTTPSettings.idleTimeout", Warned, "", noteHTTPPool},
	{"ConnectionPoolSettings.HTTPSettings.h2UpgradePolicy", Warned, "", "gRPC is HTTP/2 already; leave it out"},
	{"ConnectionPoolSettings.HTTPSettings.useClientProtocol", Warned, "", "gRPC is HTTP/2 already; leave it out"},
	{"ConnectionPoolSettings.HTTPSettings.maxConcurrentStreams", Warned, "", "set it on the server; gRPC clients obey"},
	{"ConnectionPoolSettings.HTTPSettings.http2KeepAlive", Warned, "", "gRPC clients keep connections alive by dial options; set them in the application"},
	{"ConnectionPoolSettings.HTTPSettings.ConnectionKeepalive.interval", Warned, "", noteHTTPPool},
	{"ConnectionPoolSettings.HTTPSettings.ConnectionKeepalive.timeout", Warned, "", noteHTTPPool},

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
