package xds

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
)

// routeTable is a RouteConfiguration.
type routeTable struct {
	name  string
	hosts []virtualHost
	// clusters are the names of all clusters that a route has.
	clusters []string
}

type virtualHost struct {
	domains []string
	routes  []route
	// unread is what cannot be read of the virtual host; calls fail.
	unread string
}

type route struct {
	match match
	// unread is what cannot be read of the action; calls that take the route fail. So do calls of RPC frameworks if there is
	// what onlyHTTP names.
	unread, onlyHTTP string
	clusters         []share
	total            uint64
	timeout          time.Duration
	fault            *fault
	retry            *retryPolicy
	http             httpAction
}

// share is a destination and its weight.
type share struct {
	cluster string
	weight  uint64
	fault   *fault
	// authority is sent in place of the call's, unless it is empty.
	authority         string
	request, response edits
}

// hostFields are the fields of a VirtualHost that are for all calls.
var hostFields = []protoreflect.Name{"name", "domains", "routes", "retry_policy", "typed_per_filter_config"}

// readRoutes fails if a client must reject the RouteConfiguration.
func readRoutes(name string, config *routev3.RouteConfiguration) (*routeTable, error) {
	table := &routeTable{name: name}
	for _, h := range config.GetVirtualHosts() {
		host := virtualHost{unread: unknownField(h, slices.Concat(editFields, hostFields)...)}
		for _, d := range h.GetDomains() {
			host.domains = append(host.domains, strings.ToLower(d))
		}
		for i, r := range h.GetRoutes() {
			read, err := readRoute(config, h, r)
			if err != nil {
				return nil, fmt.Errorf("virtual host %q, route %d: %w", h.GetName(), i, err)
			}
			for _, s := range slices.Concat(read.clusters, read.http.mirrors) {
				if !slices.Contains(table.clusters, s.cluster) {
					table.clusters = append(table.clusters, s.cluster)
				}
			}
			host.routes = append(host.routes, read)
		}
		table.hosts = append(table.hosts, host)
	}
	return table, nil
}

func readRoute(config *routev3.RouteConfiguration, host *routev3.VirtualHost, r *routev3.Route) (route, error) {
	m, err := readMatch(r.GetMatch())
	if err != nil {
		return route{}, err
	}
	out := route{match: m}
	action := r.GetRoute()
	out.fields("", r, []protoreflect.Name{"name", "match", "route", "metadata", "typed_per_filter_config"}, append(editFields, "redirect", "direct_response"))
	out.fields("route.", action, []protoreflect.Name{"cluster", "weighted_clusters", "timeout", "max_stream_duration", "retry_policy", "hash_policy"},
		[]protoreflect.Name{"prefix_rewrite", "regex_rewrite", "host_rewrite_literal", "request_mirror_policies"})
	out.fields("virtual_hosts.", host, hostFields, editFields)
	filters := []map[string]*anypb.Any{r.GetTypedPerFilterConfig(), host.GetTypedPerFilterConfig()}
	if err := out.readHTTP(config, host, r); err != nil {
		return route{}, err
	}
	if err := out.destinations(action, filters, levels(config, host, r)); err != nil {
		return route{}, err
	}
	out.timeout = timeoutOf(action)
	policy := action.GetRetryPolicy()
	if policy == nil {
		policy = host.GetRetryPolicy()
	}
	out.retry, err = readRetries(policy)
	return out, err
}

// destinations reads where the calls go. The settings of a filter for a destination replace those of the route, and
// those of the route the virtual host's.
func (r *route) destinations(action *routev3.RouteAction, filters []map[string]*anypb.Any, edited levelsOf) error {
	common, unread := readFault(filters...)
	r.note(unread)
	r.fault = common
	if name := action.GetCluster(); name != "" {
		one := share{cluster: name, weight: 1, fault: common, authority: action.GetHostRewriteLiteral()}
		var err error
		one.request, one.response, err = edited.of(nil)
		r.clusters, r.total = []share{one}, 1
		return err
	}
	for _, w := range action.GetWeightedClusters().GetClusters() {
		r.fields("route.weighted_clusters.", w, []protoreflect.Name{"name", "weight", "typed_per_filter_config"}, append(editFields, "host_rewrite_literal"))
		own, unread := readFault(append([]map[string]*anypb.Any{w.GetTypedPerFilterConfig()}, filters...)...)
		r.note(unread)
		request, response, err := edited.of(w)
		if err != nil {
			return err
		}
		if weight := uint64(w.GetWeight().GetValue()); weight > 0 {
			authority := cmp.Or(w.GetHostRewriteLiteral(), action.GetHostRewriteLiteral())
			r.clusters, r.total = append(r.clusters, share{w.GetName(), weight, own, authority, request, response}), r.total+weight
		}
	}
	if r.total == 0 && r.unread == "" && !r.http.answers() {
		return errors.New("the route has no destination")
	}
	return nil
}

