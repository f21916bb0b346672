package mesh

// releaseRange are the versions that lack something, until excluded.
type releaseRange struct{ from, until Release }

var (
	never = Release{Major: ^uint16(0)}
	// always lack it, as far as is known.
	always = releaseRange{until: never}
)

func (s releaseRange) contains(r Release) bool { return !r.before(s.from) && r.before(s.until) }

// until are all versions before 1.MINOR.
func until(minor uint16) releaseRange { return releaseRange{until: Release{1, minor}} }

// releaseRanges are those of each kind of client. The zero releaseRange has no versions.
type releaseRanges [Envoy + 1]releaseRange

// featureRow says who has a missing feature. ClientKinds that are not named do not have it; of a client that is not known it is only said what
// changes the bytes, for it gets those that all accept.
type featureRow struct {
	feature Features
	// grfc is the proposal of gRPC that closes the missing feature.
	grfc string
	// fallback is what becomes of the calls, and the way out; empty for what only changes the form.
	fallback string
	missing  releaseRanges
}

// featureTable is in the order of the constants. Its versions are those of grpc/grpc's doc/grpc_xds_features.md, but where a
// comment says otherwise. TestRunsAgreeWithFeatures holds them against what real clients of many versions did.
var featureTable = []featureRow{
	{feature: FeatureStringMatch, grfc: "A63", missing: releaseRanges{
		GRPCGo: until(56), GRPCJava: until(53), GRPCCore: until(56), GRPCNode: until(9), UnknownClient: always,
	}},
	{feature: FeatureRingHashPolicy, grfc: "A52", missing: releaseRanges{
		// From where the enum is accepted to where the list is read. gRPC for Node learned both at once.
		GRPCGo: {Release{1, 41}, Release{1, 56}}, GRPCJava: {Release{1, 40}, Release{1, 47}},
		// C-core 1.51, as Debian has it, crashes in calls on a ring, so that it is not told of one.
	}},
	{feature: FeatureLeastRequestPolicy, grfc: "A52", missing: releaseRanges{
		GRPCRust: always, // tonic-xds/src/xds/resource/cluster.rs
	}},
	{feature: FeatureRingSize, grfc: "A42", missing: releaseRanges{
		GRPCNode: always, // It reads sizes as texts, and refuses the cluster for their not being numbers.
		GRPCRust: always, UnknownClient: always,
	}},
	{feature: FeaturePriority, grfc: "A27", missing: releaseRanges{
		GRPCRust: always, // tonic-xds/src/xds/resource/endpoints.rs
	}},
	{feature: FeaturePartialVirtualHost, grfc: "A28", missing: releaseRanges{
		GRPCCore: until(56), // 1.51 refuses it; of those between it is not known.
	}},
	{feature: FeatureUnmatchedVirtualHost, grfc: "A28", missing: releaseRanges{
		GRPCNode: always, // Its calls wait without end.
		Envoy:    always, UnknownClient: always,
	}},
	{feature: FeatureRoutelessVirtualHost, grfc: "A28", missing: releaseRanges{
		GRPCCore: always, // 1.51 refuses it; to later ones the route makes no difference.
	}},
	{feature: FeatureTLS, grfc: "A29", missing: releaseRanges{
		// The others read past the settings, or look for the names of servers in another place.
		GRPCGo: until(42), GRPCJava: until(42), GRPCCore: until(42),
		GRPCNode: until(14), // It has them since 1.11, but 1.13 ends with the first connection to such a cluster; 1.11 and 1.12 were not run.
		GRPCRust: always, Envoy: always, UnknownClient: always,
	}},
	{feature: FeatureSystemRoots, grfc: "A82", missing: releaseRanges{
		// The others refuse the cluster.
		GRPCJava: until(78), GRPCGo: always, GRPCCore: always, GRPCNode: always,
		GRPCRust: always, Envoy: always, UnknownClient: always,
	}},
	{feature: FeatureInlineRoutes, grfc: "A27", missing: releaseRanges{
		GRPCNode: until(13), // It does not subscribe to the table that it had before. 1.10 was seen to do so, and 1.13 not.
	}},
	{feature: FeatureWeightSum, grfc: "A28", missing: releaseRanges{
		GRPCGo: until(54), GRPCCore: until(56),
		GRPCNode: until(15), // 1.14.1 has it; releases are not told apart further.
	}},
	{
		feature: FeatureLeastRequest, grfc: "A48", fallback: "Their calls are balanced round robin. Keep the setting if that is good enough for them.",
		missing: releaseRanges{
			GRPCGo:   until(73), // Switched on by default there: internal/envconfig/envconfig.go
			GRPCJava: until(48), GRPCCore: always, GRPCNode: always,
		},
	},
	{
		feature: FeatureCircuitBreaking, grfc: "A32", fallback: "Their calls are not limited. Limit them in the server.",
		missing: releaseRanges{
			GRPCGo: until(37), GRPCCore: until(37), GRPCNode: until(4), GRPCRust: always,
			GRPCJava: always, // It counts only the calls of clusters that report their load: docs/INTEROP.md
		},
	},
	{
		feature: FeatureRingHash, grfc: "A42", fallback: "Their calls do not stay together. Use another client if they must.",
		missing: releaseRanges{
			GRPCGo: until(41), GRPCJava: until(40), GRPCCore: until(55), GRPCNode: until(10), GRPCRust: always,
		},
	},
	{
		feature: FeatureOutlierDetection, grfc: "A50", fallback: "They do not eject endpoints. Use a readiness probe.",
		missing: releaseRanges{
			GRPCGo: until(50), GRPCJava: until(49), GRPCCore: until(51), GRPCNode: until(7), GRPCRust: always,
		},
	},
	{
		feature: FeatureFaultInjection, grfc: "A33", fallback: "Their calls get no fault. Test with another client.",
		missing: releaseRanges{
			GRPCGo: until(37), GRPCJava: until(37), GRPCCore: until(37), GRPCNode: until(4), GRPCRust: always,
		},
	},
	{
		feature: FeaturePickFirst, grfc: "A62",
		fallback: "Their calls are balanced round robin. For Node clients, set GRPC_EXPERIMENTAL_PICKFIRST_LB_CONFIG=true.",
		missing: releaseRanges{
			GRPCGo: until(56), GRPCJava: until(58), GRPCCore: until(58), GRPCNode: always, GRPCRust: always,
		},
	},
	{
		feature: FeatureWeightedRoundRobin, grfc: "A58",
		fallback: "Their calls are balanced round robin. For Node clients, set GRPC_EXPERIMENTAL_XDS_WRR_LB=true.",
		missing: releaseRanges{
			GRPCGo: until(56), GRPCJava: until(54), GRPCCore: until(55), GRPCNode: always, GRPCRust: always,
		},
	},
	{
		feature: FeatureContentType, grfc: "A28", fallback: "Their routing does not see content-type. Match a header that the application sends.",
		missing: releaseRanges{
			GRPCGo: always, // It is added once the route is chosen, though routing would read it: stream.go
		},
	},
}
