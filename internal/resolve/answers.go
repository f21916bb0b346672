package resolve

import (
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

const (
	// keptAnswers is how many answers are united: a server that rotates through many addresses would otherwise change
	// the endpoints with each of them.
	keptAnswers = 3
	// maxAddresses bounds the endpoints of one name.
	maxAddresses = 64
	// absences is how many times in a row a name must not exist before it has no addresses any more.
	absences = 3
	// minRefresh and maxRefresh bound the time between two lookups, whatever the TTL is. minRefresh is also the time
	// after the first failure, and maxRetry the longest.
	minRefresh, maxRefresh, maxRetry = 5 * time.Second, 5 * time.Minute, time.Minute
)

// ErrNoSuchName is returned by a Lookup if the name does not exist, or has no addresses.
var ErrNoSuchName = errors.New("the name does not exist, or has no addresses")

// Answer is the outcome of one lookup.
type Answer struct {
	Addresses []netip.Addr
	TTL       time.Duration
}

// record is what is known of a name.
type record struct {
	// answers are the last ones, the newest first.
	answers [][]netip.Addr
	// failures counts the failed lookups since the last answer, and missing those of them that found no such name.
	failures, missing int
	// next is when to look the name up again; it is not used while busy.
	next time.Time
	busy bool
	// told is what was put into the inbox last; nil if nothing was.
	told *object.Name
}

// note records the outcome of a lookup and returns the time until the next one, without jitter.
func (r *record) note(answer Answer, err error) time.Duration {
	usable, left := usableOf(answer.Addresses)
	if err == nil && len(usable) == 0 && len(left) == 0 {
		err = ErrNoSuchName
	}
	if err != nil {
		r.failures++
		if !errors.Is(err, ErrNoSuchName) {
			r.missing = 0
		} else if r.missing++; r.missing >= absences {
			r.answers = nil
		}
		return min(minRefresh<<min(r.failures-1, 8), maxRetry)
	}
	r.failures, r.missing = 0, 0
	r.answers = append([][]netip.Addr{usable}, r.answers[:min(len(r.answers), keptAnswers-1)]...)
	return min(max(answer.TTL, minRefresh), maxRefresh)
}

// usableOf returns the addresses that clients may be sent, and those that they may not: an answer must not lead clients to their
// own machine, or to services of the network that they are in.
func usableOf(all []netip.Addr) (usable, left []netip.Addr) {
	for _, ip := range all {
		if ip = ip.Unmap(); ip.IsLoopback() || !mesh.SameEverywhere(ip) {
			left = append(left, ip)
		} else {
			usable = append(usable, ip)
		}
	}
	return usable, left
}

// name returns what a World has of the record. err is the outcome of the last lookup.
func (r *record) name(answer Answer, err error) *object.Name {
	var all []netip.Addr
	for _, a := range r.answers {
		all = append(all, a...)
	}
	slices.SortFunc(all, netip.Addr.Compare)
	all = slices.Compact(all)
	out := &object.Name{Addresses: all}
	_, left := usableOf(answer.Addresses)
	switch {
	case err != nil:
		out.Failure = err.Error()
	case len(left) > 0:
		out.LeftOut = left[0].String()
	}
	if len(all) > maxAddresses {
		out.Addresses, out.TooMany = all[:maxAddresses:maxAddresses], true
	}
	return out
}
