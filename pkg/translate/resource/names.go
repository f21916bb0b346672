package resource

import (
	"strconv"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// ClusterName returns a name in Istio's form, outbound|PORT|SUBSET|HOST. The ClusterLoadAssignment has the same name.
func ClusterName(port uint32, subset, host string) string {
	return "outbound|" + strconv.FormatUint(uint64(port), 10) + "|" + subset + "|" + host
}

// RouteName returns a name in Istio's form, outbound|PORT||HOST.
func RouteName(port uint32, host string) string { return ClusterName(port, "", host) }

// ListenerName returns the canonical name of a Listener, HOST:PORT. Clients can dial other names, too: see
// ParseDialTarget.
func ListenerName(port uint32, host string) string {
	return host + ":" + strconv.FormatUint(uint64(port), 10)
}

// ParseName parses the name of a Cluster, ClusterLoadAssignment or RouteConfiguration of clients. The name of an
// MTLSCluster has the parts of the cluster that it belongs to. It fails for names that this package does not build.
func ParseName(name string) (port uint32, subset, host string, ok bool) {
	rest, ok := strings.CutPrefix(name, "outbound|")
	if !ok {
		return 0, "", "", false
	}
	number, rest, ok := strings.Cut(rest, "|")
	if !ok {
		return 0, "", "", false
	}
	subset, host, ok = strings.Cut(rest, "|")
	host, _ = cutMTLS(host)
	if !ok || host == "" || strings.Contains(host, "|") {
		return 0, "", "", false
	}
	if port, ok = parsePort(number); !ok {
		return 0, "", "", false
	}
	return port, subset, host, true
}

// DialTarget is what a client dials: the parsed text after xds:///.
type DialTarget struct {
	// Host is a full name or an IP address.
	Host string
	// Port is the number or the name of a port; empty if the client names no port.
	Port string
}

// ParseDialTarget parses the name of a Listener that a client in the namespace dials: svc, svc.ns, svc.ns.svc or
// the full name, alone or with :port or :portname. Other names and IP addresses are not completed.
func ParseDialTarget(name, namespace, domain string) DialTarget {
	host, port := name, ""
	if inner, ok := strings.CutPrefix(name, "["); ok { // an IPv6 address
		host, port, _ = strings.Cut(inner, "]")
		port = strings.TrimPrefix(port, ":")
	} else if i := strings.LastIndexByte(name, ':'); i >= 0 {
		host, port = name[:i], name[i+1:]
	}
	return DialTarget{Host: mesh.FullHost(strings.TrimSuffix(host, "."), namespace, domain), Port: port}
}

// Find returns the port of the Service that the target refers to, for clients of a family. They cannot call a port with
// a protocol that they do not speak.
func (t DialTarget) Find(service *mesh.Service, family mesh.Family) (mesh.Port, bool) {
	if t.Port == "" {
		return service.DefaultPort(family)
	}
	port, ok := t.named(service)
	return port, ok && family.Takes(port.Protocol)
}

// named returns the port that the target names.
func (t DialTarget) named(service *mesh.Service) (mesh.Port, bool) {
	if number, err := strconv.ParseUint(t.Port, 10, 16); err == nil {
		// A leading zero is not accepted, so that a port has only a few names: 080 is not 80.
		if t.Port[0] == '0' {
			return mesh.Port{}, false
		}
		return service.Port(uint32(number))
	}
	return service.PortNamed(t.Port)
}

// PodHost parses the name of one pod of a Service: pod.svc.ns, pod.svc.ns.svc, or the full name. service is the
// full name of the Service.
func PodHost(host, domain string) (pod, service string, ok bool) {
	short, full := strings.CutSuffix(host, ".svc."+domain)
	if !full {
		short = strings.TrimSuffix(short, ".svc")
	}
	if strings.Count(short, ".") != 2 {
		return "", "", false
	}
	pod, rest, _ := strings.Cut(short, ".")
	return pod, rest + ".svc." + domain, pod != ""
}

// EgressListener is the name of the Listener for applications beside an Envoy.
const EgressListener = "egress"

// Spellings returns the names by which clients in a namespace dial a host: those that ParseDialTarget completes to it.
func Spellings(host, namespace, domain string) []string {
	short, ok := strings.CutSuffix(host, ".svc."+domain)
	name, of, qualified := strings.Cut(short, ".")
	switch {
	case !ok || !qualified || strings.Contains(of, "."):
		return []string{host}
	case of == namespace:
		return []string{host, short + ".svc", short, name}
	}
	return []string{host, short + ".svc", short}
}

// UnknownDomain is the domain of a virtual host that no client dials. With a RouteConfiguration that has no other
// virtual host, calls of gRPC clients fail immediately, and the error contains the host as it was dialed.
const UnknownDomain = "no-such-host.invalid"

// RefusedCluster is the reserved name of the cluster for calls that must fail, and of the ClusterLoadAssignment for
// a cluster that must not be used. ParseName fails for it, so it is answered as an unknown name: without endpoints.
const RefusedCluster = "refused"

// AnyDomain is the domain of the virtual host in a RouteConfiguration. The RouteConfiguration serves one host under
// all its spellings, so one virtual host matches every name, and no spelling can be missing.
const AnyDomain = "*"
