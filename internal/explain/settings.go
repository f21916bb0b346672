package explain

import (
	"cmp"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	faultv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/fault/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/policy"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// weights returns the clusters of a route; a single cluster has the weight 1.
func weights(r *routev3.RouteAction) []*routev3.WeightedCluster_ClusterWeight {
	if w := r.GetWeightedClusters().GetClusters(); len(w) > 0 {
		return w
	}
	return []*routev3.WeightedCluster_ClusterWeight{{Name: r.GetCluster(), Weight: wrapperspb.UInt32(1)}}
}

func (q Question) routeSettings(r *routev3.Route) []string {
	var all []string
	action := r.GetRoute()
	for _, timeout := range []*durationpb.Duration{action.GetMaxStreamDuration().GetMaxStreamDuration(), action.GetTimeout()} {
		if d := timeout.AsDuration(); d > 0 {
			all = append(all, "timeout "+d.String())
		}
	}
	all = append(all, q.retrySettings(action.GetRetryPolicy())...)
	for _, policy := range action.GetHashPolicy() {
		all = append(all, "hashed by "+hashed(policy))
	}
	for _, edit := range q.editsOf(r.GetResponseHeadersToAdd(), r.GetResponseHeadersToRemove()) {
		all = append(all, "in the response: "+edit)
	}
	for _, override := range r.GetTypedPerFilterConfig() {
		var fault faultv3.HTTPFault
		if override.UnmarshalTo(&fault) == nil {
			all = append(all, q.faultSettings(&fault)...)
		}
	}
	return all
}

func (q Question) retrySettings(p *routev3.RetryPolicy) []string {
	if p == nil {
		return nil
	}
	on := p.GetRetryOn()
	if q.IsHTTP() {
		on = strings.Join(slices.DeleteFunc(strings.Split(on, ","), func(c string) bool { return !slices.Contains(policy.HTTPRetryConditions, c) }), ",")
	}
	if on == "" {
		return []string{"no retries: plain HTTP calls do not meet " + p.GetRetryOn()}
	}
	retries := "retries"
	if p.GetNumRetries().GetValue() == 1 {
		retries = "retry"
	}
	text := fmt.Sprintf("up to %d %s on %s, after %s at least", p.GetNumRetries().GetValue(), retries, on, p.GetRetryBackOff().GetBaseInterval().AsDuration())
	if len(p.GetRetryHostPredicate()) > 0 {
		text += ", on other endpoints if there are any"
	}
	all := []string{text}
	if codes := p.GetRetriableStatusCodes(); len(codes) > 0 {
		all = append(all, "retriable status codes "+strings.Trim(fmt.Sprint(codes), "[]"))
	}
	if d := p.GetPerTryTimeout().AsDuration(); d > 0 {
		all = append(all, "timeout of each attempt "+d.String())
	}
	return all
}

// hashed describes what selects the endpoint of a call.
func hashed(policy *routev3.RouteAction_HashPolicy) string {
	switch {
	case policy.GetHeader() != nil:
		return "header " + policy.GetHeader().GetHeaderName()
	case policy.GetCookie() != nil:
		return "cookie " + policy.GetCookie().GetName()
	case policy.GetQueryParameter() != nil:
		return "query parameter " + policy.GetQueryParameter().GetName()
	}
	return "channel"
}

// abort returns the fault that ends every call of a route; nil if none does.
func abort(r *routev3.Route) *faultv3.FaultAbort {
	for _, override := range r.GetTypedPerFilterConfig() {
		var fault faultv3.HTTPFault
		if override.UnmarshalTo(&fault) != nil || fault.GetAbort() == nil {
			continue
		}
		if percent(fault.GetAbort().GetPercentage()) == "100 %" {
			return fault.GetAbort()
		}
	}
	return nil
}

// statusOf names the status of a fault as the caller sees it: gRPC clients make a gRPC status of an HTTP status.
func (q Question) statusOf(a *faultv3.FaultAbort) string {
	switch status := a.GetHttpStatus(); {
	case status != 0 && q.IsHTTP():
		return fmt.Sprintf("HTTP status %d", status)
	case status != 0:
		return fmt.Sprintf("%s (HTTP status %d)", grpcStatus(status), status)
	}
	return fmt.Sprintf("gRPC status %d", a.GetGrpcStatus())
}

// grpcStatus is the status that gRPC clients make of an HTTP status, by gRPC's protocol.
func grpcStatus(http uint32) string {
	switch http {
	case 400:
		return "INTERNAL"
	case 401:
		return "UNAUTHENTICATED"
	case 403:
		return "PERMISSION_DENIED"
	case 404:
		return "UNIMPLEMENTED"
	case 429, 502, 503, 504:
		return "UNAVAILABLE"
	}
	return "UNKNOWN"
}

func (q Question) faultSettings(f *faultv3.HTTPFault) []string {
	var all []string
	if d := f.GetDelay(); d != nil {
		all = append(all, fmt.Sprintf("%s of the calls are delayed by %s", percent(d.GetPercentage()), d.GetFixedDelay().AsDuration()))
	}
	if a := f.GetAbort(); a != nil {
		all = append(all, fmt.Sprintf("%s of the calls end with %s", percent(a.GetPercentage()), q.statusOf(a)))
	}
	return all
}

func percent(p *typev3.FractionalPercent) string {
	denominator := map[typev3.FractionalPercent_DenominatorType]float64{
		typev3.FractionalPercent_HUNDRED: 1, typev3.FractionalPercent_TEN_THOUSAND: 100, typev3.FractionalPercent_MILLION: 10_000,
	}[p.GetDenominator()]
	return strconv.FormatFloat(float64(p.GetNumerator())/denominator, 'g', -1, 64) + " %"
}

func localities(load *endpointv3.ClusterLoadAssignment, from tracedResource) []Locality {
	all := []Locality{}
	if resource.IsEmpty(load) {
		return all
	}
	for i, group := range load.GetEndpoints() {
		l := Locality{
			From: from.from(fmt.Sprintf("endpoints[%d]", i)), Priority: group.GetPriority(),
			Weight: group.GetLoadBalancingWeight().GetValue(), Endpoints: []string{},
		}
		place := group.GetLocality()
		l.Name = strings.TrimRight(strings.Join([]string{place.GetRegion(), place.GetZone(), place.GetSubZone()}, "/"), "/")
		for _, e := range group.GetLbEndpoints() {
			a := e.GetEndpoint().GetAddress().GetSocketAddress()
			l.Endpoints = append(l.Endpoints, net.JoinHostPort(a.GetAddress(), strconv.FormatUint(uint64(a.GetPortValue()), 10)))
		}
		all = append(all, l)
	}
	mesh.SortStableFunc(all, func(a, b Locality) int { return cmp.Compare(a.Priority, b.Priority) })
	return all
}
