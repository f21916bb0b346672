package mesh

import (
	"iter"
	"math/bits"
)

// Features is a set of things that rules may require and that some clients do not support, or support in another form than the usual
// one. In Client.Missing they are the features that the client lacks: none for a current client that supports everything. It is comparable.
type Features uint32

// Each feature has its own bit, and in featureTable the versions that lack it. It is one block, so that no two can get the same bit.
const (
	// First are the missing features that change the form in which rules are written for a client: EncodingFeatures.

	// FeatureStringMatch: header matchers only in the forms that came before string_match.
	FeatureStringMatch Features = 1 << iota
	// FeatureRingHashPolicy: a ring only by the enum lb_policy, for the list of policies is not read.
	FeatureRingHashPolicy
	// FeatureLeastRequestPolicy: least request only by the enum lb_policy.
	FeatureLeastRequestPolicy
	// FeatureRingSize: a ring only of the usual size.
	FeatureRingSize
	// FeaturePriority: all endpoints take calls at once, whatever their priority.
	FeaturePriority
	// FeaturePartialVirtualHost: no virtual host without a route for every call.
	FeaturePartialVirtualHost

	// The next change what a client is sent, too, but not the form in which rules are written for it.

	// FeatureUnmatchedVirtualHost: no route table of which no virtual host is for the name that was dialed.
	FeatureUnmatchedVirtualHost
	// FeatureRoutelessVirtualHost: no virtual host without a route in the answer to a name that does not exist.
	FeatureRoutelessVirtualHost
	// FeatureTLS: connections are in plain text whatever a cluster says about TLS.
	FeatureTLS
	// FeatureSystemRoots: no cluster that names the authorities which the client's machine trusts.
	FeatureSystemRoots

	// FeatureInlineRoutes: no listener with a route table in it, if it may name one later, or named one before.
	FeatureInlineRoutes
	// FeatureWeightSum: no weighted clusters without total_weight, unless the weights sum to 100. The sum is always sent.
	FeatureWeightSum

	// The rest change nothing in what a client is sent: it ignores a part of it.

	// FeatureLeastRequest: no balancing by the calls in flight.
	FeatureLeastRequest
	// FeatureCircuitBreaking: no limit of the calls in flight.
	FeatureCircuitBreaking
	// FeatureRingHash: no balancing by a hash.
	FeatureRingHash
	// FeatureOutlierDetection: no ejection of endpoints whose calls fail.
	FeatureOutlierDetection
	// FeatureFaultInjection: no delays or aborts on purpose.
	FeatureFaultInjection
	// FeaturePickFirst: no balancer that stays with one endpoint.
	FeaturePickFirst
	// FeatureWeightedRoundRobin: no weights from what the endpoints report.
	FeatureWeightedRoundRobin
	// FeatureContentType: no content-type among the headers by which routes are chosen.
	FeatureContentType
)

// EncodingFeatures are all that change the form in which rules are written for a client: those before FeatureUnmatchedVirtualHost.
const EncodingFeatures = FeatureUnmatchedVirtualHost - 1

// Has says whether all of these missing features are among them.
func (g Features) Has(these Features) bool { return g&these == these }

// FeaturesMissingIn are the missing features of a client by what it calls itself. A version that cannot be read counts as older than all, and so
// gets what every version accepts.
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

// MissingFeatureSets are all missing features that clients may have together: each kind with those of one of its versions. Some come repeatedly.
func MissingFeatureSets() iter.Seq2[ClientKind, Features] {
	return func(yield func(ClientKind, Features) bool) {
		for kind := range Envoy + 1 {
			for release := range releaseBounds(kind) {
				if !yield(kind, missingIn(kind, release)) {
					return
				}
			}
		}
	}
}

// releaseBounds are the releases with which the missing features of a kind may change: no other has missing features of its own.
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

// ClientKindsWithout are the gRPC libraries whose current version lacks the feature.
func ClientKindsWithout(feature Features) ClientKinds {
	var kinds ClientKinds
	for i, span := range feature.row().missing {
		if kind := ClientKind(i); kind.IsGRPC() && span.until == never {
			kinds |= MakeClientKinds(kind)
		}
	}
	return kinds
}

// Ignored says what becomes of calls from the clients that have the missing feature.
func (g Features) Ignored(by string) string { return "Ignored by " + by + ". " + g.row().fallback }

func (g Features) row() featureRow {
	return featureTable[bits.TrailingZeros32(uint32(g))]
}
