package xds

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/grpc/codes"
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
	// unread is what cannot be read of the action; calls that take the route fail.
	unread   string
	clusters []share
	total    uint64
	timeout  time.Duration
	fault    *fault
	retry    *retryPolicy
}

// share is a destination and its weight.
type share struct {
	cluster string
	weight  uint64
	fault   *fault
}

// readRoutes fails if a client must reject the RouteConfiguration.
func readRoutes(name string, config *routev3.RouteConfiguration) (*routeTable, error) {
	table := &routeTable{name: name}
	for _, h := range config.GetVirtualHosts() {
		host := virtualHost{unread: unknownField(h, "name", "domains", "routes", "retry_policy", "typed_per_filter_config")}
		for _, d := range h.GetDomains() {
			host.domains = append(host.domains, strings.ToLower(d))
		}
		for i, r := range h.GetRoutes() {
			read, err := readRoute(h, r)
			if err != nil {
				return nil, fmt.Errorf("virtual host %q, route %d: %w", h.GetName(), i, err)
			}
			for _, s := range read.clusters {
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

func readRoute(host *routev3.VirtualHost, r *routev3.Route) (route, error) {
	m, err := readMatch(r.GetMatch())
	if err != nil {
		return route{}, err
	}
	out := route{match: m, unread: unknownField(r, "name", "match", "route", "metadata", "typed_per_filter_config")}
	action := r.GetRoute()
	if unknown := unknownField(action, "cluster", "weighted_clusters", "timeout", "max_stream_duration", "retry_policy", "hash_policy"); unknown != "" && out.unread == "" {
		out.unread = "route." + unknown
	}
	filters := []map[string]*anypb.Any{r.GetTypedPerFilterConfig(), host.GetTypedPerFilterConfig()}
	if err := out.destinations(action, filters); err != nil {
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
func (r *route) destinations(action *routev3.RouteAction, filters []map[string]*anypb.Any) error {
	common, unread := readFault(filters...)
	r.note(unread)
	r.fault = common
	if name := action.GetCluster(); name != "" {
		r.clusters, r.total = []share{{cluster: name, weight: 1, fault: common}}, 1
		return nil
	}
	for _, w := range action.GetWeightedClusters().GetClusters() {
		r.note(unknownField(w, "name", "weight", "typed_per_filter_config"))
		own, unread := readFault(append([]map[string]*anypb.Any{w.GetTypedPerFilterConfig()}, filters...)...)
		r.note(unread)
		if weight := uint64(w.GetWeight().GetValue()); weight > 0 {
			r.clusters, r.total = append(r.clusters, share{w.GetName(), weight, own}), r.total+weight
		}
	}
	if r.total == 0 && r.unread == "" {
		return errors.New("the route has no destination")
	}
	return nil
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

// retryPolicy says which failed calls are tried again.
type retryPolicy struct {
	codes     []codes.Code
	attempts  int
	base, max time.Duration
}

// retriedCodes are the conditions that gRPC supports. It ignores the others, which are statuses of HTTP.
var retriedCodes = map[string]codes.Code{
	"cancelled": codes.Canceled, "deadline-exceeded": codes.DeadlineExceeded, "internal": codes.Internal,
	"resource-exhausted": codes.ResourceExhausted, "unavailable": codes.Unavailable,
}

// maxRetries bounds what a policy may ask for, as in gRPC, where a call has at most 5 attempts.
const maxRetries = 4

func readRetries(p *routev3.RetryPolicy) (*retryPolicy, error) {
	out := &retryPolicy{attempts: 1, base: 25 * time.Millisecond}
	for on := range strings.SplitSeq(p.GetRetryOn(), ",") {
		if code, ok := retriedCodes[strings.TrimSpace(on)]; ok {
			out.codes = append(out.codes, code)
		}
	}
	if len(out.codes) == 0 {
		return nil, nil
	}
	if n := p.GetNumRetries(); n != nil {
		if n.GetValue() == 0 {
			return nil, errors.New("retry_policy.num_retries is 0")
		}
		out.attempts = min(int(n.GetValue()), maxRetries)
	}
	if b := p.GetRetryBackOff(); b != nil {
		if out.base = b.GetBaseInterval().AsDuration(); out.base <= 0 {
			return nil, errors.New("retry_policy.retry_back_off.base_interval is not positive")
		}
		out.max = b.GetMaxInterval().AsDuration()
	}
	if out.max <= 0 {
		out.max = 10 * out.base
	}
	return out, nil
}

// wait returns how long to wait before the retry with that number, which begins at 0; false if the call is not tried again.
func (p *retryPolicy) wait(retry int, code codes.Code) (time.Duration, bool) {
	if p == nil || retry >= p.attempts || !slices.Contains(p.codes, code) {
		return 0, false
	}
	longest := min(p.base<<retry, p.max)
	return time.Duration(rand.Int64N(int64(longest) + 1)), true //nolint:gosec // no secret
}
