package mesh

import (
	"iter"
	"math/bits"
)

// Gaps are what a client cannot do of what the rules may ask for, or takes in another form than the usual one. It is comparable;
// the zero Gaps are those of a current client that can do everything.
type Gaps uint32

// Each gap has a bit of its own, and its versions in gapTable. It is one block, so that no two can get the same bit.
const (
	// First are the gaps that change the form in which rules are written for a client: FormGaps.

	// GapStringMatch: header matchers only in the forms that came before string_match.
	GapStringMatch Gaps = 1 << iota
	// GapRingList: a ring only by the enum lb_policy, for the list of policies is not read.
	GapRingList
	// GapLeastRequestList: least request only by the enum lb_policy.
	GapLeastRequestList
	// GapRingSize: a ring only of the usual size.
	GapRingSize
	// GapPriority: all endpoints take calls at once, whatever their priority.
	GapPriority
	// GapEmptyHost: no virtual host without a route for every call.
	GapEmptyHost

	// The next change what a client is sent, too, but not the form in which rules are written for it.

	// GapUnmatchedHost: no route table of which no virtual host is for the name that was dialed.
	GapUnmatchedHost
	// GapRoutelessHost: no virtual host without a route in the answer to a name that does not exist.
	GapRoutelessHost
	// GapTLS: connections are in plain text whatever a cluster says about TLS.
	GapTLS
	// GapSystemRoots: no cluster that names the authorities which the client's machine trusts.
	GapSystemRoots

	// The rest change nothing in what a client is sent: it ignores a part of it.

	// GapLeastRequest: no balancing by the calls in flight.
	GapLeastRequest
	// GapLimit: no limit of the calls in flight.
	GapLimit
	// GapRing: no balancing by a hash.
	GapRing
	// GapOutlier: no ejection of endpoints whose calls fail.
	GapOutlier
	// GapFault: no delays or aborts on purpose.
	GapFault
	// GapPickFirst: no balancer that stays with one endpoint.
	GapPickFirst
	// GapReportedWeights: no weights from what the endpoints report.
	GapReportedWeights
	// GapContentType: no content-type among the headers by which routes are chosen.
	GapContentType
)

// FormGaps are all that change the form in which rules are written for a client: those before GapUnmatchedHost.
const FormGaps = GapUnmatchedHost - 1

// Has says whether all of these gaps are among them.
func (g Gaps) Has(these Gaps) bool { return g&these == these }

// GapsOf are the gaps of a client by what it calls itself. A version that cannot be read counts as older than all, and so
// gets what every version accepts.
func GapsOf(agent Agent, version string) Gaps {
	return gapsIn(agent, ReleaseOf(version))
}

func gapsIn(agent Agent, release Release) Gaps {
	var gaps Gaps
	for i := range gapTable {
		if gapTable[i].lacking[agent].has(release) {
			gaps |= gapTable[i].gap
		}
	}
	return gaps
}

// GapSets are all gaps that clients may have together: each kind with those of one of its versions. Some come repeatedly.
func GapSets() iter.Seq2[Agent, Gaps] {
	return func(yield func(Agent, Gaps) bool) {
		for agent := range AgentEnvoy + 1 {
			for release := range bounds(agent) {
				if !yield(agent, gapsIn(agent, release)) {
					return
				}
			}
		}
	}
}

// bounds are the releases with which the gaps of a kind may change: no other has gaps of its own.
func bounds(agent Agent) iter.Seq[Release] {
	return func(yield func(Release) bool) {
		if !yield(Release{}) {
			return
		}
		for i := range gapTable {
			lacking := gapTable[i].lacking[agent]
			if lacking.from != (Release{}) && !yield(lacking.from) {
				return
			}
			if lacking.until != (Release{}) && lacking.until != never && !yield(lacking.until) {
				return
			}
		}
	}
}

// LackedBy are the gRPC libraries whose current version has the gap.
func LackedBy(gap Gaps) AgentSet {
	var agents AgentSet
	for i, span := range gap.row().lacking {
		if agent := Agent(i); agent.IsGRPC() && span.until == never {
			agents |= Agents(agent)
		}
	}
	return agents
}

// Ignored says what becomes of calls from the clients that have the gap.
func (g Gaps) Ignored(by string) string { return "Ignored by " + by + ". " + g.row().instead }

func (g Gaps) row() gapRow {
	return gapTable[bits.TrailingZeros32(uint32(g))]
}
