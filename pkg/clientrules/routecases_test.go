package clientrules_test

import (
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	commonfaultv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/common/fault/v3"
	corsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/cors/v3"
	faultv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/fault/v3"
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

func listenerCases() map[string]test {
	filters := func(all ...*hcmv3.HttpFilter) *listenerv3.Listener {
		return manager(func(m *hcmv3.HttpConnectionManager) { m.HttpFilters = all })
	}
	filter := func(name string, config *anypb.Any, optional bool) *hcmv3.HttpFilter {
		return &hcmv3.HttpFilter{Name: name, IsOptional: optional, ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: config}}
	}
	router, cors := pack(&routerv3.Router{}), pack(&corsv3.Cors{})
	inline := func(m *routev3.RouteConfiguration) *listenerv3.Listener {
		return manager(func(h *hcmv3.HttpConnectionManager) {
			h.RouteSpecifier = &hcmv3.HttpConnectionManager_RouteConfig{RouteConfig: m}
		})
	}
	return map[string]test{
		"good":              {manager(nothing[*hcmv3.HttpConnectionManager]), ""},
		"not for a client":  {&listenerv3.Listener{Name: "l"}, all},
		"not HTTP":          {&listenerv3.Listener{Name: "l", ApiListener: &listenerv3.ApiListener{ApiListener: cors}}, all},
		"trusted hops":      {manager(func(m *hcmv3.HttpConnectionManager) { m.XffNumTrustedHops = 1 }), notRust},
		"no routes":         {manager(func(m *hcmv3.HttpConnectionManager) { m.RouteSpecifier = nil }), all},
		"unnamed routes":    {manager(func(m *hcmv3.HttpConnectionManager) { m.GetRds().RouteConfigName = "" }), all},
		"routes elsewhere":  {manager(func(m *hcmv3.HttpConnectionManager) { m.GetRds().ConfigSource = &corev3.ConfigSource{} }), notRust},
		"inline":            {inline(route(nothing[*routev3.Route])), ""},
		"inline, bad":       {inline(route(func(r *routev3.Route) { r.Match = nil })), all},
		"no filters":        {filters(), notRust},
		"no router":         {filters(filter("fault", pack(&faultv3.HTTPFault{}), false)), notRust},
		"router not last":   {filters(filter("router", router, false), filter("fault", pack(&faultv3.HTTPFault{}), false)), notRust},
		"unnamed filter":    {filters(filter("", router, false)), notRust},
		"filters of a name": {filters(filter("router", cors, true), filter("router", router, false)), notRust},
		"unknown filter":    {filters(filter("cors", cors, false), filter("router", router, false)), notRust},
		"optional filter":   {filters(filter("cors", cors, true), filter("router", router, false)), ""},
		"unreadable fault": {filters(
			filter("fault", &anypb.Any{TypeUrl: pack(&faultv3.HTTPFault{}).GetTypeUrl(), Value: []byte("x")}, true), filter("router", router, false)), notRust},
	}
}

