package clientrules

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
)

func (c *checker) listener(m *listenerv3.Listener) {
	api := m.GetApiListener().GetApiListener()
	if c.audience.Servers {
		c.serverListener(m)
		return
	}
	if api == nil {
		c.reject(allKinds, "has no API listener")
		return
	}
	manager := &hcmv3.HttpConnectionManager{}
	if err := api.UnmarshalTo(manager); err != nil {
		c.reject(allKinds, "is not an HTTP connection manager: %v", err)
		return
	}
	c.manager(manager)
}

// manager checks the HTTP connection manager of a client or of a server.
func (c *checker) manager(manager *hcmv3.HttpConnectionManager) {
	if manager.GetXffNumTrustedHops() != 0 || len(manager.GetOriginalIpDetectionExtensions()) > 0 {
		c.reject(notRust, "sets xff_num_trusted_hops or original IP detection")
	}
	switch source := manager.GetRouteSpecifier().(type) {
	case *hcmv3.HttpConnectionManager_Rds:
		if source.Rds.GetRouteConfigName() == "" {
			c.reject(allKinds, "does not name a route configuration")
		}
		if !onStream(source.Rds.GetConfigSource()) {
			c.reject(notRust, "has an RDS config source other than ADS")
		}
	case *hcmv3.HttpConnectionManager_RouteConfig:
		c.routeConfiguration(source.RouteConfig)
	default:
		c.reject(allKinds, "has no routes: %T", source)
	}
	c.filters(manager.GetHttpFilters())
}

// onStream reports whether clients get the resource from the stream on which they got its name.
func onStream(source *corev3.ConfigSource) bool {
	return source.GetAds() != nil || source.GetSelf() != nil
}
