package fields

// proposal is a gRPC proposal, and the first version of each client kind that implements it.
type proposal struct {
	grfc, what string
	// since is in the order of languages. A dash means that no version implements it.
	since [5]string
}

// proposals are the proposals that rows refer to. The versions are from gRPC's doc/grpc_xds_features.md or, for
// proposals that are newer than that file, from the source code of the clients.
var proposals = []proposal{
	{"A27", "xDS: names, endpoints, priorities and locality weights", [5]string{"1.30", "1.30", "1.30", "1.2", "0.1, without failover and locality weights"}},
	{"A28", "routing by path and header, weighted clusters", [5]string{"1.31", "1.31", "1.31", "1.3", "0.1"}},
	{"A29", "TLS by the client's certificate providers", [5]string{"1.42", "1.42", "1.42", "1.11", "in progress"}},
	{"A31", "route timeouts", [5]string{"1.37", "1.37.1", "1.37.1", "1.4", "-"}},
	{"A32", "circuit breaking: limit of calls in flight", [5]string{"1.37", "1.37.1, where load is reported", "1.37.1, not PHP", "1.4", "-"}},
	{"A33", "fault injection", [5]string{"1.37", "1.37.1", "1.37.1", "1.4", "-"}},
	{"A39", "HTTP filters; unknown filters are rejected", [5]string{"1.37", "1.37.1", "1.37.1", "1.4", "-"}},
	{"A42", "ring hash", [5]string{"1.41", "1.40.1", "1.40", "1.10", "-"}},
	{"A44", "retries", [5]string{"1.41", "1.40.1", "1.40", "1.8", "by its own policy"}},
	{"A48", "least request", [5]string{"1.73; 1.56 by a variable", "1.48", "-", "-", "0.1"}},
	{"A50", "outlier detection", [5]string{"1.50", "1.49", "1.51", "1.7", "in progress"}},
	{"A52", "custom load balancing policies", [5]string{"1.56", "1.47", "1.55", "1.10", "-"}},
	{"A55", "stateful session affinity by cookie, which Mizzen does not offer", [5]string{"-", "-", "1.61", "-", "-"}},
	{"A63", "string matchers for headers", [5]string{"1.56", "1.53", "1.56", "1.9", "0.1"}},
	{"A81", "authority rewriting, off by default", [5]string{"by a variable", "by a variable", "by a variable", "-", "-"}},
	{"A82", "system root certificates", [5]string{"by a variable", "1.78", "by a variable; 1.85 without", "-", "-"}},
	{"A86", "HTTP CONNECT tunnels, off by default", [5]string{"by a variable", "by a variable", "by a variable", "-", "-"}},
	{"A101", "SNI", [5]string{"by a variable", "1.78", "by a variable", "-", "-"}},
}