func routeCases() map[string]test {
	override := func(config *anypb.Any) test {
		return test{message: route(func(r *routev3.Route) { r.TypedPerFilterConfig = map[string]*anypb.Any{"f": config} })}
	}
	rejected := func(c test, by string) test { c.by = by; return c }
	action := func(change func(*routev3.RouteAction)) *routev3.RouteConfiguration {
		return route(func(r *routev3.Route) { change(r.GetRoute()) })
	}
	shares := func(clusters ...*routev3.WeightedCluster_ClusterWeight) *routev3.RouteConfiguration {
		return action(func(a *routev3.RouteAction) {
			a.ClusterSpecifier = &routev3.RouteAction_WeightedClusters{WeightedClusters: &routev3.WeightedCluster{Clusters: clusters}}
		})
	}
	share := func(name string, weight uint32) *routev3.WeightedCluster_ClusterWeight {
		return &routev3.WeightedCluster_ClusterWeight{Name: name, Weight: wrapperspb.UInt32(weight)}
	}
	retry := func(p *routev3.RetryPolicy) *routev3.RouteConfiguration {
		return action(func(a *routev3.RouteAction) { a.RetryPolicy = p })
	}
	pause := func(base, longest time.Duration) *routev3.RouteConfiguration {
		return retry(&routev3.RetryPolicy{RetryBackOff: &routev3.RetryPolicy_RetryBackOff{
			BaseInterval: durationpb.New(base), MaxInterval: durationpb.New(longest),
		}})
	}
	domains := func(all ...string) *routev3.RouteConfiguration {
		return table(func(m *routev3.RouteConfiguration) { m.GetVirtualHosts()[0].Domains = all })
	}
	return map[string]test{
		"good":                 {route(nothing[*routev3.Route]), ""},
		"no virtual host":      {table(func(m *routev3.RouteConfiguration) { m.VirtualHosts = nil }), "R"},
		"no domains":           {domains(), "CR"},
		"star in the middle":   {domains("l", "a*b"), "CN"},
		"two stars":            {domains("l", "*a*"), "CN"},
		"stars at either end":  {domains("l", "a.*", "*.b"), ""},
		"redirect":             {route(func(r *routev3.Route) { r.Action = &routev3.Route_Redirect{Redirect: &routev3.RedirectAction{}} }), "JNR"},
		"no action":            {route(func(r *routev3.Route) { r.Action = nil }), "JNR"},
		"no cluster":           {action(func(a *routev3.RouteAction) { a.ClusterSpecifier = nil }), "NR"},
		"unnamed cluster":      {action(func(a *routev3.RouteAction) { a.ClusterSpecifier = &routev3.RouteAction_Cluster{} }), "CR"},
		"undeclared specifier": {action(func(a *routev3.RouteAction) { a.ClusterSpecifier = &routev3.RouteAction_ClusterSpecifierPlugin{} }), notRust},
		"shares":               {shares(share("c", 1), share("d", 0)), ""},
		"no shares":            {shares(), all},
		"weightless":           {shares(share("c", 0)), notRust},
		"too heavy":            {shares(share("c", 1<<31), share("d", 1<<31)), notRust},
		"share of nothing":     {shares(share("", 1)), "C"},
		"share without weight": {shares(share("c", 1), &routev3.WeightedCluster_ClusterWeight{Name: "d"}), "C"},
		"share's override": {shares(&routev3.WeightedCluster_ClusterWeight{
			Name: "c", Weight: wrapperspb.UInt32(1), TypedPerFilterConfig: map[string]*anypb.Any{"f": pack(&corsv3.CorsPolicy{})},
		}), notRust},
		"fault":             override(pack(&faultv3.HTTPFault{})),
		"CORS":              rejected(override(pack(&corsv3.CorsPolicy{})), notRust),
		"optional CORS":     override(pack(&routev3.FilterConfig{IsOptional: true, Config: pack(&corsv3.CorsPolicy{})})),
		"wrapped CORS":      rejected(override(pack(&routev3.FilterConfig{Config: pack(&corsv3.CorsPolicy{})})), notRust),
		"router override":   rejected(override(pack(&routerv3.Router{})), "GJC"),
		"fault of no kind":  rejected(override(pack(&faultv3.HTTPFault{Abort: &faultv3.FaultAbort{}})), "J"),
		"delay of no kind":  rejected(override(pack(&faultv3.HTTPFault{Delay: &commonfaultv3.FaultDelay{}})), "J"),
		"negative limit":    {action(limit(-time.Second)), "CN"},
		"limit":             {action(limit(time.Second)), ""},
		"too short a limit": {action(limit(time.Microsecond)), "J"},
		"too long a limit":  {action(limit(1e7 * time.Second)), "J"},
		"no retries":        {retry(&routev3.RetryPolicy{NumRetries: wrapperspb.UInt32(0)}), "GCN"},
		"retries":           {retry(&routev3.RetryPolicy{NumRetries: wrapperspb.UInt32(2)}), ""},
		"pause":             {pause(time.Second, time.Minute), ""},
		"no pause":          {pause(0, time.Second), notRust},
		"no longest pause":  {pause(time.Second, 0), notRust},
		"pause too long":    {pause(time.Minute, time.Second), "JN"},
		"pause without one": {retry(&routev3.RetryPolicy{RetryBackOff: &routev3.RetryPolicy_RetryBackOff{}}), notRust},
		"retries of a host": {table(func(m *routev3.RouteConfiguration) {
			m.GetVirtualHosts()[0].RetryPolicy = &routev3.RetryPolicy{NumRetries: wrapperspb.UInt32(0)}
		}), "GCN"},
		"specifier": {table(func(m *routev3.RouteConfiguration) {
			m.ClusterSpecifierPlugins = []*routev3.ClusterSpecifierPlugin{{IsOptional: true, Extension: &corev3.TypedExtensionConfig{Name: "p"}}}
			m.VirtualHosts[0].Routes = append(m.VirtualHosts[0].Routes, &routev3.Route{
				Match: &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{}},
				Action: &routev3.Route_Route{Route: &routev3.RouteAction{
					ClusterSpecifier: &routev3.RouteAction_ClusterSpecifierPlugin{ClusterSpecifierPlugin: "p"},
				}},
			})
		}), "N"},
		"unknown specifier": {table(func(m *routev3.RouteConfiguration) {
			m.ClusterSpecifierPlugins = []*routev3.ClusterSpecifierPlugin{{Extension: &corev3.TypedExtensionConfig{Name: "p"}}}
		}), "GJC"},
		"unreadable override": rejected(override(&anypb.Any{TypeUrl: pack(&routev3.FilterConfig{}).GetTypeUrl(), Value: []byte("x")}), notRust),
		"hash by the channel": {action(func(a *routev3.RouteAction) {
			a.HashPolicy = []*routev3.RouteAction_HashPolicy{{PolicySpecifier: &routev3.RouteAction_HashPolicy_FilterState_{
				FilterState: &routev3.RouteAction_HashPolicy_FilterState{Key: "io.grpc.channel_id"},
			}}}
		}), ""},
		"hash by nothing": {action(hash(&routev3.RouteAction_HashPolicy_Header{})), "C"},
		"hash by a broken expression": {action(hash(&routev3.RouteAction_HashPolicy_Header{HeaderName: "a", RegexRewrite: &matcherv3.RegexMatchAndSubstitute{
			Pattern: &matcherv3.RegexMatcher{Regex: "("},
		}})), notRust},
	}
}

