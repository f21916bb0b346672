package object

import (
	"fmt"
	"maps"
	"math"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"
	metav1alpha1 "istio.io/api/meta/v1alpha1"
	networking "istio.io/api/networking/v1"
	istiov1 "istio.io/client-go/pkg/apis/networking/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

func convertWorkloadEntry(w *istiov1.WorkloadEntry, domain string) Object {
	out := newObject(KindWorkloadEntry, &w.ObjectMeta)
	spec := proto.CloneOf(&w.Spec)
	if !encodable(spec, &out) {
		return out
	}
	labels := maps.Clone(w.Labels) // As in Istio, a workload has the labels of its object, too.
	if labels == nil {
		labels = map[string]string{}
	}
	maps.Copy(labels, spec.GetLabels())
	spec.Labels = labels
	value := entryConverter{&out, domain}.workload(spec, "spec")
	if value == nil {
		return out
	}
	conditions := w.Status.GetConditions()
	value.NotReady = has(conditions, "Healthy", "False") // Istio writes it, too.
	if text, ok := w.Annotations[mesh.AnnotationHealth]; ok {
		value.ByStream, value.Connected = text == mesh.HealthStream, has(conditions, mesh.ConditionConnected, "True")
		switch {
		case !value.ByStream:
			out.reportInvalid(mesh.AnnotationHealth, "%q is not a way to know the health. The annotation is ignored. Use %s.", text, mesh.HealthStream)
		case value.Machine(out.Key.Namespace) == "":
			value.NotReady = true
			out.Report(mesh.CodeInvalidValue, mesh.Error, AnnotationField(mesh.AnnotationHealth), "The machine cannot prove itself without an IP address and a serviceAccount, so it is never connected. It gets no calls. Set both, or remove the annotation.")
		}
	}
	out.Value = value
	return out
}

// has reports whether a condition has a status.
func has(conditions []*metav1alpha1.IstioCondition, kind, status string) bool {
	return slices.ContainsFunc(conditions, func(c *metav1alpha1.IstioCondition) bool {
		return c.GetType() == kind && c.GetStatus() == status
	})
}

// localityLabel has the locality of a workload, with dots or slashes.
const localityLabel = "istio-locality"

// usable reports what is wrong with an endpoint beside its address, and whether it can be called all the same.
func (c entryConverter) usable(w *networking.WorkloadEntry, field string) bool {
	if w.GetWeight() > mesh.MaxEndpointWeight {
		c.remark(field+".weight", "Weights of endpoints are at most %d. The weight is %d. Write smaller numbers.", mesh.MaxEndpointWeight, mesh.MaxEndpointWeight)
	}
	validator{c.out}.labels(field+".labels", w.GetLabels(), "No selector matches it")
	account := w.GetServiceAccount()
	if account == "" || len(validation.IsDNS1123Subdomain(account)) == 0 {
		return true
	}
	c.refuse(field+".serviceAccount", "%q cannot be the name of a service account. The endpoint is left out, because its identity is not known. Write the name alone, such as ledger, or remove the field.", account)
	return false
}

// workload converts an endpoint; nil if it cannot be called.
func (c entryConverter) workload(w *networking.WorkloadEntry, field string) *Workload {
	out := &Workload{
		Field: field, Labels: mesh.Labels(Intern(string(mesh.MakeLabels(w.GetLabels())))), Network: Intern(w.GetNetwork()),
		ServiceAccount: Intern(w.GetServiceAccount()), Locality: c.locality(w, field), Weight: min(w.GetWeight(), mesh.MaxEndpointWeight),
	}
	if !c.usable(w, field) {
		return nil
	}
	text := strings.ToLower(strings.TrimSuffix(w.GetAddress(), "."))
	ip, err := netip.ParseAddr(text)
	switch {
	case strings.HasPrefix(w.GetAddress(), "unix://"):
		c.warn(field+".address", "Clients in other pods and machines cannot connect to a Unix socket. The endpoint is left out. Write an IP address.")
		return nil
	case text == "" && w.GetNetwork() != "":
		c.refuse(field+".address", "The address is empty. The endpoint is left out: Mizzen reaches no other network through gateways. Write an IP address.")
		return nil
	case text == "":
		c.refuse(field+".address", "The endpoint has no address, so it is left out. Write its IP address.")
		return nil
	case err == nil && !mesh.SameEverywhere(ip), metadataName(text):
		c.refuse(field+".address", "%q means another server on each machine, such as the metadata of a cloud. The endpoint is left out. Write an address that all clients reach.", w.GetAddress())
		return nil
	case err == nil && ip.Zone() == "":
		out.IP = ip.Unmap().String()
	case hasPort(text):
		host, port, _ := net.SplitHostPort(text)
		c.refuse(field+".address", "%q has a port. The endpoint is left out. Write address: %s, and in ports: {NAME: %s} the name of the port of the ServiceEntry.", w.GetAddress(), host, port)
		return nil
	case text == "*" || !isHost(text):
		c.refuse(field+".address", "%q is neither an IP address nor a DNS name. The endpoint is left out. Write an address.", w.GetAddress())
		return nil
	case endsInNumber(text):
		c.refuse(field+".address", "%q ends in a number, so clients may read it as an IP address in another notation. The endpoint is left out. Write the address as 10.0.0.1 is written, or a DNS name.", w.GetAddress())
		return nil
	default:
		out.DNSName = text
	}
	out.Ports = c.workloadPorts(w, field)
	return out
}

// hasPort reports whether a text is an address with the number of a port.
func hasPort(text string) bool {
	host, port, err := net.SplitHostPort(text)
	number, wrong := strconv.ParseUint(port, 10, 16)
	return err == nil && wrong == nil && number > 0 && host != ""
}

// workloadPorts returns the ports of an endpoint by name; 0 for those that it does not serve. It is nil if it has none.
func (c entryConverter) workloadPorts(w *networking.WorkloadEntry, field string) map[string]uint32 {
	var all map[string]uint32
	for _, name := range slices.Sorted(maps.Keys(w.GetPorts())) {
		number := w.GetPorts()[name]
		if number == 0 || number > math.MaxUint16 {
			c.refuse(fmt.Sprintf("%s.ports[%s]", field, name), "%d is not a port. The endpoint does not serve it. Use a number from 1 to %d.", number, math.MaxUint16)
			number = 0
		}
		if all == nil {
			all = map[string]uint32{}
		}
		all[Intern(name)] = number
	}
	return all
}

// locality reads a locality such as region/zone/subzone, or else the label.
func (c entryConverter) locality(w *networking.WorkloadEntry, field string) mesh.Locality {
	text, at := w.GetLocality(), field+".locality"
	if label := w.GetLabels()[localityLabel]; text == "" && label != "" {
		text, at = label, field+".labels["+localityLabel+"]"
		if !strings.Contains(text, "/") {
			text = strings.ReplaceAll(text, ".", "/")
		}
	}
	if text == "" {
		return mesh.Locality{}
	}
	parts := strings.Split(text, "/")
	if len(parts) > 3 {
		c.out.Report(mesh.CodeInvalidValue, mesh.Warning, at, fmt.Sprintf("%q has more parts than a region, a zone and a sub-zone. Only the first three are used. Write region/zone/subzone.", text))
		parts = parts[:3]
	}
	if slices.Contains(strings.Split(strings.TrimRight(text, "/"), "/"), "") {
		c.out.Report(mesh.CodeInvalidValue, mesh.Warning, at, fmt.Sprintf("%q has an empty part, and no client is in a place without a name. By that part and those behind it the endpoint is near to no client. Write region/zone/subzone, or end after the region or the zone.", text))
	}
	parts = append(parts, "", "")
	return mesh.Locality{Region: Intern(parts[0]), Zone: Intern(parts[1]), SubZone: Intern(parts[2])}
}
