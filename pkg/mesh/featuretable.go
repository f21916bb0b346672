package mesh

// releaseRange is a range of releases: from is included, until is excluded. The zero releaseRange is empty.
type releaseRange struct{ from, until Release }

var (
	never = Release{Major: ^uint16(0)}
	// always has all releases, because no release is known that supports the feature.
	always = releaseRange{until: never}
)

func (r releaseRange) contains(release Release) bool {
	return !release.before(r.from) && release.before(r.until)
}

// since has all releases from 1.MINOR on.
func since(minor uint16) releaseRange { return releaseRange{from: Release{1, minor}, until: never} }

// until has all releases before 1.MINOR.
func until(minor uint16) releaseRange { return releaseRange{until: Release{1, minor}} }

// releaseRanges has a range for each ClientKind.
type releaseRanges [clientKindCount]releaseRange

// featureRow has the releases of each client kind that lack a feature. A kind that is not named supports it in all
// releases. An UnknownClient is named only if the missing feature changes the resources: it gets resources that all
// kinds accept.
type featureRow struct {
	feature Features
	// grfc is the gRPC proposal that specifies the feature.
	grfc string
	// fallback states what happens to the calls, and what to do. It is empty if the missing feature changes the
	// resources, and no Problem says so.
	fallback string
	// byKind has another text for Problems that concern a certain client kind, which has its own way out.
	byKind  kindFallback
	missing releaseRanges
	// variable is the environment variable that enables the feature in the releases byVariable, which are missing
	// releases as well; empty if there is none.
	variable   string
	byVariable releaseRanges
}

// kindFallback is the fallback of Problems that concern the kind; zero if it does not differ.
type kindFallback struct {
	kind ClientKind
	text string
}

// roundRobinInstead is the fallback of balancers.
const roundRobinInstead = "Their calls are balanced round robin. Keep the setting if that is good enough for them."

// serverNameNotSent is what happens without FeatureSNI.
const serverNameNotSent = "They do not send this name when they connect. Calls fail if the server has several certificates and presents another one. "