func limit(d time.Duration) func(*routev3.RouteAction) {
	return func(a *routev3.RouteAction) {
		a.MaxStreamDuration = &routev3.RouteAction_MaxStreamDuration{MaxStreamDuration: durationpb.New(d)}
	}
}

func hash(h *routev3.RouteAction_HashPolicy_Header) func(*routev3.RouteAction) {
	return func(a *routev3.RouteAction) {
		a.HashPolicy = []*routev3.RouteAction_HashPolicy{{PolicySpecifier: &routev3.RouteAction_HashPolicy_Header_{Header: h}}}
	}
}

func matchCases() map[string]test {
	match := func(change func(*routev3.RouteMatch)) *routev3.RouteConfiguration {
		return route(func(r *routev3.Route) { change(r.GetMatch()) })
	}
	expression := func(text string) *routev3.RouteConfiguration {
		return match(func(m *routev3.RouteMatch) {
			m.PathSpecifier = &routev3.RouteMatch_SafeRegex{SafeRegex: &matcherv3.RegexMatcher{Regex: text}}
		})
	}
	text := func(m *matcherv3.StringMatcher) *routev3.RouteConfiguration {
		return header(&routev3.HeaderMatcher{HeaderMatchSpecifier: &routev3.HeaderMatcher_StringMatch{StringMatch: m}})
	}
	in := func(start, end int64) *routev3.RouteConfiguration {
		return header(&routev3.HeaderMatcher{HeaderMatchSpecifier: &routev3.HeaderMatcher_RangeMatch{RangeMatch: &typev3.Int64Range{Start: start, End: end}}})
	}
	prefix := func(s string) *routev3.RouteConfiguration {
		return header(&routev3.HeaderMatcher{HeaderMatchSpecifier: &routev3.HeaderMatcher_PrefixMatch{PrefixMatch: s}}) //nolint:staticcheck // clients still read it
	}
	return map[string]test{
		"no match": {route(func(r *routev3.Route) { r.Match = nil }), all},
		"no path":  {match(func(m *routev3.RouteMatch) { m.PathSpecifier = nil }), all},
		"path parts": {match(func(m *routev3.RouteMatch) {
			m.PathSpecifier = &routev3.RouteMatch_PathSeparatedPrefix{PathSeparatedPrefix: "/a"}
		}), all},
		"expression": {expression("/a/[b-c]+"), ""},
		"broken":     {expression("("), all},
		"look-ahead": {expression("a(?=b)"), all},
		"query": {match(func(m *routev3.RouteMatch) {
			m.PathSpecifier, m.QueryParameters = nil, []*routev3.QueryParameterMatcher{{Name: "a"}}
		}), ""},
		"unknown whole": {match(func(m *routev3.RouteMatch) {
			m.RuntimeFraction = &corev3.RuntimeFractionalPercent{DefaultValue: &typev3.FractionalPercent{Denominator: 9}}
		}), "JC"},
		"header by nothing":         {header(&routev3.HeaderMatcher{}), notRust},
		"header present":            {header(&routev3.HeaderMatcher{HeaderMatchSpecifier: &routev3.HeaderMatcher_PresentMatch{PresentMatch: true}}), ""},
		"header exact":              {header(&routev3.HeaderMatcher{HeaderMatchSpecifier: &routev3.HeaderMatcher_ExactMatch{ExactMatch: "a"}}), ""}, //nolint:staticcheck // clients still read it
		"header prefix":             {prefix("a"), "R"},
		"header prefix of nothing":  {prefix(""), "GR"},
		"header suffix":             {header(&routev3.HeaderMatcher{HeaderMatchSpecifier: &routev3.HeaderMatcher_SuffixMatch{SuffixMatch: "a"}}), "R"},      //nolint:staticcheck // clients still read it
		"header part":               {header(&routev3.HeaderMatcher{HeaderMatchSpecifier: &routev3.HeaderMatcher_ContainsMatch{ContainsMatch: "a"}}), "NR"}, //nolint:staticcheck // clients still read it
		"header range":              {in(1, 2), ""},
		"header range backwards":    {in(2, 1), "C"},
		"header expression, broken": {header(&routev3.HeaderMatcher{HeaderMatchSpecifier: &routev3.HeaderMatcher_SafeRegexMatch{SafeRegexMatch: &matcherv3.RegexMatcher{Regex: "("}}}), all}, //nolint:staticcheck // clients still read it
		"header text":               {text(&matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Exact{}}), ""},
		"header text by nothing":    {text(&matcherv3.StringMatcher{}), all},
		"header text, empty prefix": {text(&matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Prefix{}}), "G"},
		"header text, empty suffix": {text(&matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Suffix{}}), "G"},
		"header text, empty part":   {text(&matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Contains{}}), "G"},
		"header text, broken":       {text(&matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_SafeRegex{SafeRegex: &matcherv3.RegexMatcher{Regex: "("}}}), all},
		"header without a name": {route(func(r *routev3.Route) {
			r.Match.Headers = []*routev3.HeaderMatcher{{HeaderMatchSpecifier: &routev3.HeaderMatcher_PresentMatch{}}}
		}), "C"},
	}
}
