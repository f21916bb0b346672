package istiodiff

import "strings"

// reason says why istiod and Mizzen differ in one concern of a call.
type reason struct {
	// concern is empty for every concern.
	concern string
	// applies reports whether a difference has this reason; nil: all of the concern.
	applies func(difference) bool
	verdict verdict
	why     string
	// everywhere is set if it applies to nearly all calls. It decides no verdict about a document.
	everywhere bool
}

// verdict is what a difference means for a user who moves from istiod.
type verdict string

const (
	better       verdict = "better"
	approximated verdict = "approximated"
	missing      verdict = "missing"
)

// reasons are tried in this order.
var reasons = []reason{
	{"limit", theirs("1024"), better, "gRPC's own limit is 1024 calls in flight. Envoy's, and Istio's, is the largest number, so Mizzen writes it where no rule sets one", true},
	{"", func(d difference) bool { return d.refused }, better, "Istio's webhook does not admit an object, so istiod was asked without it. Mizzen takes the rest of the object, and a Problem names the fault", false},
	{"rejected", nil, better, "some gRPC libraries reject what istiod sends: calls by them fail, or they keep what they had. Mizzen sends each kind and version a form that it takes", false},
	{"destination", theirs("unknown"), better, "istiod has no Listener for hosts that only VirtualServices declare, and for other names of a Service. The call waits for 15 seconds", false},
	{"destination", ours("~mtls"), better, "endpoints whose pods take mTLS are called by mTLS, without a DestinationRule, and the others in plaintext. istiod calls all alike", false},
	{"", in("annotation/"), better, "settings for which Istio's API has no field, as annotations of `mizzen.dev`", false},
	{"destination", in("action/redirect"), better, "a rewrite that gRPC cannot do: calls fail and a Problem reports it, where istiod lets them go out with the old path", false},
	{"destination", ours("aborted"), better, "`directResponse` is a fault that ends every call with its status. gRPC fails calls of a route without a cluster otherwise", false},
	{"destination", in("concern/tcp", "tcp/"), better, "`tcp` routes apply to calls, and ports whose name is not one of HTTP have routes. istiod leaves both out", false},
	{"destination", in("destination/port"), better, "a destination without a port means the only port of its Service, as Istio's API says", false},
	{"destination", in("match/path"), better, "`ignoreUriCase` applies to expressions, too", false},
	{"destination", in("match/static"), better, "conditions on the method, scheme or authority are decided when the rule is translated: gRPC shows these to no matcher", false},
	{"destination", theirs(fails), better, "ports whose protocol is not HTTP, HTTP/2 or gRPC by name have routes, too. gRPC fails calls without one", false},
	{"destination", in("serviceentry/"), approximated, "a host of two labels has a longer name in resources; the call goes to the same endpoints", false},
	{"timeout", in("delegate/shared"), better, "conditions of a delegate that are equal to a condition of its VirtualService are merged with it. istiod leaves such a route out", false},
	{"retries", in("retry/policies"), better, "`retryOn` with conditions of HTTP means the gRPC status that such a response becomes. istiod's text has no condition that gRPC reads", false},
	{"balancing", ours("round_robin"), better, "a hash key that gRPC cannot read: calls are balanced round robin and a Problem reports it. istiod sends a ring, from which gRPC picks at random", false},
	{"balancing", theirs("maglev"), better, "`maglev` is a ring of gRPC, which has no other table", false},
	{"balancing", in("hash/dropped"), approximated, "a ring that is larger than clients take has the size 1024, and a Problem reports it. gRPC for Go cuts it at 4096, and others reject it", false},
	{"ejection", nil, better, "`outlierDetection` is in force: by the failure percentage, as gRPC counts no consecutive errors", false},
	{"encryption", in("tls/nobody", "tls/undeclared"), approximated, "TLS goes to clients that declare its certificate provider; calls of others fail. istiod sends it to all: clients without xDS credentials then call in plaintext", false},
	{"endpoints", in("tls/nobody", "tls/undeclared"), approximated, "the same: the calls fail", false},
	{"encryption", nil, better, "the TLS modes `SIMPLE` and `MUTUAL` are in force, by system roots and by a provider with a name. istiod leaves them out: calls go out in plaintext", false},
	{"endpoints", in("authorizationpolicy/", "peerauthentication/", "requestauthentication/", "server/"), better, "clients are sent the endpoints that take their calls: none that require mTLS, if they have no certificate", false},
	{"endpoints", in("endpoint/families"), approximated, "an endpoint with two addresses is one endpoint with an additional address, not two", false},
	{"endpoints", in("endpoint/ports"), better, "an address that is in several EndpointSlices with other ports is called on each", false},
	{"endpoints", in("serviceentry/selector"), better, "a WorkloadEntry of another network, or whose condition is unhealthy, is not called", false},
	{"endpoints", in("serviceentry/"), better, "endpoints with names are resolved, by gRPC or by the control plane. istiod sends gRPC clients no endpoint that is a name", false},
	{"", in("closeness/", "locality/", "zoneaware/"), better, "near endpoints come first without `outlierDetection`, because gRPC itself goes on to the next priority; hints and parts of zones count", false},
}

// reasonOf returns the first reason that applies; nil if there is none.
func reasonOf(d difference) *reason {
	for i := range reasons {
		if r := &reasons[i]; (r.concern == "" || r.concern == d.concern) && (r.applies == nil || r.applies(d)) {
			return r
		}
	}
	return nil
}

// in reports whether a document has one of these beginnings.
func in(documents ...string) func(difference) bool {
	return func(d difference) bool {
		for _, f := range documents {
			if strings.HasPrefix(d.document, f) {
				return true
			}
		}
		return false
	}
}

// ours and theirs report whether the text of a side has a part.
func ours(part string) func(difference) bool {
	return func(d difference) bool { return strings.Contains(d.ours, part) }
}

func theirs(part string) func(difference) bool {
	return func(d difference) bool { return strings.Contains(d.theirs, part) }
}
