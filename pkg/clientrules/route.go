package clientrules

import (
	"math"
	"strings"
	"time"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

func (c *checker) routeConfiguration(m *routev3.RouteConfiguration) {
	if len(m.GetVirtualHosts()) == 0 {
		c.reject(inRust, "has no virtual host")
	}
	plugins := map[string]bool{}
	for _, p := range m.GetClusterSpecifierPlugins() {
		plugins[p.GetExtension().GetName()] = true
		if !p.GetIsOptional() {
			c.reject(inGo|inJava|inCore, "has the cluster specifier %q, which only applications can add", p.GetExtension().GetName())
		}
	}
	for _, host := range m.GetVirtualHosts() {
		c.domains(host.GetDomains())
		c.overrides(host.GetTypedPerFilterConfig())
		c.retries(host.GetRetryPolicy())
		for _, route := range host.GetRoutes() {
			c.route(route, plugins)
		}
		if n := len(host.GetRoutes()); n == 0 || !matchesAll(host.GetRoutes()[n-1].GetMatch()) {
			c.reject(c.missing(mesh.FeaturePartialVirtualHost), "has a virtual host without a route for every call")
		}
	}
}

func (c *checker) domains(domains []string) {
	if len(domains) == 0 {
		c.reject(inCore|inRust, "has a virtual host without domains")
	}
	for _, d := range domains {
		if d == "" || strings.Contains(strings.TrimSuffix(strings.TrimPrefix(d, "*"), "*"), "*") || len(d) > 1 && d[0] == '*' && d[len(d)-1] == '*' {
			c.reject(inCore|inNode, "has the domain %q, which no name matches", d)
		}
	}
}

func (c *checker) route(r *routev3.Route, plugins map[string]bool) {
	if c.audience.Servers {
		c.serverRoute(r)
		return
	}
	// All clients drop a route that matches query parameters, without checking its other fields.
	if r.GetMatch() != nil && len(r.GetMatch().GetQueryParameters()) > 0 {
		return
	}
	c.match(r.GetMatch())
	c.overrides(r.GetTypedPerFilterConfig())
	action, ok := r.GetAction().(*routev3.Route_Route)
	if !ok {
		c.reject(inJava|inNode|inRust, "has a route without a cluster: %T", r.GetAction())
		return
	}
	c.destination(action.Route, plugins)
	c.hashPolicies(action.Route.GetHashPolicy())
	c.retries(action.Route.GetRetryPolicy())
	limit := action.Route.GetMaxStreamDuration()
	for _, d := range []duration{limit.GetMaxStreamDuration(), limit.GetGrpcTimeoutHeaderMax()} {
		if !validDuration(d) {
			c.reject(inCore|inNode, "has the timeout %v", d)
		}
		if t := d.AsDuration(); t > 0 && (t < time.Millisecond || t >= 1e7*time.Second) {
			// gRPC for Java formats the seconds as a decimal number, which then has an exponent, and cannot parse
			// that.
			c.reject(inJava, "has the timeout %v", d)
		}
	}
}

func (c *checker) destination(a *routev3.RouteAction, plugins map[string]bool) {
	switch to := a.GetClusterSpecifier().(type) {
	case *routev3.RouteAction_Cluster:
		if to.Cluster == "" {
			c.reject(inCore|inRust, "has a route to a cluster without a name")
		}
	case *routev3.RouteAction_WeightedClusters:
		c.weightedClusters(to.WeightedClusters)
	case *routev3.RouteAction_ClusterSpecifierPlugin:
		if !plugins[to.ClusterSpecifierPlugin] {
			c.reject(inGo|inJava|inCore, "has a route by the cluster specifier %q, which is not declared", to.ClusterSpecifierPlugin)
		}
		c.reject(inNode, "has a route by a cluster specifier")
	case *routev3.RouteAction_ClusterHeader:
		// Clients drop the route.
	default:
		c.reject(inNode|inRust, "has a route without a cluster name: %T", to)
	}
}

func (c *checker) weightedClusters(m *routev3.WeightedCluster) {
	clusters, sum := m.GetClusters(), uint64(0)
	for _, cluster := range clusters {
		sum += uint64(cluster.GetWeight().GetValue())
		if cluster.GetName() == "" || cluster.GetWeight() == nil {
			c.reject(inCore, "has a weighted cluster without a name or weight: %v", cluster)
		}
		c.overrides(cluster.GetTypedPerFilterConfig())
	}
	if len(clusters) == 0 {
		c.reject(inRust, "has weighted clusters without a cluster")
	}
	if sum == 0 || sum > math.MaxUint32 {
		c.reject(notRust, "has weighted clusters whose weights sum to %d", sum)
	}
	total := uint64(100)
	if stated := m.GetTotalWeight(); stated != nil { //nolint:staticcheck // old clients read it
		total = uint64(stated.GetValue())
	}
	if sum != total {
		c.reject(c.missing(mesh.FeatureWeightSum), "has weighted clusters whose weights sum to %d, but whose total weight is %d", sum, total)
	}
}

func (c *checker) hashPolicies(policies []*routev3.RouteAction_HashPolicy) {
	for _, p := range policies {
		header, ok := p.GetPolicySpecifier().(*routev3.RouteAction_HashPolicy_Header_)
		if !ok {
			continue
		}
		if header.Header.GetHeaderName() == "" {
			c.reject(inCore, "hashes a header without a name")
		}
		if rewrite := header.Header.GetRegexRewrite(); rewrite != nil && !compiles(rewrite.GetPattern().GetRegex()) {
			c.reject(notRust, "hashes by the expression %q, which does not compile", rewrite.GetPattern().GetRegex())
		}
	}
}

func (c *checker) retries(p *routev3.RetryPolicy) {
	if p == nil {
		return
	}
	if p.GetNumRetries() != nil && p.GetNumRetries().GetValue() == 0 {
		c.reject(inGo|inCore|inNode, "retries 0 times")
	}
	pause := p.GetRetryBackOff()
	if pause == nil {
		return
	}
	base, longest := pause.GetBaseInterval(), pause.GetMaxInterval()
	switch {
	case base == nil || !validDuration(base) || base.AsDuration() <= 0:
		c.reject(notRust, "has the retry back-off %v", base)
	case longest != nil && (!validDuration(longest) || longest.AsDuration() <= 0):
		c.reject(notRust, "has the maximum retry back-off %v", longest)
	case longest != nil && longest.AsDuration() < base.AsDuration():
		c.reject(inJava|inNode, "has the retry back-off %v, but the maximum %v", base.AsDuration(), longest.AsDuration())
	}
}
