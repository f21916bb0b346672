package bootstrap

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"
)

// EnvoyCluster is the name of the cluster of the control plane in a bootstrap for Envoy.
const EnvoyCluster = "mizzen"

// DefaultEnvoyAdmin is where Envoy serves its own page by default.
const DefaultEnvoyAdmin = "127.0.0.1:9901"

// object is a message of Envoy's API as JSON. Its keys are written in order.
type object map[string]any

// EnvoyOptions are what an Envoy has beside the Options.
type EnvoyOptions struct {
	// Admin is where Envoy serves its own page.
	Admin string
	// Egress is where it listens for the calls of applications beside it, ADDRESS:PORT on loopback; empty if it does not.
	Egress string
}

// Envoy returns the bootstrap of an Envoy: clusters, endpoints, the listener for egress, and the routes that its operator's
// listeners name come from the control plane. It fails on options that Envoy does not have.
func Envoy(o Options, e EnvoyOptions) ([]byte, error) {
	switch {
	case !complete(o.Locality):
		return nil, errors.New("a zone needs its region, and a sub-zone its zone")
	case len(o.Fallbacks) > 0:
		return nil, errors.New("envoy has one control plane: state one --server-uri, which may be the name of several replicas")
	case o.Connection.Token != "":
		return nil, errors.New("envoy does not send a token file: let it prove its identity by a certificate, or by the address of its pod")
	case e.Egress != "" && !onLoopback(e.Egress):
		return nil, fmt.Errorf("egress: %q is not ADDRESS:PORT on loopback, such as 127.0.0.1:15001: every caller of it has the rights of this Envoy", e.Egress)
	case o.Server || o.SNI || o.SystemRoots:
		return nil, errors.New("--server, --sni and --system-roots are for gRPC libraries: leave them out")
	}
	if _, _, err := o.Connection.credentials(); err != nil {
		return nil, err
	}
	address, kind, err := envoyAddress(o.serverURI())
	if err != nil {
		return nil, err
	}
	adminAddress, _, err := envoyAddress(e.Admin)
	if err != nil {
		return nil, fmt.Errorf("the address of Envoy's own page: %w", err)
	}
	if port := e.Admin[strings.LastIndexByte(e.Admin, ':'):]; strings.HasSuffix(e.Egress, port) {
		return nil, fmt.Errorf("--envoy-egress %s and --envoy-admin %s have the same port, on which Envoy can listen once: change one of them", e.Egress, e.Admin)
	}
	id, cluster, namespace := o.nodeIdentity()
	plane := planeAt(address, kind)
	if o.Connection.TLS {
		plane["transport_socket"] = o.Connection.envoySocket(o.ServerURI)
	}
	text, err := json.MarshalIndent(object{
		"node": object{
			"id": id, "cluster": cluster,
			"locality": locality{Region: o.Locality.Region, Zone: o.Locality.Zone, SubZone: o.Locality.SubZone},
			"metadata": metadata{
				Namespace: namespace, Labels: o.Labels, ServiceAccount: o.ServiceAccount, NodeName: o.NodeName, ClusterID: o.ClusterID,
				Providers: slices.Sorted(maps.Keys(o.Certificates)), Egress: e.Egress,
			},
		},
		"admin":             object{"address": adminAddress},
		"dynamic_resources": e.dynamicResources(),
		"static_resources":  object{"clusters": []object{plane}},
	}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode bootstrap: %w", err)
	}
	return append(text, '\n'), nil
}

// planeAt returns the cluster of the control plane.
func planeAt(address object, kind string) object {
	return object{
		"name": EnvoyCluster, "type": kind, "connect_timeout": "5s",
		"load_assignment": object{"cluster_name": EnvoyCluster, "endpoints": []object{{"lb_endpoints": []object{{"endpoint": object{"address": address}}}}}},
		"typed_extension_protocol_options": object{"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": object{
			"@type":                "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
			"explicit_http_config": object{"http2_protocol_options": object{"connection_keepalive": object{"interval": "30s", "timeout": "10s"}}},
		}},
	}
}

