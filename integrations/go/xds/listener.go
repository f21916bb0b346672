package xds

import (
	"errors"
	"fmt"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	faultv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/fault/v3"
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
)

// listener is a Listener: where the routes are.
type listener struct {
	// inline are the routes; nil if routes is their name.
	inline *routeTable
	routes string
}

// readListener fails if a client must reject the Listener.
func readListener(name string, m *listenerv3.Listener) (*listener, error) {
	if m.GetApiListener() == nil {
		return nil, errors.New("it has no api_listener")
	}
	manager := &hcmv3.HttpConnectionManager{}
	if err := m.GetApiListener().GetApiListener().UnmarshalTo(manager); err != nil {
		return nil, fmt.Errorf("its api_listener has another type than HttpConnectionManager: %w", err)
	}
	for _, f := range manager.GetHttpFilters() {
		config := f.GetTypedConfig()
		if !f.GetIsOptional() && !config.MessageIs(&faultv3.HTTPFault{}) && !config.MessageIs(&routerv3.Router{}) {
			return nil, fmt.Errorf("the filter %q is not supported", f.GetName())
		}
	}
	switch r := manager.GetRouteSpecifier().(type) {
	case *hcmv3.HttpConnectionManager_RouteConfig:
		table, err := readRoutes(name, r.RouteConfig)
		return &listener{inline: table}, err
	case *hcmv3.HttpConnectionManager_Rds:
		source := r.Rds.GetConfigSource()
		if source.GetAds() == nil && source.GetSelf() == nil || r.Rds.GetRouteConfigName() == "" {
			return nil, errors.New("its routes are not from ADS")
		}
		return &listener{routes: r.Rds.GetRouteConfigName()}, nil
	}
	return nil, errors.New("it has no routes")
}
