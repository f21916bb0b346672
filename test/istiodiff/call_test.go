package istiodiff

import (
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/proto"

	"github.com/mizzen-mesh/mizzen/pkg/clientrules"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// call is what a client sends: a method and metadata. A call to a server has more.
type call struct {
	path    string
	headers map[string]string

	// caller is the identity in the caller's certificate; empty if it has none, and calls in plaintext.
	caller, authority string
	// from is the address of the caller, and at and port are those of the server.
	from, at netip.Addr
	port     uint32
}

// side answers a client's subscription; nil if it does not answer.
type side func(t snapshot.Type, name string) proto.Message

// outcome is what a call does, by concern. Concerns of a cluster or of an endpoint have its name behind a space.
type outcome map[string]string

// fails is the destination of a call that reaches nothing.
const fails = "fails"

// follow sends the call to a dialed name, as a client of gRPC does.
func follow(s side, dialed string, c call) outcome {
	out := outcome{}
	table, manager := routesOf(s, dialed, out)
	if table == nil {
		return out
	}
	i := slices.IndexFunc(table, func(r *routev3.Route) bool { return matches(r.GetMatch(), c) })
	if i < 0 || table[i].GetRoute() == nil { // gRPC fails calls whose route is not to a cluster.
		out["destination"] = fails
		return out
	}
	taken := table[i]
	if status := aborted(taken); status != "" {
		out["destination"] = "aborted with " + status
		return out
	}
	out.reach(s, taken.GetRoute())
	if out["destination"] != fails {
		out["timeout"] = timeout(taken.GetRoute(), manager)
		out["retries"] = retries(taken.GetRoute().GetRetryPolicy())
		out["fault"] = fault(taken)
	}
	return out
}

// routesOf returns the routes for a dialed name. If a client rejects one of the resources, it has none.
func routesOf(s side, dialed string, out outcome) ([]*routev3.Route, *hcmv3.HttpConnectionManager) {
	out["rejected"] = ""
	listener, _ := s(snapshot.ListenerType, dialed).(*listenerv3.Listener)
	if listener == nil {
		out["destination"] = "unknown: fails when the client's patience of 15 seconds ends"
		return nil, nil
	}
	manager := &hcmv3.HttpConnectionManager{}
	if err := listener.GetApiListener().GetApiListener().UnmarshalTo(manager); err != nil || manager.GetRds() == nil {
		out["destination"] = fails
		return nil, nil
	}
	name := manager.GetRds().GetRouteConfigName()
	table, _ := s(snapshot.RouteType, name).(*routev3.RouteConfiguration)
	out.judge(dialed, listener)
	out.judge(name, table)
	out["filters"] = filters(manager)
	host := hostOf(table, dialed)
	if host == nil {
		out["destination"] = fails
		return nil, nil
	}
	return host.GetRoutes(), manager
}

// judge notes which clients of gRPC, with the certificates that resources name, reject a resource.
func (o outcome) judge(name string, m proto.Message) {
	audience := clientrules.Audience{Kinds: mesh.FamilyGRPC.Kinds(), SystemRoots: true, Providers: []string{"default", "system"}}
	for _, f := range clientrules.Check(name, m, audience) {
		o["rejected"] = strings.Trim(o["rejected"]+"; "+f.String(), "; ")
	}
}

// reach notes which clusters and endpoints the call may go to.
func (o outcome) reach(s side, action *routev3.RouteAction) {
	shares := map[string]float64{action.GetCluster(): 100}
	if weighted := action.GetWeightedClusters().GetClusters(); weighted != nil {
		shares = map[string]float64{}
		total := 0.0
		for _, c := range weighted {
			total += float64(c.GetWeight().GetValue())
		}
		for _, c := range weighted {
			if c.GetWeight().GetValue() > 0 {
				shares[c.GetName()] += 100 * float64(c.GetWeight().GetValue()) / total
			}
		}
	}
	failing, endpoints := 0.0, map[string]float64{}
	for _, name := range slices.Sorted(keys(shares)) {
		cluster, _ := s(snapshot.ClusterType, name).(*clusterv3.Cluster)
		if cluster == nil || name == resource.RefusedCluster {
			failing += shares[name]
			continue
		}
		o.judge(name, cluster)
		o.add("destination", name, shares[name])
		o["balancing "+name] = balancing(cluster, action)
		o["limit "+name] = limit(cluster)
		o["ejection "+name] = ejection(cluster)
		o["encryption "+name] = encryption(cluster)
		load := cluster.GetLoadAssignment()
		if load == nil {
			service := cluster.GetEdsClusterConfig().GetServiceName()
			load, _ = s(snapshot.EndpointType, service).(*endpointv3.ClusterLoadAssignment)
			if load != nil {
				o.judge(service, load)
			}
		}
		reached, later := spread(cluster, load)
		o["failover "+name] = later
		if len(reached) == 0 {
			endpoints["none"] += shares[name]
		}
		for address, share := range reached {
			endpoints[address] += share * shares[name] / 100
		}
	}
	if len(shares) == 0 || failing > 99.99 {
		o["destination"] = fails
		return
	}
	if failing > 0 {
		o.add("destination", fails, failing)
	}
	for _, address := range slices.Sorted(keys(endpoints)) {
		o.add("endpoints", address, endpoints[address])
	}
}

// add adds a share of the calls.
func (o outcome) add(concern, of string, share float64) {
	if o[concern] != "" {
		o[concern] += ", "
	}
	o[concern] += of + " " + percent(share)
}

// hostOf returns the virtual host for a dialed name: exact domains come first, then the longest wildcard.
func hostOf(table *routev3.RouteConfiguration, dialed string) (best *routev3.VirtualHost) {
	longest := -1
	for _, host := range table.GetVirtualHosts() {
		for _, domain := range host.GetDomains() {
			rank := -1
			switch {
			case domain == dialed:
				rank = 10000
			case domain == "*":
				rank = 0
			case strings.HasPrefix(domain, "*") && strings.HasSuffix(dialed, domain[1:]):
				rank = 1000 + len(domain)
			case strings.HasSuffix(domain, "*") && strings.HasPrefix(dialed, domain[:len(domain)-1]):
				rank = len(domain)
			}
			if rank > longest {
				longest, best = rank, host
			}
		}
	}
	return best
}

// matches decides as gRPC for Go does.
func matches(m *routev3.RouteMatch, c call) bool {
	path, fold := c.path, m.GetCaseSensitive() != nil && !m.GetCaseSensitive().GetValue()
	lower := func(s string) string {
		if fold {
			return strings.ToLower(s)
		}
		return s
	}
	switch p := m.GetPathSpecifier().(type) {
	case *routev3.RouteMatch_Path:
		if lower(path) != lower(p.Path) {
			return false
		}
	case *routev3.RouteMatch_Prefix:
		if !strings.HasPrefix(lower(path), lower(p.Prefix)) {
			return false
		}
	case *routev3.RouteMatch_SafeRegex:
		if !whole(p.SafeRegex.GetRegex(), path) {
			return false
		}
	default: // gRPC leaves such a route out.
		return false
	}
	// gRPC calls have no query parameters, and gRPC leaves routes that ask for some out.
	return len(m.GetQueryParameters()) == 0 && !slices.ContainsFunc(m.GetHeaders(), func(h *routev3.HeaderMatcher) bool { return !matchesHeader(h, c) })
}

func matchesHeader(h *routev3.HeaderMatcher, c call) bool {
	value, present := c.headers[h.GetName()]
	if p, ok := h.GetHeaderMatchSpecifier().(*routev3.HeaderMatcher_PresentMatch); ok {
		return (present == p.PresentMatch) != h.GetInvertMatch()
	}
	if !present && h.GetTreatMissingHeaderAsEmpty() {
		present = true
	}
	var is bool
	switch s := h.GetHeaderMatchSpecifier().(type) {
	case *routev3.HeaderMatcher_StringMatch:
		is = matchesText(s.StringMatch, value)
	case *routev3.HeaderMatcher_ExactMatch:
		is = value == s.ExactMatch //nolint:staticcheck // the field that all servers read
	case *routev3.HeaderMatcher_PrefixMatch:
		is = strings.HasPrefix(value, s.PrefixMatch) //nolint:staticcheck // the field that all servers read
	case *routev3.HeaderMatcher_SuffixMatch:
		is = strings.HasSuffix(value, s.SuffixMatch) //nolint:staticcheck // the field that all servers read
	case *routev3.HeaderMatcher_SafeRegexMatch:
		is = whole(s.SafeRegexMatch.GetRegex(), value) //nolint:staticcheck // the field that all servers read
	case *routev3.HeaderMatcher_RangeMatch:
		n, err := strconv.ParseInt(value, 10, 64)
		is = err == nil && n >= s.RangeMatch.GetStart() && n < s.RangeMatch.GetEnd()
	}
	return present && is != h.GetInvertMatch()
}

func matchesText(m *matcherv3.StringMatcher, value string) bool {
	lower := func(s string) string {
		if m.GetIgnoreCase() {
			return strings.ToLower(s)
		}
		return s
	}
	value = lower(value)
	switch p := m.GetMatchPattern().(type) {
	case *matcherv3.StringMatcher_Exact:
		return value == lower(p.Exact)
	case *matcherv3.StringMatcher_Prefix:
		return strings.HasPrefix(value, lower(p.Prefix))
	case *matcherv3.StringMatcher_Suffix:
		return strings.HasSuffix(value, lower(p.Suffix))
	case *matcherv3.StringMatcher_Contains:
		return strings.Contains(value, lower(p.Contains))
	case *matcherv3.StringMatcher_SafeRegex:
		return whole(p.SafeRegex.GetRegex(), value)
	}
	return false
}

func whole(expression, value string) bool {
	re, err := regexp.Compile("^(?:" + expression + ")$")
	return err == nil && re.MatchString(value)
}
