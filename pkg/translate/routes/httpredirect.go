package routes

import (
	"cmp"
	"math"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
)

// redirectCodes are the statuses of redirects that Envoy's API has. 0 is the default.
var redirectCodes = map[uint32]routev3.RedirectAction_RedirectResponseCode{
	0:   routev3.RedirectAction_MOVED_PERMANENTLY,
	301: routev3.RedirectAction_MOVED_PERMANENTLY,
	302: routev3.RedirectAction_FOUND,
	303: routev3.RedirectAction_SEE_OTHER,
	307: routev3.RedirectAction_TEMPORARY_REDIRECT,
	308: routev3.RedirectAction_PERMANENT_REDIRECT,
}

// redirect makes the client answer the call itself.
func redirect(at report.Field, r *networking.HTTPRedirect, listenerPort uint32) (*routev3.RedirectAction, bool) {
	code, ok := redirectCodes[r.GetRedirectCode()]
	if !ok {
		at.Child("redirectCode").Errorf(mesh.CodeInvalidValue, "%d is not the status of a redirect. The calls fail. Set 301, 302, 303, 307 or 308.", r.GetRedirectCode())
		return nil, false
	}
	if !fitsPath(at.Child("uri"), r.GetUri()) || !fitsPrefix(at.Child("prefixRewrite"), r.GetPrefixRewrite()) || !fitsAuthority(at.Child("authority"), r.GetAuthority()) {
		return nil, false
	}
	out := &routev3.RedirectAction{HostRedirect: r.GetAuthority(), ResponseCode: code}
	redirectPath(at, r, out)
	if scheme := r.GetScheme(); scheme != "" {
		if defaultPorts[scheme] == 0 {
			at.Child("scheme").Errorf(mesh.CodeInvalidValue, "%q is not a scheme that HTTP clients follow. The calls fail. Set http or https.", scheme)
			return nil, false
		}
		out.SchemeRewriteSpecifier = &routev3.RedirectAction_SchemeRedirect{SchemeRedirect: scheme}
	}
	port, ok := redirectPort(at, r, listenerPort)
	if !ok {
		return nil, false
	}
	out.PortRedirect = port
	if out.GetHostRedirect() == "" && out.GetPathRewriteSpecifier() == nil && out.GetSchemeRewriteSpecifier() == nil && (port == 0 || port == listenerPort) {
		at.Errorf(mesh.CodeInvalidValue, "The redirect leads to the URI that it comes from. The calls fail. Set uri, prefixRewrite, authority, scheme or port.")
		return nil, false
	}
	return out, true
}

// redirectPath sets the path of a redirect.
func redirectPath(at report.Field, r *networking.HTTPRedirect, out *routev3.RedirectAction) {
	switch {
	case r.GetPrefixRewrite() != "":
		if r.GetUri() != "" {
			at.Child("uri").Warnf(mesh.CodeConflict, "prefixRewrite is also set and takes precedence. This field has no effect. Remove one of the two.")
		}
		out.PathRewriteSpecifier = &routev3.RedirectAction_PrefixRewrite{PrefixRewrite: r.GetPrefixRewrite()}
	case r.GetUri() != "":
		out.PathRewriteSpecifier = &routev3.RedirectAction_PathRedirect{PathRedirect: r.GetUri()}
	}
}

// redirectPort returns the port of a redirect; 0 if the Location has the port of its authority, or none. listenerPort is 0 if
// the rule is only checked.
func redirectPort(at report.Field, r *networking.HTTPRedirect, listenerPort uint32) (uint32, bool) {
	scheme := cmp.Or(r.GetScheme(), "http")
	var port uint32
	switch kind := r.GetRedirectPort().(type) {
	case *networking.HTTPRedirect_Port:
		if port = kind.Port; port == 0 || port > math.MaxUint16 {
			at.Child("port").Errorf(mesh.CodeInvalidValue, "%d is not a port. The calls fail. Set a port from 1 to 65535.", port)
			return 0, false
		}
	case *networking.HTTPRedirect_DerivePort:
		switch {
		case kind.DerivePort == networking.HTTPRedirect_FROM_REQUEST_PORT && listenerPort != defaultPorts[scheme]:
			port = listenerPort
		case kind.DerivePort == networking.HTTPRedirect_FROM_PROTOCOL_DEFAULT && r.GetAuthority() == "":
			port = defaultPorts[scheme] // in place of the port of the request
		}
	}
	if r.GetRedirectPort() != nil && hasPort(r.GetAuthority()) {
		at.Child("authority").Errorf(mesh.CodeConflict, "%q has a port, and the redirect sets one, too. The calls fail. Remove one of the two.", r.GetAuthority())
		return 0, false
	}
	return port, true
}

// defaultPorts are the default ports of the schemes of HTTP.
var defaultPorts = map[string]uint32{"http": 80, "https": 443}
