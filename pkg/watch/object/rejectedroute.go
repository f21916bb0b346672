package object

import (
	"fmt"
	"regexp"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// routeDuration is the form of durations in the Gateway API (GEP-2257): whole numbers with a unit from hours to milliseconds.
var routeDuration = regexp.MustCompile(`^([0-9]{1,5}(h|m|s|ms)){1,4}$`)

// maxRouteWeight is the largest weight of a backend that the Gateway API allows.
const maxRouteWeight = 1_000_000

func rejectGRPCRoute(route *gatewayv1.GRPCRoute, r *rejections) {
	for i := range route.Spec.Rules {
		rule, at := &route.Spec.Rules[i], specPath.Child("rules").Index(i)
		r.ruleName(at, rule.Name)
		for j := range rule.Matches {
			for k, h := range rule.Matches[j].Headers {
				r.matchedValue(at.Child("matches").Index(j).Child("headers").Index(k), h.Value)
			}
		}
		for k := range rule.BackendRefs {
			r.routeWeight(at.Child("backendRefs").Index(k), rule.BackendRefs[k].Weight)
		}
	}
}

func rejectHTTPRoute(route *gatewayv1.HTTPRoute, r *rejections) {
	for i := range route.Spec.Rules {
		written, at := &route.Spec.Rules[i], specPath.Child("rules").Index(i)
		r.ruleName(at, written.Name)
		for j := range written.Matches {
			at := at.Child("matches").Index(j)
			for k, h := range written.Matches[j].Headers {
				r.matchedValue(at.Child("headers").Index(k), h.Value)
			}
			for k, q := range written.Matches[j].QueryParams {
				r.matchedValue(at.Child("queryParams").Index(k), q.Value)
			}
		}
		for k := range written.BackendRefs {
			r.routeWeight(at.Child("backendRefs").Index(k), written.BackendRefs[k].Weight)
		}
		if t := written.Timeouts; t != nil {
			at := at.Child("timeouts")
			request, attempt := r.routeDuration(at.Child("request"), t.Request), r.routeDuration(at.Child("backendRequest"), t.BackendRequest)
			r.rules(rule{request > 0 && attempt > request, at.Child("backendRequest"), string(valueOr(t.BackendRequest, "")), "must not be longer than request"})
		}
		if written.Retry != nil {
			r.routeDuration(at.Child("retry", "backoff"), written.Retry.Backoff)
		}
	}
}

func (r *rejections) ruleName(at *field.Path, name *gatewayv1.SectionName) {
	if name != nil {
		r.texts(at.Child("name"), string(*name), validation.IsDNS1123Subdomain(string(*name)))
	}
}

// matchedValue requires the value of a header or a query parameter.
func (r *rejections) matchedValue(at *field.Path, value string) {
	r.rules(rule{value == "", at.Child("value"), nil, "a match needs the value that it is for; to match every value, set type: RegularExpression and value: '.*'"})
}

func (r *rejections) routeWeight(at *field.Path, weight *int32) {
	w := valueOr(weight, 1)
	r.rules(rule{w < 0 || w > maxRouteWeight, at.Child("weight"), w, fmt.Sprintf("must be a number from 0 to %d", maxRouteWeight)})
}

// routeDuration returns a duration; 0 if it is not set, or not valid.
func (r *rejections) routeDuration(at *field.Path, text *gatewayv1.Duration) time.Duration {
	if text == nil {
		return 0
	}
	valid := routeDuration.MatchString(string(*text))
	r.rules(rule{!valid, at, string(*text), "must be whole numbers with the units h, m, s and ms, such as 1500ms or 1m30s"})
	d, err := time.ParseDuration(string(*text))
	if !valid || err != nil {
		return 0
	}
	return d
}
