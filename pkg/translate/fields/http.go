package fields

import (
	"fmt"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// support is how HTTP clients support a field, where that differs from "translated".
type support struct {
	verdict Verdict
	// leaf is the file that reports a field without effect. If it is empty, the field check reports it.
	leaf string
	note string
}

// Notes that several fields share.
const (
	httpCORS      = "The server decides about cross-origin requests. Configure them there."
	httpPool      = "The application owns its connections. Set this in its client library."
	httpTLSRules  = "TLS rules route connections by their SNI, and HTTP clients route calls. Write http rules."
	httpNoTunnel  = "HTTP clients do not tunnel by rule. Set a proxy in the application."
	httpNoProxy   = "HTTP clients do not support the PROXY protocol. Remove the field."
	httpNoBudget  = "HTTP clients do not support retry budgets. Set connectionPool.http.maxRetries."
	httpCookie    = "HTTP clients do not create cookies. Calls without the cookie are balanced at random."
	httpRingSize  = "A hash ring in place of Maglev."
	httpTLSFiles  = "HTTP clients do not read a path from a rule. Calls fail. Put the files into a certificate provider of the client's bootstrap, and set credentialName to the provider."
	httpNoSubnets = "HTTP clients do not compare addresses. The match matches nothing."
)

// httpFields are the fields that HTTP clients do not support as they are written. All other fields are translated.
var httpFields = map[string]support{
	"VirtualService.tls":                        {verdict: Warned, note: httpTLSRules},
	"HTTPMatchRequest.name":                     {verdict: Caveat, note: "A name for people. Clients do not get it."},
	"HTTPMatchRequest.statPrefix":               {verdict: Warned, note: "HTTP clients do not keep statistics by route. Remove the field."},
	"HTTPMatchRequest.headers":                  {verdict: Caveat, note: "For claims of tokens the match matches nothing, with an error. The header host is the authority of the URI, as the application wrote it."},
	"HTTPMatchRequest.authority":                {verdict: Caveat, note: "Compared with the host and port of the URI, as the application wrote it."},
	"HTTPRoute.corsPolicy":                      {verdict: Warned, note: httpCORS},
	"HTTPRetry.retryRemoteLocalities":           {verdict: Warned, note: "HTTP clients balance a retry over all endpoints of the cluster. Remove the field."},
	"HTTPRetry.retryOn":                         {verdict: Caveat, note: "Sent as written. gRPC statuses, and conditions that need a proxy, have no effect on plain HTTP calls. If unset, a call is repeated only if no server took it: write 5xx or 503 for answers."},
	"HTTPFaultInjection.delay":                  {verdict: Translated, note: noteDelay},
	"HTTPFaultInjection.Delay.exponentialDelay": {verdict: Warned, note: "HTTP clients inject only fixed delays. Use fixedDelay."},
	"HTTPFaultInjection.Abort.grpcStatus":       {verdict: Caveat, note: "The HTTP status to which gRPC maps it."},
	"HTTPFaultInjection.Abort.http2Error":       {verdict: Warned, note: "HTTP clients do not inject HTTP/2 errors. Use httpStatus."},
	"Headers.HeaderOperations.set":              {verdict: Caveat, note: "`%REQ(NAME)%` is a header of the request. Other values between percent signs are sent as they are written."},
	"Headers.HeaderOperations.add":              {verdict: Caveat, note: "`%REQ(NAME)%` is a header of the request. Other values between percent signs are sent as they are written."},
	"L4MatchAttributes.destinationSubnets":      {verdict: Refused, leaf: "tcp", note: httpNoSubnets},
	"L4MatchAttributes.sourceSubnet":            {verdict: Refused, leaf: "tcp", note: httpNoSubnets},

	"Sidecar.ingress":                   {verdict: Warned, note: noteNoIngress},
	"Sidecar.inboundConnectionPool":     {verdict: Warned, note: noteNoInboundPool},
	"Sidecar.outboundTrafficPolicy":     {verdict: Caveat, note: "See its fields."},
	"IstioEgressListener.port":          {verdict: Warned, note: noteEgressPort},
	"IstioEgressListener.bind":          {verdict: Warned, note: noteNoProxyListener},
	"IstioEgressListener.captureMode":   {verdict: Warned, note: noteNoProxyListener},
	"IstioEgressListener.hosts":         {verdict: Caveat, note: "The application's registry decides about other hosts."},
	"OutboundTrafficPolicy.mode":        {verdict: Warned, note: "For a name that a client does not see, the application's registry decides, whatever the mode is. Add the hosts to egress, or declare them by a ServiceEntry."},
	"OutboundTrafficPolicy.egressProxy": {verdict: Warned, note: "No proxy takes calls to names that a client does not see. Declare the hosts by a ServiceEntry."},

	"TrafficPolicy.tunnel":                                        {verdict: Warned, note: httpNoTunnel},
	"TrafficPolicy.proxyProtocol":                                 {verdict: Warned, note: httpNoProxy},
	"TrafficPolicy.retryBudget":                                   {verdict: Warned, note: httpNoBudget},
	"LoadBalancerSettings.simple":                                 {verdict: Caveat, note: "If unset: ROUND_ROBIN. PASSTHROUGH is round robin."},
	"LoadBalancerSettings.warmup":                                 {verdict: Caveat, note: "With ROUND_ROBIN and LEAST_REQUEST."},
	"LoadBalancerSettings.warmupDurationSecs":                     {verdict: Caveat, note: "With ROUND_ROBIN and LEAST_REQUEST."},
	"LoadBalancerSettings.zoneAwareLbSetting":                     {verdict: Caveat, note: "The weights assume that clients are spread evenly over the zones."},
	"LoadBalancerSettings.ConsistentHashLB.useSourceIp":           {verdict: Warned, leaf: "hash", note: "HTTP clients balance their own calls, which all have one address. Hash a header, a cookie or a query parameter."},
	"LoadBalancerSettings.ConsistentHashLB.httpCookie":            {verdict: Caveat, note: httpCookie},
	"LoadBalancerSettings.ConsistentHashLB.HTTPCookie.attributes": {verdict: Warned, note: httpCookie + " Remove the field."},
	"LoadBalancerSettings.ConsistentHashLB.maglev":                {verdict: Caveat, note: httpRingSize},
	"LoadBalancerSettings.ConsistentHashLB.MagLev.tableSize":      {verdict: Caveat, note: httpRingSize},

	"ConnectionPoolSettings.tcp":                                   {verdict: Caveat, note: "See its fields."},
	"ConnectionPoolSettings.TCPSettings.maxConnections":            {verdict: Warned, note: httpPool},
	"ConnectionPoolSettings.TCPSettings.tcpKeepalive":              {verdict: Warned, note: httpPool},
	"ConnectionPoolSettings.TCPSettings.maxConnectionDuration":     {verdict: Warned, note: httpPool},
	"ConnectionPoolSettings.TCPSettings.idleTimeout":               {verdict: Warned, note: httpPool},
	"ConnectionPoolSettings.TCPSettings.connectTimeout":            {verdict: Caveat, note: "Where the client library lets a single call set it: agents/java/README.md has the table."},
	"ConnectionPoolSettings.HTTPSettings.http1MaxPendingRequests":  {verdict: Warned, note: httpPool},
	"ConnectionPoolSettings.HTTPSettings.http2MaxRequests":         {verdict: Caveat, note: "The limit of each client process."},
	"ConnectionPoolSettings.HTTPSettings.maxRetries":               {verdict: Caveat, note: "The limit of each client process."},
	"ConnectionPoolSettings.HTTPSettings.maxRequestsPerConnection": {verdict: Warned, note: httpPool},
	"ConnectionPoolSettings.HTTPSettings.idleTimeout":              {verdict: Warned, note: httpPool},
	"ConnectionPoolSettings.HTTPSettings.h2UpgradePolicy":          {verdict: Warned, note: httpPool},
	"ConnectionPoolSettings.HTTPSettings.useClientProtocol":        {verdict: Warned, note: httpPool},
	"ConnectionPoolSettings.HTTPSettings.maxConcurrentStreams":     {verdict: Warned, note: httpPool},
	"ConnectionPoolSettings.HTTPSettings.http2KeepAlive":           {verdict: Warned, note: httpPool},

	"OutlierDetection.outlierDetectionHttpErrorCodes": {verdict: Warned, note: "HTTP clients count statuses from 500 to 599. Remove the field."},

	"CommonRouteSpec.useDefaultGateways":                 {verdict: Caveat, note: httpForGateways},
	"GRPCRouteSpec.hostnames":                            {verdict: Caveat, note: httpForGateways},
	"HTTPRouteSpec.hostnames":                            {verdict: Caveat, note: httpForGateways},
	"ParentReference.namespace":                          {verdict: Caveat, note: "As for gRPC clients."},
	"GRPCRouteFilter.extensionRef":                       {verdict: Refused, leaf: "routefilters", note: noteNoExtension},
	"HTTPRouteFilter.extensionRef":                       {verdict: Refused, leaf: "routefilters", note: noteNoExtension},
	"BackendTLSPolicySpec.options":                       {verdict: Warned, note: "There are no such options. Remove the field."},
	"BackendTLSPolicyValidation.caCertificateRefs":       {verdict: Refused, leaf: "backendtlspolicy", note: "Clients do not get certificates from the control plane. Calls fail."},
	"BackendTLSPolicyValidation.wellKnownCACertificates": {verdict: Caveat, note: "System. Clients must trust the roots of their machine, or declare the provider `system`. Calls of others fail."},
	"HTTPRouteFilter.externalAuth":                       {verdict: Refused, leaf: "routefilters", note: noteNoExternalAuth},
	"HTTPRouteFilter.cors":                               {verdict: Warned, note: httpCORS},
	"GRPCRouteRule.sessionPersistence":                   {verdict: Warned, note: httpNoSessions},
	"HTTPRouteRule.sessionPersistence":                   {verdict: Warned, note: httpNoSessions},

	"ClientTLSSettings.mode":               {verdict: Caveat, note: noteTLSMode},
	"ClientTLSSettings.credentialName":     {verdict: Caveat, note: noteTLSProvider},
	"ClientTLSSettings.clientCertificate":  {verdict: Refused, leaf: "tls", note: httpTLSFiles},
	"ClientTLSSettings.privateKey":         {verdict: Refused, leaf: "tls", note: httpTLSFiles},
	"ClientTLSSettings.caCertificates":     {verdict: Refused, leaf: "tls", note: httpTLSFiles},
	"ClientTLSSettings.insecureSkipVerify": {verdict: Refused, leaf: "tls", note: "HTTP clients always verify the server. Calls fail. Remove the field, and set credentialName to a certificate provider with the server's authority."},
	"ClientTLSSettings.caCrl":              {verdict: Refused, leaf: "tls", note: "HTTP clients do not check revocation lists. Calls fail. Remove the field, and use short-lived certificates."},
}

// Notes of the Gateway API that several fields share.
const (
	httpForGateways = "It is for gateways."
	httpNoSessions  = "HTTP clients do not keep sessions. Use consistentHash in a DestinationRule."
)

// httpWithin has, by message, the field without effect that all of its fields are in.
var httpWithin = map[string]string{
	"CorsPolicy":         "HTTPRoute.corsPolicy",
	"TLSRoute":           "VirtualService.tls",
	"TLSMatchAttributes": "VirtualService.tls",

	"IstioIngressListener":             "Sidecar.ingress",
	"ServerTLSSettings":                "Sidecar.ingress",
	"ServerTLSSettings.TLSCertificate": "Sidecar.ingress",
	"SidecarPort":                      "IstioEgressListener.port",

	"TrafficPolicy.TunnelSettings": "TrafficPolicy.tunnel",
	"TrafficPolicy.ProxyProtocol":  "TrafficPolicy.proxyProtocol",
	"TrafficPolicy.RetryBudget":    "TrafficPolicy.retryBudget",

	"ConnectionPoolSettings.TCPSettings.TcpKeepalive":            "ConnectionPoolSettings.TCPSettings.tcpKeepalive",
	"ConnectionPoolSettings.HTTPSettings.ConnectionKeepalive":    "ConnectionPoolSettings.HTTPSettings.http2KeepAlive",
	"LoadBalancerSettings.ConsistentHashLB.HTTPCookie.Attribute": "LoadBalancerSettings.ConsistentHashLB.HTTPCookie.attributes",

	"LocalObjectReference":   "GRPCRouteFilter.extensionRef",
	"HTTPExternalAuthFilter": "HTTPRouteFilter.externalAuth",
	"GRPCAuthConfig":         "HTTPRouteFilter.externalAuth",
	"HTTPAuthConfig":         "HTTPRouteFilter.externalAuth",
	"ForwardBodyConfig":      "HTTPRouteFilter.externalAuth",
	"HTTPCORSFilter":         "HTTPRouteFilter.cors",
	"SessionPersistence":     "GRPCRouteRule.sessionPersistence",
	"CookieConfig":           "GRPCRouteRule.sessionPersistence",
}

// NoteFor returns what the table says about a field for clients of a family.
func NoteFor(family mesh.Family, field string) string {
	row, _ := RowFor(family, field)
	return row.Note
}

// RowFor returns the row of a field for clients of a family.
func RowFor(family mesh.Family, field string) (Row, bool) {
	row, ok := fieldRows[field]
	if !ok || family == mesh.FamilyGRPC {
		return row, ok
	}
	if whole, ok := httpWithin[field[:strings.LastIndexByte(field, '.')]]; ok {
		field = whole
	}
	http, differs := httpFields[field]
	if envoy, ok := envoyFields[field]; ok && family == mesh.FamilyEnvoy {
		http, differs = envoy, true
	}
	if !differs {
		return Row{Field: field, Verdict: Translated}, true
	}
	return Row{Field: field, Verdict: http.verdict, Leaf: http.leaf, Note: http.note}, true
}

// inHTTP returns the cell of HTTP clients in the page, and the note that goes with it.
func (r Row) inHTTP() (cell, note string) {
	row, _ := RowFor(mesh.FamilyHTTP, r.Field)
	note = row.Note
	if envoy, _ := RowFor(mesh.FamilyEnvoy, r.Field); envoy.Verdict != row.Verdict || envoy.Note != row.Note {
		note = strings.TrimSpace(fmt.Sprintf("%s Envoy: %s. %s", note, envoy.Verdict, envoy.Note))
	}
	return string(row.Verdict), note
}
