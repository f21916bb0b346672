package fields

// envoyFields are the fields that Envoy supports otherwise than other HTTP clients.
var envoyFields = map[string]support{
	"HTTPMatchRequest.statPrefix":                                 {verdict: Warned, note: "Envoy is not told to keep statistics by route. Remove the field."},
	"HTTPMatchRequest.authority":                                  {verdict: Translated},
	"HTTPRetry.retryOn":                                           {verdict: Translated},
	"HTTPFaultInjection.Abort.grpcStatus":                         {verdict: Caveat, note: "On a port that does not declare gRPC, the HTTP status to which gRPC maps it: a plain call would end with 200 otherwise."},
	"LoadBalancerSettings.ConsistentHashLB.useSourceIp":           {verdict: Translated},
	"LoadBalancerSettings.ConsistentHashLB.httpCookie":            {verdict: Caveat, note: envoyCookie},
	"ConnectionPoolSettings.TCPSettings.maxConnections":           {verdict: Translated},
	"ConnectionPoolSettings.TCPSettings.connectTimeout":           {verdict: Translated},
	"ConnectionPoolSettings.HTTPSettings.http1MaxPendingRequests": {verdict: Translated},
	"ConnectionPoolSettings.HTTPSettings.h2UpgradePolicy":         {verdict: Translated},
	"ConnectionPoolSettings.HTTPSettings.useClientProtocol":       {verdict: Translated},

	"LoadBalancerSettings.ConsistentHashLB.HTTPCookie.attributes":  {verdict: Warned, note: "Envoy creates the cookie without attributes. Remove the field."},
	"ConnectionPoolSettings.TCPSettings.tcpKeepalive":              {verdict: Warned, note: envoyPool},
	"ConnectionPoolSettings.TCPSettings.maxConnectionDuration":     {verdict: Warned, note: envoyPool},
	"ConnectionPoolSettings.TCPSettings.idleTimeout":               {verdict: Warned, note: envoyPool},
	"ConnectionPoolSettings.HTTPSettings.maxRequestsPerConnection": {verdict: Warned, note: envoyPool},
	"ConnectionPoolSettings.HTTPSettings.idleTimeout":              {verdict: Warned, note: envoyPool},
	"ConnectionPoolSettings.HTTPSettings.maxConcurrentStreams":     {verdict: Warned, note: envoyPool},
	"ConnectionPoolSettings.HTTPSettings.http2KeepAlive":           {verdict: Warned, note: envoyPool},
}

const envoyPool = "Mizzen does not set this for Envoy, whose own default applies. Remove the field."

const envoyCookie = "Envoy creates the cookie only if `ttl` is set. Calls without the cookie are balanced at random."
