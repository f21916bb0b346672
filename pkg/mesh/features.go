package mesh

import (
	"iter"
	"math/bits"
)

// Features is a set of xDS features that some clients lack. Client.Missing is the set of features that a client
// lacks; it is empty for a client that supports everything. It is comparable.
type Features uint32

// Each feature is one bit. featureTable has the versions of clients that lack it. All are in one block, so that no
// two get the same bit.
const (
	// EncodingFeatures come first. For a client that lacks one, rules are encoded in another form.

	// FeatureStringMatch: header matchers with string_match. Other clients read only the older header match fields.
	FeatureStringMatch Features = 1 << iota
	// FeatureRingHashPolicy: ring hash in load_balancing_policy. Other clients read only the enum lb_policy.
	FeatureRingHashPolicy
	// FeatureLeastRequestPolicy: least request in load_balancing_policy. Other clients read only the enum lb_policy.
	FeatureLeastRequestPolicy
	// FeatureRingSize: ring hash with a configured ring size. Other clients accept only the default size.
	FeatureRingSize
	// FeaturePriority: priorities of localities. Other clients call the endpoints of all priorities at once.
	FeaturePriority
	// FeaturePartialVirtualHost: virtual hosts without a route that matches every call.
	FeaturePartialVirtualHost
	// FeatureUnreportedLimits: limits of concurrent calls to clusters about which no load is reported.
	FeatureUnreportedLimits
	// FeatureWeightedClusters: routes with several destinations. Other clients wait for the whole Listener if it has one.
	FeatureWeightedClusters

	// The next features change the resources of a client that lacks them, too, but not the encoding of rules.

	// FeatureUnmatchedVirtualHost: route configurations without a virtual host for the name that the client dials.
	FeatureUnmatchedVirtualHost
	// FeatureRoutelessVirtualHost: a virtual host without routes, which answers a name that does not exist.
	FeatureRoutelessVirtualHost
	// FeatureTLS: the TLS settings of clusters. Other clients connect in plaintext.
	FeatureTLS
	// FeatureSystemRoots: clusters that trust the system root certificates. A variable enables it in some releases.
	FeatureSystemRoots

	// FeatureInlineRoutes: listeners that contain routes. Other clients do not subscribe again to the route configuration
	// that they had before.
	FeatureInlineRoutes
	// FeatureWeightSum: weighted clusters without total_weight whose weights do not sum to 100. The sum is always sent.
	FeatureWeightSum
	// FeatureEmptyAssignment: assignments without endpoints. Other clients go on calling the endpoints that they had before.
	FeatureEmptyAssignment

	// The last features do not change the resources. A client that lacks one ignores that part of a resource.

	// FeatureLeastRequest: least request load balancing.
	FeatureLeastRequest
	// FeatureCircuitBreaking: a limit of concurrent calls.
	FeatureCircuitBreaking
	// FeatureRingHash: ring hash load balancing.
	FeatureRingHash
	// FeatureOutlierDetection: ejection of endpoints whose calls fail.
	FeatureOutlierDetection
	// FeatureFaultInjection: injected delays and aborts.
	FeatureFaultInjection
	// FeaturePickFirst: load balancing that keeps to one endpoint.
	FeaturePickFirst
	// FeatureWeightedRoundRobin: weights from the load that endpoints report.
	FeatureWeightedRoundRobin
	// FeatureContentType: routes that match the header content-type.
	FeatureContentType
	// FeatureSNI: the server name that a client sends when it opens a TLS connection. A variable enables it in some
	// releases.
	FeatureSNI
)

// EncodingFeatures are the features whose absence changes the encoding of rules: all before
// FeatureUnmatchedVirtualHost.
const EncodingFeatures = FeatureUnmatchedVirtualHost - 1

// Has reports whether all of the other features are in the set.
func (f Features) Has(other Features) bool { return f&other == other }

// FeaturesMissingIn returns the features that a version of a client kind lacks. A version that cannot be parsed is
// treated as older than all others, so such a client gets resources that every version accepts.
func FeaturesMissingIn(kind ClientKind, version string) Features {
	return missingIn(kind, ReleaseOf(version))
}

func missingIn(kind ClientKind, release Release) Features {
	var features Features
	for i := range featureTable {
		if featureTable[i].missing[kind].contains(release) {
			features |= featureTable[i].feature
		}
	}
	return features
}

// FeatureVariables yields the environment variables that enable a feature, and the feature. Neither the kind nor the
// version of a client tells whether it has such a feature, so the client declares it.
func FeatureVariables() iter.Seq2[string, Features] {
	return func(yield func(string, Features) bool) {
		for i := range featureTable {
			if row := featureTable[i]; row.variable != "" && !yield(row.variable, row.feature) {
				return
			}
		}
	}
}

// FeaturesByVariable returns the features that a version of a client kind has if their variables are set.
func FeaturesByVariable(kind ClientKind, version string) Features {
	var features Features
	release := ReleaseOf(version)
	for i := range featureTable {
		if featureTable[i].byVariable[kind].contains(release) {
			features |= featureTable[i].feature
		}
	}
	return features
}

// Variables returns the variables that enable the features, in the order of FeatureVariables.
func (f Features) Variables() []string {
	var names []string
	for name, feature := range FeatureVariables() {
		if f.Has(feature) {
			names = append(names, name)
		}
	}
	return names
}

// FeatureOf returns the feature that a variable enables; zero for any other name.
func FeatureOf(variable string) Features {
	for name, feature := range FeatureVariables() {
		if name == variable {
			return feature
		}
	}
	return 0
}

// MissingFeatureSets yields each client kind with every set of features that one of its versions lacks. Pairs may
// repeat.
func MissingFeatureSets() iter.Seq2[ClientKind, Features] {
	return func(yield func(ClientKind, Features) bool) {
		for kind := range clientKindCount {
			for release := range releaseBounds(kind) {
				if !yield(kind, missingIn(kind, release)) {
					return
				}
			}
		}
	}
}

// releaseBounds yields the releases at which the missing features of a kind change. Every other release lacks the
// same features as one of these.
func releaseBounds(kind ClientKind) iter.Seq[Release] {
	return func(yield func(Release) bool) {
		if !yield(Release{}) {
			return
		}
		for i := range featureTable {
			lacking := featureTable[i].missing[kind]
			if lacking.from != (Release{}) && !yield(lacking.from) {
				return
			}
			if lacking.until != (Release{}) && lacking.until != never && !yield(lacking.until) {
				return
			}
		}
	}
}

// ClientKindsWithout returns the gRPC libraries whose current version lacks the feature.
func ClientKindsWithout(feature Features) ClientKinds {
	var kinds ClientKinds
	for i, releases := range feature.row().missing {
		if kind := ClientKind(i); kind.IsGRPC() && releases.until == never {
			kinds |= MakeClientKinds(kind)
		}
	}
	return kinds
}

// Ignored returns the message of a Problem that concerns the kinds: which clients ignore the feature, what happens to their
// calls, and what to do. The set must have exactly one feature.
func (f Features) Ignored(by string, kinds ClientKinds) string {
	row := f.row()
	if row.byKind.text != "" && kinds.Has(row.byKind.kind) {
		row.fallback = row.byKind.text
	}
	return "Ignored by " + by + ". " + row.fallback
}

// MissingInAll reports whether all versions of a client kind lack the set's one feature.
func (f Features) MissingInAll(kind ClientKind) bool { return f.row().missing[kind] == always }

// row returns the row of the set's one feature.
func (f Features) row() featureRow {
	return featureTable[bits.TrailingZeros32(uint32(f))]
}