// fields keeps the first field of a message that is neither for all calls nor for plain HTTP calls, and the first that is not
// for all.
func (r *route) fields(prefix string, m proto.Message, all, http []protoreflect.Name) {
	if unknown := unknownField(m, slices.Concat(all, http)...); unknown != "" {
		r.note(prefix + unknown)
	}
	if unknown := unknownField(m, all...); unknown != "" && r.onlyHTTP == "" {
		r.onlyHTTP = prefix + unknown
	}
}

// note keeps the first reason why calls fail.
func (r *route) note(unread string) {
	if r.unread == "" {
		r.unread = unread
	}
}

// choose picks a destination by weight.
func (r *route) choose() share {
	n := rand.Uint64N(r.total) //nolint:gosec // no secret
	for _, s := range r.clusters {
		if n < s.weight {
			return s
		}
		n -= s.weight
	}
	return r.clusters[len(r.clusters)-1]
}

// timeoutOf is gRPC's: the limit on the caller's own time limit if it is set, or else the limit of a stream. Zero
// means none.
func timeoutOf(action *routev3.RouteAction) time.Duration {
	limit := action.GetMaxStreamDuration()
	for _, d := range []*durationpb.Duration{limit.GetGrpcTimeoutHeaderMax(), limit.GetMaxStreamDuration(), action.GetTimeout()} {
		if d != nil {
			return d.AsDuration()
		}
	}
	return 0
}

// find returns the first route whose conditions a call meets.
func (t *routeTable) find(call Call) (*route, error) {
	host := t.host(strings.ToLower(call.Host))
	if host == nil {
		return nil, errors.New("no virtual host has this name, so the mesh does not know it")
	}
	if host.unread != "" {
		return nil, fmt.Errorf("virtual host %s has %s, which this client cannot read", host.domains, host.unread)
	}
	for i := range host.routes {
		r := &host.routes[i]
		if !r.match.meets(call) {
			continue
		}
		if r.match.unread != "" {
			return nil, fmt.Errorf("route %d of %s has the condition %s, which this client cannot read; calls that meet its other conditions fail", i, t.name, r.match.unread)
		}
		if r.unread != "" {
			return nil, fmt.Errorf("route %d of %s has %s, which this client does not support", i, t.name, r.unread)
		}
		if r.onlyHTTP != "" && call.HTTP == nil {
			return nil, fmt.Errorf("route %d of %s has %s, which this client does not support in calls of RPC frameworks", i, t.name, r.onlyHTTP)
		}
		return r, nil
	}
	return nil, fmt.Errorf("no route of %s matches", t.name)
}

// host finds the virtual host by the most specific domain: the name itself, the longest suffix, the longest prefix, all.
func (t *routeTable) host(name string) *virtualHost {
	var found *virtualHost
	best := 0
	for i := range t.hosts {
		for _, d := range t.hosts[i].domains {
			if rank := domainRank(d, name); rank > best {
				found, best = &t.hosts[i], rank
			}
		}
	}
	return found
}

func domainRank(domain, name string) int {
	const prefix, suffix, exact = 1 << 10, 1 << 20, 1 << 30
	switch {
	case domain == name:
		return exact
	case domain == "*":
		return 1
	case strings.HasPrefix(domain, "*") && strings.HasSuffix(name, domain[1:]) && len(name) >= len(domain):
		return suffix + len(domain)
	case strings.HasSuffix(domain, "*") && strings.HasPrefix(name, domain[:len(domain)-1]) && len(name) >= len(domain):
		return prefix + len(domain)
	}
	return 0
}
