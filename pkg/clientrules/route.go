package clientrules

import (
	"math"
	"strings"
	"time"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

func (l *checker) routeConfiguration(m *routev3.RouteConfiguration) {
	if len(m.GetVirtualHosts()) == 0 {
		l.reject(inRust, "has no virtual host")
	}
	plugins := map[string]bool{}
	for _, p := range m.GetClusterSpecifierPlugins() {
		plugins[p.GetExtension().GetName()] = true
		if !p.GetIsOptional() {
			l.reject(inGo|inJava|inCore, "has the cluster specifier %q, which only applications can add", p.GetExtension().GetName())
		}
	}
	for _, host := range m.GetVirtualHosts() {
		l.domains(host.GetDomains())
		l.overrides(host.GetTypedPerFilterConfig())
		l.retries(host.GetRetryPolicy())
		for _, route := range host.GetRoutes() {
			l.route(route, plugins)
		}
		if n := len(host.GetRoutes()); n == 0 || !matchesAll(host.GetRoutes()[n-1].GetMatch()) {
			l.reject(l.missing(mesh.FeaturePartialVirtualHost), "has a virtual host without a route for every call")
		}
	}
}

func (l *checker) domains(domains []string) {
	if len(domains) == 0 {
		l.reject(inCore|inRust, "has a virtual host without domains")
	}
	for _, d := range domains {
		if d == "" || strings.Contains(strings.TrimSuffix(strings.TrimPrefix(d, "*"), "*"), "*") || len(d) > 1 && d[0] == '*' && d[len(d)-1] == '*' {
			l.reject(inCore|inNode, "has the domain %q, which no name matches", d)
		}
	}
}

func (l *checker) route(r *routev3.Route, plugins map[string]bool) {
	// Clients in all languages leave a route out that asks for query parameters, and those look at nothing else in it.
	if r.GetMatch() != nil && len(r.GetMatch().GetQueryParameters()) > 0 {
		return
	}
	l.match(r.GetMatch())
	l.overrides(r.GetTypedPerFilterConfig())
	action, ok := r.GetAction().(*routev3.Route_Route)
	if !ok {
		l.reject(inJava|inNode|inRust, "has a route without a cluster: %T", r.GetAction())
		return
	}
	l.destination(action.Route, plugins)
	l.hashPolicies(action.Route.GetHashPolicy())
	l.retries(action.Route.GetRetryPolicy())
	limit := action.Route.GetMaxStreamDuration()
	for _, d := range []duration{limit.GetMaxStreamDuration(), limit.GetGrpcTimeoutHeaderMax()} {
		if !validDuration(d) {
			l.reject(inCore|inNode, "has the timeout %v", d)
		}
		if t := d.AsDuration(); t > 0 && (t < time.Millisecond || t >= 1e7*time.Second) {
			// It writes the seconds as a decimal, which has an exponent then, and cannot read that.
			l.reject(inJava, "has the timeout %v", d)
		}
	}
}

func (l *checker) destination(a *routev3.RouteAction, plugins map[string]bool) {
	switch to := a.GetClusterSpecifier().(type) {
	case *routev3.RouteAction_Cluster:
		if to.Cluster == "" {
			l.reject(inCore|inRust, "has a route to a cluster without a name")
		}
	case *routev3.RouteAction_WeightedClusters:
		l.weightedClusters(to.WeightedClusters)
	case *routev3.RouteAction_ClusterSpecifierPlugin:
		if !plugins[to.ClusterSpecifierPlugin] {
			l.reject(inGo|inJava|inCore, "has a route by the cluster specifier %q, which is not declared", to.ClusterSpecifierPlugin)
		}
		l.reject(inNode, "has a route by a cluster specifier")
	case *routev3.RouteAction_ClusterHeader:
		// The route is left out.
	default:
		l.reject(inNode|inRust, "has a route without a cluster name: %T", to)
	}
}

func (l *checker) weightedClusters(m *routev3.WeightedCluster) {
	clusters, sum := m.GetClusters(), uint64(0)
	for _, c := range clusters {
		sum += uint64(c.GetWeight().GetValue())
		if c.GetName() == "" || c.GetWeight() == nil {
			l.reject(inCore, "has a weighted cluster without a name or weight: %v", c)
		}
		l.overrides(c.GetTypedPerFilterConfig())
	}
	if len(clusters) == 0 {
		l.reject(inRust, "has weighted clusters without a cluster")
	}
	if sum == 0 || sum > math.MaxUint32 {
		l.reject(notRust, "has weighted clusters whose weights sum to %d", sum)
	}
	total := uint64(100)
	if stated := m.GetTotalWeight(); stated != nil { //nolint:staticcheck // for those who read it
		total = uint64(stated.GetValue())
	}
	if sum != total {
		l.reject(l.missing(mesh.FeatureWeightSum), "has weighted clusters whose weights sum to %d, but whose total weight is %d", sum, total)
	}
}

func (l *checker) hashPolicies(policies []*routev3.RouteAction_HashPolicy) {
	for _, p := range policies {
		header, ok := p.GetPolicySpecifier().(*routev3.RouteAction_HashPolicy_Header_)
		if !ok {
			continue
		}
		if header.Header.GetHeaderName() == "" {
			l.reject(inCore, "hashes a header without a name")
		}
		if rewrite := header.Header.GetRegexRewrite(); rewrite != nil && !compiles(rewrite.GetPattern().GetRegex()) {
			l.reject(notRust, "hashes by the expression %q, which does not compile", rewrite.GetPattern().GetRegex())
		}
	}
}

func (l *checker) retries(p *routev3.RetryPolicy) {
	if p == nil {
		return
	}
	if p.GetNumRetries() != nil && p.GetNumRetries().GetValue() == 0 {
		l.reject(inGo|inCore|inNode, "retries 0 times")
	}
	pause := p.GetRetryBackOff()
	if pause == nil {
		return
	}
	base, longest := pause.GetBaseInterval(), pause.GetMaxInterval()
	switch {
	case base == nil || !validDuration(base) || base.AsDuration() <= 0:
		l.reject(notRust, "has the retry back-off %v", base)
	case longest != nil && (!validDuration(longest) || longest.AsDuration() <= 0):
		l.reject(notRust, "has the maximum retry back-off %v", longest)
	case longest != nil && longest.AsDuration() < base.AsDuration():
		l.reject(inJava|inNode, "has the retry back-off %v, but the maximum %v", base.AsDuration(), longest.AsDuration())
	}
}
