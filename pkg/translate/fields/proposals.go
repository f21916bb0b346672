package fields

// proposal is a gRPC proposal, or a part of one, and the first version of each client kind that implements it.
type proposal struct {
	grfc, what string
	// run is the name of the feature in test/interop/history.json; empty if it is not run.
	run string
	// annotated says that only an annotation refers to it, and no row.
	annotated bool
	// since is in the order of languages. A dash means that no version implements it.
	since [5]string
}

const notOffered = ", which Mizzen does not offer"

// proposals are the proposals that rows refer to. The versions are from gRPC's doc/grpc_xds_features.md or, for
// proposals that are newer than that file, from the source code of the clients. They are compared with what was run.
var proposals = []proposal{
	{grfc: "A27", run: "A27", what: "xDS: names, endpoints, priorities and locality weights", since: [5]string{"1.30", "1.30", "1.30", "1.2", "0.1, without failover and locality weights"}},
	{grfc: "A28", run: "A28", what: "routing by path and header, weighted clusters", since: [5]string{"1.31", "1.31", "1.31", "1.3", "0.1"}},
	{grfc: "A28", run: "partial virtual hosts", what: "virtual hosts without a route for every call", since: [5]string{"1.31", "1.31", "1.56", "1.3", "0.1"}},
	{grfc: "A28", run: "content-type", what: "routes see the header content-type", since: [5]string{"-", "1.31", "1.31", "1.3", "0.1"}},
	{grfc: "A29", run: "A29", what: "TLS by the client's certificate providers", since: [5]string{"1.42", "1.42; 1.68 reads RSA keys only", "1.42", "1.14", "in progress"}},
	{grfc: "A31", run: "A31", what: "route timeouts", since: [5]string{"1.37", "1.37.1", "1.37.1", "1.4", "-"}},
	{grfc: "A32", run: "A32", what: "circuit breaking: limit of calls in flight", since: [5]string{"1.37", "1.37.1, where load is reported", "1.37.1, not PHP", "1.4", "-"}},
	{grfc: "A33", run: "A33", what: "fault injection", since: [5]string{"1.37", "1.37.1", "1.37.1", "1.4", "-"}},
	{grfc: "A39", run: "A33", what: "HTTP filters, run with the filter for faults; unknown filters are rejected", since: [5]string{"1.37", "1.37.1", "1.37.1", "1.4", "-"}},
	{grfc: "A42", run: "A42", what: "ring hash", since: [5]string{"1.41", "1.40.1", "1.55", "1.10", "-"}},
	{grfc: "A42", what: "ring hash with a ring of a set size", since: [5]string{"1.41", "1.40.1", "1.55", "-", "-"}},
	{grfc: "A44", run: "A44", what: "retries", since: [5]string{"1.41", "1.40.1", "1.40", "1.8", "by its own policy"}},
	{grfc: "A48", run: "A48", what: "least request", since: [5]string{"1.73; 1.56 by a variable", "1.48", "-", "-", "0.1"}},
	{grfc: "A50", run: "A50", what: "outlier detection", since: [5]string{"1.50", "1.49", "1.51", "1.7", "in progress"}},
	{grfc: "A52", run: "A52", what: "custom load balancing policies", since: [5]string{"1.56", "1.47", "1.55", "1.10", "-"}},
	{grfc: "A55", what: "stateful session affinity by cookie" + notOffered, since: [5]string{"-", "-", "1.61", "-", "-"}},
	{grfc: "A58", run: "A58", annotated: true, what: "weights from the load that endpoints report", since: [5]string{"1.56", "1.54", "1.55", "by a variable", "-"}},
	{grfc: "A62", run: "A62", annotated: true, what: "pick first", since: [5]string{"1.56", "1.58", "1.58", "by a variable", "-"}},
	{grfc: "A63", run: "A63", what: "string matchers for headers", since: [5]string{"1.56", "1.53", "1.56", "1.9", "0.1"}},
	{grfc: "A81", what: "authority rewriting, off by default" + notOffered, since: [5]string{"by a variable", "by a variable", "by a variable", "-", "-"}},
	{grfc: "A82", what: "system root certificates", since: [5]string{"1.71, by a variable", "1.77", "1.74; 1.66 by a variable", "-", "-"}},
	{grfc: "A86", what: "HTTP CONNECT tunnels, off by default" + notOffered, since: [5]string{"by a variable", "by a variable", "by a variable", "-", "-"}},
	{grfc: "A101", what: "SNI", since: [5]string{"1.81, by a variable", "1.77", "1.80", "-", "-"}},
}
