package resource

import (
	"strconv"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// ClusterName is Istio's: outbound|PORT|SUBSET|HOST. The endpoints of a cluster bear the same name.
func ClusterName(port uint32, subset, host string) string {
	return "outbound|" + strconv.FormatUint(uint64(port), 10) + "|" + subset + "|" + host
}

// RouteName is Istio's: outbound|PORT||HOST.
func RouteName(port uint32, host string) string { return ClusterName(port, "", host) }

// ListenerName is the canonical one of the names that a client may dial: HOST:PORT.
func ListenerName(port uint32, host string) string {
	return host + ":" + strconv.FormatUint(uint64(port), 10)
}

// ParseName takes a cluster's or route's name apart. It fails on names that this package does not make.
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
	if !ok || host == "" || strings.Contains(host, "|") {
		return 0, "", "", false
	}
	n, err := strconv.ParseUint(number, 10, 16)
	if err != nil || n == 0 || number[0] == '0' || number[0] == '+' {
		return 0, "", "", false
	}
	return uint32(n), subset, host, true
}

// DialTarget is what a client dials: the text after xds:///, taken apart.
type DialTarget struct {
	// Host is the full name that the text means to a client of that namespace, or an IP address.
	Host string
	// Port is a number or a port's name; empty when the client named none.
	Port string
}

// ParseDialTarget resolves the name of a Listener as a client of the namespace means it: svc, svc.ns, svc.ns.svc or the full
// name, each alone or with :port or :portname. Names with more parts and addresses are taken as they stand.
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

// Find returns the port of service that the target means, if it has it.
func (t DialTarget) Find(service *mesh.Service) (mesh.Port, bool) {
	if t.Port == "" {
		return service.DefaultPort()
	}
	if number, err := strconv.ParseUint(t.Port, 10, 16); err == nil {
		// One spelling only, so that a port has finitely many names: 080 is not 80.
		if t.Port[0] == '0' {
			return mesh.Port{}, false
		}
		return service.Port(uint32(number))
	}
	return service.PortNamed(t.Port)
}

// PodHost takes apart the name of one pod of a Service: pod.svc.ns, pod.svc.ns.svc, or the full name. service is the
// Service's full host.
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

// IsServerListener says whether a gRPC server asks for its own Listener, which is not served.
func IsServerListener(name string) bool {
	return strings.Contains(name, "xds.resource.listening_address=") || strings.HasPrefix(name, "xds.istio.io/grpc/lds/inbound/")
}

// UnknownDomain is a virtual host's domain that no client dials. A route table with nothing else makes gRPC clients fail a call
// at once, with a message that names the host as it was dialed.
const UnknownDomain = "no-such-host.invalid"

// RefusedCluster is the reserved cluster of calls that must fail, and what the endpoints of a cluster that must not be used
// are called. ParseName does not take it apart, so it is answered like anything unknown: with nobody behind it.
const RefusedCluster = "refused"

// AnyDomain is the one domain of a route table. A table serves one host by all its spellings, so there is nothing to tell
// apart, and no spelling can be forgotten.
const AnyDomain = "*"
