package lint

import (
	"math"
	"strings"
	"time"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

func (l *linter) table(m *routev3.RouteConfiguration) {
	if len(m.GetVirtualHosts()) == 0 {
		l.refuse(inRust, "has no virtual host")
	}
	plugins := map[string]bool{}
	for _, p := range m.GetClusterSpecifierPlugins() {
		plugins[p.GetExtension().GetName()] = true
		if !p.GetIsOptional() {
			l.refuse(inGo|inJava|inCore, "has the cluster specifier %q, which only applications can add", p.GetExtension().GetName())
		}
	}
	for _, host := range m.GetVirtualHosts() {
		l.domains(host.GetDomains())
		l.overrides(host.GetTypedPerFilterConfig())
		l.retries(host.GetRetryPolicy())
		for _, route := range host.GetRoutes() {
			l.route(route, plugins)
		}
		if n := len(host.GetRoutes()); n == 0 || !takesAll(host.GetRoutes()[n-1].GetMatch()) {
			l.refuse(l.lacking(mesh.GapEmptyHost), "has a virtual host without a route for every call")
		}
	}
}

func (l *linter) domains(domains []string) {
	if len(domains) == 0 {
		l.refuse(inCore|inRust, "has a virtual host without domains")
	}
	for _, d := range domains {
		if d == "" || strings.Contains(strings.TrimSuffix(strings.TrimPrefix(d, "*"), "*"), "*") || len(d) > 1 && d[0] == '*' && d[len(d)-1] == '*' {
			l.refuse(inCore|inNode, "has the domain %q, which no name matches", d)
		}
	}
}

func (l *linter) route(r *routev3.Route, plugins map[string]bool) {
	// Clients in all languages leave a route out that asks for query parameters, and those look at nothing else in it.
	if r.GetMatch() != nil && len(r.GetMatch().GetQueryParameters()) > 0 {
		return
	}
	l.match(r.GetMatch())
	l.overrides(r.GetTypedPerFilterConfig())
	action, ok := r.GetAction().(*routev3.Route_Route)
	if !ok {
		l.refuse(inJava|inNode|inRust, "has a route without a cluster: %T", r.GetAction())
		return
	}
	l.destination(action.Route, plugins)
	l.hashes(action.Route.GetHashPolicy())
	l.retries(action.Route.GetRetryPolicy())
	limit := action.Route.GetMaxStreamDuration()
	for _, d := range []span{limit.GetMaxStreamDuration(), limit.GetGrpcTimeoutHeaderMax()} {
		if !spans(d) {
			l.refuse(inCore|inNode, "has the timeout %v", d)
		}
		if t := d.AsDuration(); t > 0 && (t < time.Millisecond || t >= 1e7*time.Second) {
			// It writes the seconds as a decimal, which has an exponent then, and cannot read that.
			l.refuse(inJava, "has the timeout %v", d)
		}
	}
}

func (l *linter) destination(a *routev3.RouteAction, plugins map[string]bool) {
	switch to := a.GetClusterSpecifier().(type) {
	case *routev3.RouteAction_Cluster:
		if to.Cluster == "" {
			l.refuse(inCore|inRust, "has a route to a cluster without a name")
		}
	case *routev3.RouteAction_WeightedClusters:
		l.shares(to.WeightedClusters)
	case *routev3.RouteAction_ClusterSpecifierPlugin:
		if !plugins[to.ClusterSpecifierPlugin] {
			l.refuse(inGo|inJava|inCore, "has a route by the cluster specifier %q, which is not declared", to.ClusterSpecifierPlugin)
		}
		l.refuse(inNode, "has a route by a cluster specifier")
	case *routev3.RouteAction_ClusterHeader:
		// The route is left out.
	default:
		l.refuse(inNode|inRust, "has a route without a cluster name: %T", to)
	}
}

func (l *linter) shares(m *routev3.WeightedCluster) {
	clusters, sum := m.GetClusters(), uint64(0)
	for _, c := range clusters {
		sum += uint64(c.GetWeight().GetValue())
		if c.GetName() == "" || c.GetWeight() == nil {
			l.refuse(inCore, "has a weighted cluster without a name or weight: %v", c)
		}
		l.overrides(c.GetTypedPerFilterConfig())
	}
	if len(clusters) == 0 {
		l.refuse(inRust, "has weighted clusters without a cluster")
	}
	if sum == 0 || sum > math.MaxUint32 {
		l.refuse(notRust, "has weighted clusters whose weights sum to %d", sum)
	}
	total := uint64(100)
	if stated := m.GetTotalWeight(); stated != nil { //nolint:staticcheck // for those who read it
		total = uint64(stated.GetValue())
	}
	if sum != total {
		l.refuse(l.lacking(mesh.GapEmptyHost), "has weighted clusters whose weights sum to %d, but whose total weight is %d", sum, total)
	}
}

func (l *linter) hashes(policies []*routev3.RouteAction_HashPolicy) {
	for _, p := range policies {
		header, ok := p.GetPolicySpecifier().(*routev3.RouteAction_HashPolicy_Header_)
		if !ok {
			continue
		}
		if header.Header.GetHeaderName() == "" {
			l.refuse(inCore, "hashes a header without a name")
		}
		if rewrite := header.Header.GetRegexRewrite(); rewrite != nil && !compiles(rewrite.GetPattern().GetRegex()) {
			l.refuse(notRust, "hashes by the expression %q, which does not compile", rewrite.GetPattern().GetRegex())
		}
	}
}

func (l *linter) retries(p *routev3.RetryPolicy) {
	if p == nil {
		return
	}
	if p.GetNumRetries() != nil && p.GetNumRetries().GetValue() == 0 {
		l.refuse(inGo|inCore|inNode, "retries 0 times")
	}
	pause := p.GetRetryBackOff()
	if pause == nil {
		return
	}
	base, longest := pause.GetBaseInterval(), pause.GetMaxInterval()
	switch {
	case base == nil || !spans(base) || base.AsDuration() <= 0:
		l.refuse(notRust, "has the retry back-off %v", base)
	case longest != nil && (!spans(longest) || longest.AsDuration() <= 0):
		l.refuse(notRust, "has the maximum retry back-off %v", longest)
	case longest != nil && longest.AsDuration() < base.AsDuration():
		l.refuse(inJava|inNode, "has the retry back-off %v, but the maximum %v", base.AsDuration(), longest.AsDuration())
	}
}
