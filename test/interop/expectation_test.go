//go:build interop

package interop

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
)

// chiSquareLimit is the limit of Pearson's chi-squared statistic. With up to four versions, a correct client exceeds
// it less than once in a million times.
const chiSquareLimit = 33

// check returns an error if the outcomes are not as expected.
func (e *expectation) check(l *language, outcomes []outcome, sights []observation) error {
	codes, from, versions, err := e.count(l, outcomes)
	if err != nil {
		return err
	}
	if e.Rates != nil {
		if got := pearson(e.Rates, codes); got > chiSquareLimit {
			return fmt.Errorf("the statuses %v do not follow %v: chi-square %.1f", codes, e.Rates, got)
		}
	} else if diff := cmp.Diff(e.Codes, codes); diff != "" {
		return fmt.Errorf("the statuses differ (-want +got):\n%s%s", diff, texts(outcomes))
	}
	if got := sortedKeys(from); e.From != nil && !slices.Equal(got, e.From) {
		return fmt.Errorf("%q answered, want %q", got, e.From)
	}
	if e.One && len(from) != 1 {
		return fmt.Errorf("%v answered, want a single backend", from)
	}
	if got := sortedKeys(versions); e.Versions != nil && !slices.Equal(got, e.Versions) {
		return fmt.Errorf("versions %q answered, want %q", got, e.Versions)
	}
	if e.Shares != nil {
		if got := pearson(e.Shares, versions); got > chiSquareLimit {
			return fmt.Errorf("%v do not follow %v: chi-square %.1f", versions, e.Shares, got)
		}
	}
	for version, most := range e.Most {
		if versions[version] > most {
			return fmt.Errorf("%v answered, want at most %d of %s", versions, most, version)
		}
	}
	attempts := make([]string, 0, len(sights))
	for _, s := range sights {
		attempts = append(attempts, s.attempts)
		if limit := time.Duration(e.Budget); limit > 0 && (s.budget <= 0 || s.budget > limit) {
			return fmt.Errorf("a backend saw %v left, want at most %v", s.budget, limit)
		}
	}
	if e.Attempts != nil && !slices.Equal(attempts, e.Attempts) {
		return fmt.Errorf("the backends saw attempts %q, want %q", attempts, e.Attempts)
	}
	return nil
}

// count checks each outcome on its own, and counts statuses, backends and versions.
func (e *expectation) count(l *language, outcomes []outcome) (statuses, from, versions map[string]int, err error) {
	statuses, from, versions = map[string]int{}, map[string]int{}, map[string]int{}
	text, ok := e.Text[l.name]
	if !ok {
		text = e.Text["all"]
	}
	for _, o := range outcomes {
		statuses[codeName(o.Code)]++
		if took, limit := milliseconds(o.MS), time.Duration(e.Within); limit > 0 && took > limit {
			return nil, nil, nil, fmt.Errorf("a call took %v, want at most %v", took, limit)
		}
		if took, limit := milliseconds(o.MS), time.Duration(e.AtLeast); took < limit {
			return nil, nil, nil, fmt.Errorf("a call took %v, want at least %v", took, limit)
		}
		if o.Code != 0 {
			if !strings.Contains(o.Text, text) {
				return nil, nil, nil, fmt.Errorf("a call failed with %q, want it to contain %q", o.Text, text)
			}
			continue
		}
		var a answer
		if err := json.Unmarshal([]byte(o.Body), &a); err != nil {
			return nil, nil, nil, fmt.Errorf("got the answer %q: %w", o.Body, err)
		}
		from[a.Backend]++
		versions[a.Version]++
	}
	return statuses, from, versions, nil
}

// names are the names of status codes in the gRPC protocol, as scenarios spell them.
var names = func() map[int]string {
	all := map[int]string{}
	for _, name := range []string{
		"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED",
		"RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS",
		"UNAUTHENTICATED",
	} {
		code, _ := codeOf(name)
		all[int(code)] = name
	}
	return all
}()

func codeName(code int) string { return orElse(names[code], codes.Code(code).String()) }

func milliseconds(ms float64) time.Duration { return time.Duration(ms * float64(time.Millisecond)) }

func sortedKeys(m map[string]int) []string { return slices.Sorted(maps.Keys(m)) }

func pearson(shares map[string]float64, got map[string]int) float64 {
	calls := 0
	for _, n := range got {
		calls += n
	}
	chi := 0.0
	for version, share := range shares {
		expected := share * float64(calls)
		chi += (float64(got[version]) - expected) * (float64(got[version]) - expected) / expected
	}
	return chi
}

// texts returns the distinct texts of failed calls.
func texts(outcomes []outcome) string {
	var all []string
	for _, o := range outcomes {
		if o.Code != 0 && !slices.Contains(all, o.Text) {
			all = append(all, o.Text)
		}
	}
	return strings.Join(all, "\n")
}
