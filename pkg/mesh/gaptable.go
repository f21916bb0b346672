package mesh

// span are the versions that lack something, until excluded.
type span struct{ from, until Release }

var (
	never = Release{Major: ^uint16(0)}
	// always lack it, as far as is known.
	always = span{until: never}
)

func (s span) has(r Release) bool { return !r.before(s.from) && r.before(s.until) }

// until are all versions before 1.MINOR.
func until(minor uint16) span { return span{until: Release{1, minor}} }

// spans are those of each kind of client. The zero span has no versions.
type spans [AgentEnvoy + 1]span

// gapRow says who has a gap. Agents that are not named do not have it; of a client that is not known it is only said what
// changes the bytes, for it gets those that all accept.
type gapRow struct {
	gap Gaps
	// grfc is the proposal of gRPC that closes the gap.
	grfc string
	// instead is what becomes of the calls, and the way out; empty for what only changes the form.
	instead string
	lacking spans
}

// gapTable is in the order of the constants. Its versions are those of grpc/grpc's doc/grpc_xds_features.md, but where a
// comment says otherwise.
var gapTable = []gapRow{
	{gap: GapStringMatch, grfc: "A63", lacking: spans{
		AgentGRPCGo: until(56), AgentGRPCJava: until(53), AgentGRPCCore: until(56), AgentGRPCNode: until(9), AgentUnknown: always,
	}},
	{gap: GapRingList, grfc: "A52", lacking: spans{
		// From where the enum is accepted to where the list is read. gRPC for Node learned both at once.
		AgentGRPCGo: {Release{1, 41}, Release{1, 56}}, AgentGRPCJava: {Release{1, 40}, Release{1, 47}},
		// C-core 1.51, as Debian has it, crashes in calls on a ring, so that it is not told of one.
	}},
	{gap: GapLeastRequestList, grfc: "A52", lacking: spans{
		AgentGRPCRust: always, // tonic-xds/src/xds/resource/cluster.rs
	}},
	{gap: GapRingSize, grfc: "A42", lacking: spans{
		AgentGRPCNode: always, // It reads sizes as texts, and refuses the cluster for their not being numbers.
		AgentGRPCRust: always, AgentUnknown: always,
	}},
	{gap: GapPriority, grfc: "A27", lacking: spans{
		AgentGRPCRust: always, // tonic-xds/src/xds/resource/endpoints.rs
	}},
	{gap: GapEmptyHost, grfc: "A28", lacking: spans{
		AgentGRPCCore: until(56), // 1.51 refuses it; of those between it is not known.
	}},
	{gap: GapUnmatchedHost, grfc: "A28", lacking: spans{
		AgentGRPCNode: always, // Its calls wait without end.
		AgentEnvoy:    always, AgentUnknown: always,
	}},
	{gap: GapRoutelessHost, grfc: "A28", lacking: spans{
		AgentGRPCCore: always, // 1.51 refuses it; to later ones the route makes no difference.
	}},
	{gap: GapTLS, grfc: "A29", lacking: spans{
		// The others read past the settings, or look for the names of servers in another place.
		AgentGRPCGo: until(42), AgentGRPCJava: until(42), AgentGRPCCore: until(42), AgentGRPCNode: until(11),
		AgentGRPCRust: always, AgentEnvoy: always, AgentUnknown: always,
	}},
	{gap: GapSystemRoots, grfc: "A82", lacking: spans{
		// The others refuse the cluster.
		AgentGRPCJava: until(78), AgentGRPCGo: always, AgentGRPCCore: always, AgentGRPCNode: always,
		AgentGRPCRust: always, AgentEnvoy: always, AgentUnknown: always,
	}},
	{
		gap: GapLeastRequest, grfc: "A48", instead: "Their calls are balanced round robin. Keep the setting if that is good enough for them.",
		lacking: spans{
			AgentGRPCGo:   until(73), // Switched on by default there: internal/envconfig/envconfig.go
			AgentGRPCJava: until(48), AgentGRPCCore: always, AgentGRPCNode: always,
		},
	},
	{
		gap: GapLimit, grfc: "A32", instead: "Their calls are not limited. Limit them in the server.",
		lacking: spans{
			AgentGRPCGo: until(37), AgentGRPCCore: until(37), AgentGRPCNode: until(4), AgentGRPCRust: always,
			AgentGRPCJava: always, // It counts only the calls of clusters that report their load: docs/INTEROP.md
		},
	},
	{
		gap: GapRing, grfc: "A42", instead: "Their calls do not stay together. Use another client if they must.",
		lacking: spans{
			AgentGRPCGo: until(41), AgentGRPCJava: until(40), AgentGRPCCore: until(55), AgentGRPCNode: until(10), AgentGRPCRust: always,
		},
	},
	{
		gap: GapOutlier, grfc: "A50", instead: "They do not eject endpoints. Use a readiness probe.",
		lacking: spans{
			AgentGRPCGo: until(50), AgentGRPCJava: until(49), AgentGRPCCore: until(51), AgentGRPCNode: until(7), AgentGRPCRust: always,
		},
	},
	{
		gap: GapFault, grfc: "A33", instead: "Their calls get no fault. Test with another client.",
		lacking: spans{
			AgentGRPCGo: until(37), AgentGRPCJava: until(37), AgentGRPCCore: until(37), AgentGRPCNode: until(4), AgentGRPCRust: always,
		},
	},
	{
		gap: GapPickFirst, grfc: "A62",
		instead: "Their calls are balanced round robin. For Node clients, set GRPC_EXPERIMENTAL_PICKFIRST_LB_CONFIG=true.",
		lacking: spans{
			AgentGRPCGo: until(56), AgentGRPCJava: until(58), AgentGRPCCore: until(58), AgentGRPCNode: always, AgentGRPCRust: always,
		},
	},
	{
		gap: GapReportedWeights, grfc: "A58",
		instead: "Their calls are balanced round robin. For Node clients, set GRPC_EXPERIMENTAL_XDS_WRR_LB=true.",
		lacking: spans{
			AgentGRPCGo: until(56), AgentGRPCJava: until(54), AgentGRPCCore: until(55), AgentGRPCNode: always, AgentGRPCRust: always,
		},
	},
	{
		gap: GapContentType, grfc: "A28", instead: "Their routing does not see content-type. Match a header that the application sends.",
		lacking: spans{
			AgentGRPCGo: always, // It is added once the route is chosen, though routing would read it: stream.go
		},
	},
}
