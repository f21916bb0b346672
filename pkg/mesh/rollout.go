package mesh

import (
	"iter"
	"math"
	"time"
)

// RolloutPolicy says how a change of rules reaches clients: a part of them follows it first, for a while. The zero
// RolloutPolicy is unset: all clients follow a change at once.
type RolloutPolicy struct {
	// Percent is the part of the clients that follow a change first, from 1 to 99.
	Percent uint8 `json:"percent"`
	// Window is how long their calls are compared with those of the others.
	Window time.Duration `json:"window"`
	// Abort is set if these clients go back to the version before when the change makes calls fail.
	Abort bool `json:"abort,omitempty"`
	// Invalid is set if the annotation cannot be read. Then no client follows a change, and everything else is zero.
	Invalid bool `json:"invalid,omitempty"`
}

// IsSet reports whether there is a policy.
func (p RolloutPolicy) IsSet() bool { return p.Percent > 0 || p.Invalid }

// Buckets returns in how many of the buckets the clients are that follow a change first.
func (p RolloutPolicy) Buckets() uint16 { return uint16(p.Percent) * (Buckets / 4) / 25 }

// Share is a part of the clients. It is comparable. The zero Share is all clients.
type Share struct {
	Part SharePart
	// Buckets is how many buckets the clients of First have: those from 1 on. The others, and clients without a bucket, are
	// Rest.
	Buckets uint16
}

// SharePart says which part of the clients a Share is.
type SharePart uint8

// The parts.
const (
	Everyone SharePart = iota
	First
	Rest
)

// BucketOfAuthors is in the first part of every Share, also of one that no client follows: Problems of each version are found by it. No
// client has it.
const BucketOfAuthors uint16 = math.MaxUint16

// Has reports whether clients of a bucket belong to the part.
func (s Share) Has(bucket uint16) bool {
	first := bucket > 0 && bucket <= s.Buckets || bucket == BucketOfAuthors
	return s.Part == Everyone || first == (s.Part == First)
}

// stageOf returns one bucket for all that are in the same parts as a bucket is: 0 if it is in no part that comes first.
func stageOf(bucket uint16, shares iter.Seq[Share]) uint16 {
	below, first := uint16(0), false
	for s := range shares {
		switch {
		case s.Part == Everyone:
		case bucket == BucketOfAuthors:
			return bucket
		case s.Buckets == 0:
		case bucket > 0 && bucket <= s.Buckets:
			first = true
		default:
			below = max(below, s.Buckets)
		}
	}
	if !first {
		return 0
	}
	return below + 1
}

// RolloutStage is how far a Rollout is.
type RolloutStage string

// The reasons of ConditionRolledOut that the replicas tell each other by. ReasonOutdated stands for a condition of an earlier generation.
const (
	ReasonPromoted = "Promoted"
	ReasonAborted  = "Aborted"
	ReasonOutdated = "Outdated"
)

// The stages. RolloutNone: all clients follow the same version. RolloutWaiting: another rollout concerns the same hosts, and
// this one begins after it. RolloutHeld: the RolloutPolicy cannot be read, so no client follows the new version. RolloutAborted: no client follows the new version. RolloutUnknown: another replica rolls out a change, and
// this one does not know the version before, so its clients follow the new one. RolloutPinned: all clients follow the versions of an earlier
// generation.
const (
	RolloutNone    RolloutStage = "None"
	RolloutRunning RolloutStage = "Running"
	RolloutWaiting RolloutStage = "Waiting"
	RolloutHeld    RolloutStage = "Held"
	RolloutAborted RolloutStage = "Aborted"
	RolloutUnknown RolloutStage = "Unknown"
	RolloutPinned  RolloutStage = "Pinned"
)

// Pin holds the rules for the host of a Service as of a generation of the configuration. It always ends. The zero Pin holds nothing.
type Pin struct {
	Generation string
	Until      time.Time
	// Invalid is set if the annotation cannot be read, and everything else is zero. Then a Pin that was there before goes on until its end.
	Invalid bool `json:",omitempty"`
}

// Rollout is one object with a RolloutPolicy or a Pin, and the change that some clients follow and others do not.
type Rollout struct {
	// Pin is set if Stage is RolloutPinned. Then Object is the Service.
	Pin Pin
	// Object has the policy: a VirtualService, or a Namespace, for all its VirtualServices and DestinationRules.
	Object Ref
	Policy RolloutPolicy
	Stage  RolloutStage
	// Candidate identifies what the objects say now: the same in every process. It is empty if Stage is RolloutNone.
	Candidate string
	// Cause says why it was aborted, if Stage is RolloutAborted. It may be empty.
	Cause string
	// Behind is the rollout that comes first, if Stage is RolloutWaiting.
	Behind Ref
	// Objects are the objects of which there are two versions, sorted. Gone and New are those of them that the new or the
	// approved version does not have.
	Objects   []Ref
	Gone, New []Ref
	// Hosts are the hosts that the objects are for or send calls to, in either version, sorted. Some may be wildcards.
	Hosts []string
}
