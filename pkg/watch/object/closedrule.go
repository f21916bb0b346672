package object

import (
	"slices"

	networking "istio.io/api/networking/v1"
	istiov1 "istio.io/client-go/pkg/apis/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// correctFields is the way out of an object that cannot be read.
const correctFields = "Correct the fields that the other Problems of the object name."

// closeVirtualService makes a VirtualService that refuses all calls to its hosts of one that cannot be read: they do not go where
// they would go without it. See KindRow.Close.
func closeVirtualService(key Key, domain string, annotations map[string]string, parts Parts) Object {
	typed := &istiov1.VirtualService{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name, Annotations: annotations}}
	hosts, unread := textsIn(parts, "hosts")
	typed.Spec.Hosts = hosts
	typed.Spec.Gateways, _ = textsIn(parts, "gateways")
	typed.Spec.ExportTo = exportIn(parts)
	typed.Spec.Http = []*networking.HTTPRoute{{Name: "closed", DirectResponse: &networking.HTTPDirectResponse{Status: statusUnavailable}}}
	out := convertVirtualService(typed, domain)
	out.Closed = true
	value, ok := out.Value.(*VirtualService)
	switch {
	case !ok: // It is for gateways.
	case len(value.Hosts) > 0:
		out.Report(mesh.CodeClosed, mesh.Error, "spec", "The object cannot be read. Calls to its hosts fail with UNAVAILABLE, because it is not known where they should go. "+correctFields)
	default:
		out.Value = nil
		if unread { // Without hosts it is a delegate, and rules that name one that is not there fail.
			out.Report(mesh.CodeInvalidValue, mesh.Error, "spec.hosts", "The hosts of the object cannot be read. It has no effect, and calls go where they go without it. "+correctFields)
		}
	}
	return out
}

// statusUnavailable is UNAVAILABLE for gRPC clients.
const statusUnavailable = 503

// textsIn returns those items of a list of texts that can be read, and whether any cannot. A text in place of the list is one item.
func textsIn(parts Parts, name string) (texts []string, unread bool) {
	if _, nothing := parts[""]; nothing {
		return nil, true
	}
	switch value := parts[name].(type) {
	case nil:
		return nil, false
	case string:
		return []string{value}, false
	case []any:
		for _, item := range value {
			if text, ok := item.(string); ok {
				texts = append(texts, text)
			} else {
				unread = true
			}
		}
		return texts, unread
	}
	return nil, true
}

// exportIn returns the namespaces of exportTo: all, if any of it cannot be read.
func exportIn(parts Parts) []string {
	namespaces, unread := textsIn(parts, "exportTo")
	if unread {
		return nil
	}
	return namespaces
}

// closeDestinationRule makes a DestinationRule that refuses the calls to its host of one that cannot be read, if it encrypts them.
// Without its other settings, calls go where they would go with them, and those to its subsets fail. See KindRow.Close.
func closeDestinationRule(key Key, domain string, annotations map[string]string, parts Parts) Object {
	typed := &istiov1.DestinationRule{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name, Annotations: annotations}}
	out := newObject(key.Kind, &typed.ObjectMeta)
	out.Closed = true
	host, _ := parts["host"].(string)
	_, nothing := parts[""]
	switch {
	case !nothing && !encrypts(parts["trafficPolicy"]):
		return out
	case host == "":
		out.Report(mesh.CodeInvalidValue, mesh.Error, "spec.host", "The host of the object cannot be read. It has no effect, and calls are not encrypted by it. "+correctFields)
		return out
	}
	typed.Spec.Host = host
	typed.Spec.ExportTo = exportIn(parts)
	readPart(parts, "workloadSelector", &typed.Spec)
	typed.Spec.TrafficPolicy = &networking.TrafficPolicy{Tls: &networking.ClientTLSSettings{Mode: mesh.UnreadableTLS}}
	out = convertDestinationRule(typed, domain)
	out.Closed = true
	if out.Value != nil {
		out.Report(mesh.CodeClosed, mesh.Error, "spec", "The object cannot be read. Calls to its host fail, because it is not known how they should be encrypted. "+correctFields)
	}
	return out
}

// encrypts reports whether a traffic policy as a plain value has TLS settings, in itself or for a port, that may encrypt calls.
func encrypts(policy any) bool {
	switch value := policy.(type) {
	case Unreadable:
		return true
	case []any:
		return slices.ContainsFunc(value, encrypts)
	case map[string]any:
		for name, field := range value {
			if name == "tls" && mayEncrypt(field) || name != "tls" && encrypts(field) {
				return true
			}
		}
	}
	return false
}

// mayEncrypt reports whether TLS settings as a plain value are not for plain text, as far as they can be read.
func mayEncrypt(settings any) bool {
	fields, isMap := settings.(map[string]any)
	mode, set := fields["mode"]
	return settings != nil && !isMap || set && mode != networking.ClientTLSSettings_DISABLE.String()
}
