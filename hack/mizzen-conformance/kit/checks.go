package kit

import "slices"

// Where rules are written.
const (
	protocol = "xDS protocol"
	a27      = "xDS protocol, gRFC A27"
)

// all are all checks.
func all() []*Check {
	return slices.Concat(requestChecks, refusalChecks, deletionChecks, unknownChecks, updateChecks, streamChecks, wildcardChecks)
}
