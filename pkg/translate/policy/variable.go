package policy

import "regexp"

// RequestVariable is what HTTP clients fill in where it is in the value of a header: an escaped percent sign, or a header
// of the request, whose name is the group.
var RequestVariable = regexp.MustCompile(`%%|%REQ\(([^()%?]+)\)%`)
