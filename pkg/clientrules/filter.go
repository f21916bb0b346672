package clientrules

import (
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	faultv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/fault/v3"
	rbacfilterv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/rbac/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

const (
	typePrefix = "type.googleapis.com/envoy.extensions.filters.http."
	routerType = typePrefix + "router.v3.Router"
	faultType  = typePrefix + "fault.v3.HTTPFault"
	rbacType   = typePrefix + "rbac.v3.RBAC"

	rbacOverrideType = typePrefix + "rbac.v3.RBACPerRoute"
)

// filterTypes are the known HTTP filters by type URL, with the client kinds that support each. gRPC for Rust does
// not read filters.
var filterTypes = map[string]mesh.ClientKinds{
	routerType:       notRust,
	faultType:        notRust,
	rbacType:         notRust,
	rbacOverrideType: inGo | inJava | inCore,
	typePrefix + "gcp_authn.v3.GcpAuthnFilterConfig":   inGo | inJava | inCore,
	typePrefix + "stateful_session.v3.StatefulSession": inCore,
}

// filters checks the list of HTTP filters, which must end with the router. A client skips an optional filter that
// it does not support.
func (c *checker) filters(filters []*hcmv3.HttpFilter) {
	routed := false
	for i, f := range filters {
		if f.GetName() == "" {
			c.reject(notRust, "has an HTTP filter without a name")
		}
		for _, other := range filters[:i] {
			if other.GetName() == f.GetName() {
				c.reject(notRust, "has two HTTP filters named %q", f.GetName())
			}
		}
		if routed {
			c.reject(notRust, "has the HTTP filter %q after the router", f.GetName())
		}
		routed = routed || f.GetTypedConfig().GetTypeUrl() == routerType
		c.filter(f.GetName(), f.GetTypedConfig(), f.GetIsOptional())
	}
	if !routed {
		c.reject(notRust, "has no router at the end of its HTTP filters")
	}
}

func (c *checker) filter(name string, packed *anypb.Any, optional bool) {
	known := filterTypes[packed.GetTypeUrl()] &^ unknownClients
	if !optional && known != notRust&^unknownClients {
		c.reject(notRust&^known, "has the HTTP filter %q of the unknown type %q", name, packed.GetTypeUrl())
	}
	switch packed.GetTypeUrl() {
	case faultType:
		c.fault(name, packed)
	case rbacType:
		m := &rbacfilterv3.RBAC{}
		c.rbac(name, packed.UnmarshalTo(m), m, optional)
	case rbacOverrideType:
		m := &rbacfilterv3.RBACPerRoute{}
		c.rbac(name, packed.UnmarshalTo(m), m.GetRbac(), optional)
	}
}

func (c *checker) fault(name string, packed *anypb.Any) {
	m := &faultv3.HTTPFault{}
	if err := packed.UnmarshalTo(m); err != nil {
		c.reject(notRust, "has the HTTP filter %q, which cannot be read: %v", name, err)
	}
	if m.GetAbort() != nil && m.GetAbort().GetErrorType() == nil || m.GetDelay() != nil && m.GetDelay().GetFaultDelaySecifier() == nil {
		c.reject(inJava, "has a fault %q without a delay or abort", name)
	}
}

// overrides checks typed_per_filter_config, which replaces the settings of HTTP filters for some calls.
func (c *checker) overrides(all map[string]*anypb.Any) {
	for name, packed := range all {
		optional := false
		if wrapped := (&routev3.FilterConfig{}); packed.MessageIs(wrapped) {
			if err := packed.UnmarshalTo(wrapped); err != nil {
				c.reject(notRust, "overrides the HTTP filter %q, which cannot be read: %v", name, err)
				continue
			}
			packed, optional = wrapped.GetConfig(), wrapped.GetIsOptional()
		}
		if packed.GetTypeUrl() == routerType {
			c.reject(inGo|inJava|inCore, "overrides the router")
			continue
		}
		c.filter(name, packed, optional)
	}
}
