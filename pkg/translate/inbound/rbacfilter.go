package inbound

import (
	rbacv3 "github.com/envoyproxy/go-control-plane/envoy/config/rbac/v3"
	rbacfilterv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/rbac/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// The names of the filters. A route configuration overrides them by name.
const (
	DenyFilter  = "rbac.deny"
	AllowFilter = "rbac.allow"
)

// ListenerFilters returns the filters of a Listener whose rules are in its route configuration. They let nobody in, so
// a server without these rules is closed.
func ListenerFilters() []*hcmv3.HttpFilter {
	return RuleFilters(&rbacv3.RBAC{Action: rbacv3.RBAC_DENY}, &rbacv3.RBAC{Action: rbacv3.RBAC_ALLOW})
}

// RuleFilters returns the filters of a Listener that has the rules itself, for libraries that do not read them from
// routes. The filters are never optional: a server without support for them must not serve.
func RuleFilters(deny, allow *rbacv3.RBAC) []*hcmv3.HttpFilter {
	return []*hcmv3.HttpFilter{filter(DenyFilter, deny), filter(AllowFilter, allow)}
}

func filter(name string, rules *rbacv3.RBAC) *hcmv3.HttpFilter {
	return &hcmv3.HttpFilter{Name: name, ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: resource.ToAny(&rbacfilterv3.RBAC{Rules: rules})}}
}

// PerRoute returns the rules as typed_per_filter_config, which replaces the rules of ListenerFilters.
func PerRoute(deny, allow *rbacv3.RBAC) map[string]*anypb.Any {
	return map[string]*anypb.Any{
		DenyFilter:  resource.ToAny(&rbacfilterv3.RBACPerRoute{Rbac: &rbacfilterv3.RBAC{Rules: deny}}),
		AllowFilter: resource.ToAny(&rbacfilterv3.RBACPerRoute{Rbac: &rbacfilterv3.RBAC{Rules: allow}}),
	}
}