// featureTable has one row for each feature, in the order of the constants. The versions are from grpc/grpc's
// doc/grpc_xds_features.md, unless a comment names another source. TestRunsAgreeWithFeatures compares them
// with what real clients of many versions did.
var featureTable = []featureRow{
	{feature: FeatureStringMatch, grfc: "A63", missing: releaseRanges{
		// An unknown client is not named: some take a match in the older fields to be always true.
		GRPCGo: until(56), GRPCJava: until(53), GRPCCore: until(56), GRPCNode: until(9),
	}},
	{feature: FeatureRingHashPolicy, grfc: "A52", missing: releaseRanges{
		// These releases accept the enum, and do not read the list yet. gRPC for Node added both in one release.
		GRPCGo: {Release{1, 41}, Release{1, 56}}, GRPCJava: {Release{1, 40}, Release{1, 47}},
		JavaClient: always, // The Java agent's core reads the enum only.
		// C-core is not named: version 1.51, which Debian packages, crashes in calls with ring hash, so it is not
		// sent the enum.
	}},
	{feature: FeatureLeastRequestPolicy, grfc: "A52", missing: releaseRanges{
		GRPCRust:   always, // tonic-xds/src/xds/resource/cluster.rs
		JavaClient: always,
	}},
	{feature: FeatureRingSize, grfc: "A42", missing: releaseRanges{
		GRPCNode: always, // It acknowledges the cluster, and balances the calls round robin.
		GRPCRust: always, UnknownClient: always, Kitex: always, Armeria: always, Dubbo: always, Sermant: always,
	}},
	{feature: FeaturePriority, grfc: "A27", missing: releaseRanges{
		GRPCRust: always, // tonic-xds/src/xds/resource/endpoints.rs
	}},
	{feature: FeaturePartialVirtualHost, grfc: "A28", missing: releaseRanges{
		GRPCCore: until(56), // 1.51 rejects it. The releases between 1.51 and 1.56 were not tested.
	}},
	{feature: FeatureUnreportedLimits, grfc: "A32", missing: releaseRanges{
		GRPCJava: always, // It counts only calls about which it reports: docs/INTEROP.md
	}},
	{
		feature: FeatureWeightedClusters, grfc: "A28",
		fallback: "They do not read weights, so their calls by this rule fail. Give the rule one destination, choose the others by headers, or call with gRPC for Java.",
		missing: releaseRanges{
			Armeria: until(41), // line/armeria 6836
		},
	},
	{feature: FeatureUnmatchedVirtualHost, grfc: "A28", missing: releaseRanges{
		GRPCNode: always, // Its calls wait forever.
		Envoy:    always, UnknownClient: always, Kitex: always, Armeria: always, Dubbo: always, Sermant: always,
	}},
	{feature: FeatureRoutelessVirtualHost, grfc: "A28", missing: releaseRanges{
		GRPCCore: always, // 1.51 rejects it. To later releases the added route makes no difference.
		Armeria:  always, // Calls wait for a route until their timeout, seen in 1.35.0.
	}},
	{feature: FeatureTLS, grfc: "A29", missing: releaseRanges{
		// Older releases ignore the settings, or read the names of servers from another field.
		GRPCGo: until(42), GRPCJava: until(42), GRPCCore: until(42),
		// It supports them since 1.11, but 1.13 ends with the first connection to such a cluster. 1.11 and 1.12 were not run.
		GRPCNode: until(14),
		GRPCRust: always, UnknownClient: always, Kitex: always, Armeria: always, Dubbo: always, Sermant: always,
		GoClient: always, GoHTTPClient: always, JavaClient: always, // They connect in plaintext, and fail the calls to clusters with TLS settings.
	}},
	{feature: FeatureSystemRoots, grfc: "A82", missing: releaseRanges{
		// These clients reject the cluster.
		GRPCJava: until(77), GRPCGo: always, GRPCCore: until(74), GRPCNode: always,
		GRPCRust: always, Envoy: always, UnknownClient: always, Kitex: always, Armeria: always, Dubbo: always, Sermant: always, GoClient: always, GoHTTPClient: always, JavaClient: always,
	}, variable: "GRPC_EXPERIMENTAL_XDS_SYSTEM_ROOT_CERTS", byVariable: releaseRanges{
		// Java is not named: calls of 1.76 with the variable never end.
		GRPCGo:   since(71),                        // internal/envconfig/xds.go
		GRPCCore: {Release{1, 66}, Release{1, 74}}, // Seen in 1.68. 1.74 and 1.76 need no variable.
	}},
	{feature: FeatureInlineRoutes, grfc: "A27", missing: releaseRanges{
		GRPCNode: until(13), // Seen in 1.10, and not in 1.13.
	}},
	{feature: FeatureWeightSum, grfc: "A28", missing: releaseRanges{
		GRPCGo: until(54), GRPCCore: until(56),
		GRPCNode: until(15), // 1.14.1 has it; releases are not told apart further.
	}},
	{feature: FeatureEmptyAssignment, grfc: "A27", missing: releaseRanges{
		// Seen in 1.76 and 1.85, and not in 1.75: CdsLoadBalancer2 leaves balancers alone that have a connection.
		GRPCJava: since(76),
	}},
	{
		feature: FeatureLeastRequest, grfc: "A48", fallback: roundRobinInstead,
		missing: releaseRanges{
			GRPCGo:   until(73), // The first release that enables it by default: internal/envconfig/envconfig.go
			GRPCJava: until(48), GRPCCore: always, GRPCNode: always,
		},
	},
	{
		feature: FeatureCircuitBreaking, grfc: "A32", fallback: "Their calls are not limited. Limit them in the server.",
		missing: releaseRanges{
			GRPCGo: until(37), GRPCCore: until(37), GRPCJava: until(37), GRPCNode: until(4), GRPCRust: always,
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
		byKind: kindFallback{JavaClient, "They eject an endpoint after five failed calls in a row, whatever the rule says. Keep the setting if that is good enough for them."},
		missing: releaseRanges{
			GRPCGo: until(50), GRPCJava: until(49), GRPCCore: until(51), GRPCNode: until(7), GRPCRust: always, JavaClient: always,
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
		fallback: roundRobinInstead,
		byKind:   kindFallback{GRPCNode, "Their calls are balanced round robin. For Node clients, set GRPC_EXPERIMENTAL_PICKFIRST_LB_CONFIG=true."},
		missing: releaseRanges{
			GRPCGo: until(56), GRPCJava: until(58), GRPCCore: until(58), GRPCNode: always, GRPCRust: always, JavaClient: always,
		},
	},
	{
		feature: FeatureWeightedRoundRobin, grfc: "A58",
		fallback: roundRobinInstead,
		byKind:   kindFallback{GRPCNode, "Their calls are balanced round robin. For Node clients, set GRPC_EXPERIMENTAL_XDS_WRR_LB=true."},
		missing: releaseRanges{
			GRPCGo: until(56), GRPCJava: until(54), GRPCCore: until(55), GRPCNode: always, GRPCRust: always, GoClient: always, JavaClient: always,
		},
	},
	{
		feature: FeatureContentType, grfc: "A28", fallback: "Their routing does not see content-type. Match a header that the application sends.",
		missing: releaseRanges{
			GRPCGo:   always, // The library adds the header after it chose the route: stream.go
			GoClient: always, JavaClient: always,
		},
	},
	{
		feature: FeatureSNI, grfc: "A101",
		fallback: serverNameNotSent + "Use another client if it does.",
		byKind:   kindFallback{GRPCGo, serverNameNotSent + "Set GRPC_EXPERIMENTAL_XDS_SNI=true for clients in Go, and declare it with `controlplane bootstrap --sni`."},
		missing: releaseRanges{
			GRPCGo: always, GRPCJava: until(77), GRPCNode: always, GRPCRust: always, GoClient: always, JavaClient: always,
			GRPCCore: until(80), // Seen in 1.80. 1.68 to 1.76 send the name that the application dials.
		},
		variable: "GRPC_EXPERIMENTAL_XDS_SNI", byVariable: releaseRanges{
			GRPCGo: since(81), // internal/envconfig/xds.go
		},
	},
}
