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
	{"", in("grpcroute/import"), better, "ServiceImports are followed. istiod follows them only with other settings than its defaults", false},
	{"", func(d difference) bool { return d.refused }, better, "Istio's webhook does not admit an object, so istiod was asked without it. Mizzen takes the rest of the object, and a Problem names the fault", false},
	{"rejected", nil, better, "some gRPC libraries reject what istiod sends: calls by them fail, or they keep what they had. Mizzen sends each kind and version a form that it takes", false},
	{"rules", nil, better, "servers of some languages and releases reject rules that istiod sends, or read them in another way. What Mizzen sends they all read alike", false},
	{"connection", theirs("rejects its Listener"), better, "the Listener is one that servers take. They reject istiod's for a path with a template or a header of gRPC's own, so they do not serve, or keep older rules", false},
	{"connection", in("istiodiff/serviceless"), better, "a server that no Service selects has a Listener", false},
	{"connection", in("istiodiff/istiolabel"), missing, "`security.istio.io/tlsMode: istio` alone does not make a server take mTLS, as sidecars have it, too. Until its pod has [Mizzen's labels](MTLS.md), a server takes plaintext, and under STRICT it does not serve", false},
	{"connection", in("peerauthentication/modes"), approximated, "STRICT, and the pod has no certificate of the mesh: the server does not serve. istiod sends it mTLS, whatever it has", false},
	{"", in("server/closed"), approximated, "the same for a server in Node: it keeps a Listener, which refuses every call", false},
	{"connection", in("server/probes"), better, "a server with mTLS takes the probes of its kubelet, which come in plaintext", false},
	{"decision", in("inbound/custom"), better, "a CUSTOM policy denies what an authorizer would be asked about. istiod leaves it out, so all is allowed", false},
	{"decision", in("inbound/dry_run"), better, "a policy in dry run refuses nothing. istiod has it enforced", false},
	{"decision", in("inbound/nobody", "istiodiff/namespaceclosed"), better, "`spec: {}` allows nothing. istiod sends no rule for it, so all is allowed", false},
	{"decision", in("inbound/plaintext"), better, "a server in plaintext does not know who calls, so conditions on callers are closed: ALLOW allows no caller, and DENY denies all", false},
	{"decision", in("inbound/unknown_"), better, "a misspelled field is closed. istiod leaves it out, and the rest of the rule means more calls", false},
	{"decision", closedDeny, better, "what no gRPC server can check, such as tokens and `X-Forwarded-For`, is closed: DENY denies all that the rest of the rule means. In istiod's rule it never matches, so nothing is denied", false},
	{"decision", in("inbound/remote_ip_blocks", "inbound/request_principals"), better, "the same in an ALLOW rule allows nothing. istiod compares the address of the socket, and takes every caller for one without a token", false},
	{"decision", otherMesh, approximated, "a namespace or account means callers of the mesh's trust domain and its aliases. istiod means callers of every trust domain", false},
	{"decision", in("inbound/"), approximated, "a value whose meaning is in doubt, such as an empty list or a `*` in the middle, is closed, and a Problem reports it. istiod takes it by the letter", false},
	{"", in("grpcroute/backends", "grpcroute/elsewhere", "grpcroute/entry", "grpcroute/extension", "httproute/extension"), better, "a fault of a Route is one of its rule or its backend, whose calls fail, as the Gateway API says. istiod leaves the Route out, and calls go to the Service", false},
	{"destination", in("grpcroute/merge"), better, "the matches of all Routes of a Service are merged: the most specific one comes first", false},
	{"", in("grpcroute/precedence"), better, "a Route with a `sectionName` is for the port of that name alone. istiod has it for all ports", false},
	{"destination", refusedByRoute, approximated, "what no match of a Route takes is refused, also where an API server would refuse the match. istiod leaves such a match or Route out", false},
	{"destination", in("grpcroute/annotations", "grpcroute/consumer", "grpcroute/methods", "grpcroute/ports", "httproute/limits", "httproute/paths", "httproute/query"), better, "gRPC rejects `path_separated_prefix`, which istiod makes of a prefix in an HTTPRoute and of a service in a GRPCRoute: calls fail. Mizzen sends forms that gRPC takes", false},
	{"destination", theirs("unknown"), better, "istiod has no Listener for hosts that only VirtualServices declare, and for other names of a Service. The call waits for 15 seconds", false},
	{"destination", ours("~mtls"), better, "endpoints whose pods take mTLS are called by mTLS, without a DestinationRule, and the others in plaintext. istiod calls all alike", false},
	{"", in("istiodiff/settings"), better, "TLS with files that the rule names: gRPC takes none from a rule, so calls fail and a Problem reports it. istiod lets them go out in plaintext", false},
	{"retries", in("httproute/invalid"), approximated, "values that an API server refuses are left out with a Problem, each for itself. istiod takes its default retries", false},
	{"", in("annotation/"), better, "settings for which Istio's API has no field, as annotations of `mizzen.dev`", false},
	{"destination", in("action/redirect", "httproute/refused"), better, "a rewrite that gRPC cannot do: calls fail and a Problem reports it, where istiod lets them go out with the old path", false},
	{"destination", ours("aborted"), better, "`directResponse` is a fault that ends every call with its status. gRPC fails calls of a route without a cluster otherwise", false},
	{"destination", in("concern/tcp", "tcp/"), better, "`tcp` routes apply to calls, and ports whose name is not one of HTTP have routes. istiod leaves both out", false},
	{"destination", in("destination/port"), better, "a destination without a port means the only port of its Service, as Istio's API says", false},
	{"destination", in("match/path"), better, "`ignoreUriCase` applies to expressions, too", false},
	{"destination", in("match/static"), better, "conditions on the method, scheme or authority are decided when the rule is translated: gRPC shows these to no matcher", false},
	{"destination", theirs(fails), better, "ports whose protocol is not HTTP, HTTP/2 or gRPC by name have routes, too. gRPC fails calls without one", false},
	{"destination", in("serviceentry/"), approximated, "a host of two labels has a longer name in resources; the call goes to the same endpoints", false},
	{"timeout", in("delegate/shared", "istiodiff/sharedparts"), better, "conditions of a delegate that are equal to a condition of its VirtualService are merged with it. istiod leaves such a route out", false},
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

// refusedByRoute reports whether Mizzen refuses a call of a Route's host that istiod sends on.
func refusedByRoute(d difference) bool {
	return in("grpcroute/", "httproute/")(d) && ours("aborted")(d) && theirs("outbound")(d)
}

// closedDeny reports whether a DENY rule has a condition that gRPC does not have.
func closedDeny(d difference) bool {
	return strings.Contains(d.dialed, " with deny#") && in("inbound/headers_hidden", "inbound/remote_ip_blocks", "inbound/request_principals", "inbound/when_closed")(d)
}

// otherMesh reports whether the caller is of a trust domain that is not the mesh's.
func otherMesh(d difference) bool {
	return strings.HasPrefix(d.call.caller, "spiffe://") && !strings.HasPrefix(d.call.caller, "spiffe://cluster.local/")
}

// ours and theirs report whether the text of a side has a part.
func ours(part string) func(difference) bool {
	return func(d difference) bool { return strings.Contains(d.ours, part) }
}

func theirs(part string) func(difference) bool {
	return func(d difference) bool { return strings.Contains(d.theirs, part) }
}