// dynamicResources are what comes from the control plane.
func (e EnvoyOptions) dynamicResources() object {
	ads := object{"ads": object{}, "resource_api_version": "V3"}
	dynamic := object{
		"ads_config": object{
			"api_type": "DELTA_GRPC", "transport_api_version": "V3", "set_node_on_first_message_only": true,
			"grpc_services": []object{{"envoy_grpc": object{"cluster_name": EnvoyCluster}}},
		},
		"cds_config": ads,
	}
	if e.Egress != "" {
		dynamic["lds_config"] = ads
	}
	return dynamic
}

// EnvoySecret returns the file of a secret: the certificate, or the authorities, of one of the certificate providers. Envoy
// reads it where the clusters of the control plane say, and its files again when they are replaced.
func EnvoySecret(o Options, name string) ([]byte, error) {
	provider, authorities := strings.CutSuffix(name, "-authorities")
	if !authorities {
		var ok bool
		if provider, ok = strings.CutSuffix(name, "-certificate"); !ok {
			return nil, fmt.Errorf("%q is not NAME-certificate or NAME-authorities", name)
		}
	}
	c, ok := o.Certificates[provider]
	switch {
	case !ok:
		return nil, fmt.Errorf("there is no certificate provider %q: add it with --certificates or --authorities", provider)
	case !authorities && c.Certificate == "":
		return nil, fmt.Errorf("the certificate provider %q has authorities alone: add its certificate with --certificates", provider)
	}
	secret := object{"@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret", "name": name}
	if authorities {
		secret["validation_context"] = object{"trusted_ca": object{"filename": c.Roots}, "watched_directory": object{"path": path.Dir(c.Roots)}}
	} else {
		secret["tls_certificate"] = object{
			"certificate_chain": object{"filename": c.Certificate}, "private_key": object{"filename": c.Key},
			"watched_directory": object{"path": path.Dir(c.Certificate)},
		}
	}
	text, err := json.MarshalIndent(object{"resources": []object{secret}}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode a secret: %w", err)
	}
	return append(text, '\n'), nil
}

// onLoopback reports whether a text is ADDRESS:PORT of the machine itself, written without a zone and not as IPv4 in IPv6.
func onLoopback(text string) bool {
	at, err := netip.ParseAddrPort(text)
	return err == nil && at.Addr().IsLoopback() && at.Addr().Zone() == "" && !at.Addr().Is4In6() && at.Port() != 0
}

// envoyAddress returns HOST:PORT as Envoy reads it, and the type of a cluster with that address.
func envoyAddress(text string) (address object, kind string, err error) {
	host, port, err := net.SplitHostPort(text)
	number, invalid := strconv.ParseUint(port, 10, 16)
	if err != nil || invalid != nil || host == "" {
		return nil, "", fmt.Errorf("%q is not HOST:PORT, without a scheme, such as %s", text, DefaultServerURI)
	}
	kind = "STRICT_DNS"
	if _, err := netip.ParseAddr(host); err == nil {
		kind = "STATIC"
	}
	return object{"socket_address": object{"address": host, "port_value": number}}, kind, nil
}

// envoySocket encrypts the connection to the control plane, whose certificate must be for the host of server.
func (c Connection) envoySocket(server string) object {
	host, _, _ := net.SplitHostPort(server)
	sanType := "DNS"
	if _, err := netip.ParseAddr(host); err == nil {
		sanType = "IP_ADDRESS"
	}
	trusted := object{"match_typed_subject_alt_names": []object{{"san_type": sanType, "matcher": object{"exact": host}}}}
	if c.Authorities != "" {
		trusted["trusted_ca"] = object{"filename": c.Authorities}
	} else {
		trusted["system_root_certs"] = object{}
	}
	common := object{"validation_context": trusted, "tls_params": object{"tls_maximum_protocol_version": "TLSv1_3"}}
	if c.Certificate != "" {
		common["tls_certificates"] = []object{{
			"certificate_chain": object{"filename": c.Certificate}, "private_key": object{"filename": c.Key},
		}}
	}
	socket := object{
		"@type":              "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
		"common_tls_context": common,
	}
	if sanType == "DNS" {
		socket["sni"] = host
	}
	return object{"name": "envoy.transport_sockets.tls", "typed_config": socket}
}
