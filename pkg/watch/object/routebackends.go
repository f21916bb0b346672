package object

import (
	"cmp"
	"fmt"
	"strings"

	networking "istio.io/api/networking/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// routeBackend is a backend of a rule, with its filters.
type routeBackend struct {
	gatewayv1.BackendRef

	filters []routeFilter
}

// backends compiles the backends of a rule to destinations. A backend without a share of the calls stays a destination, so
// that clients have it when its weight is raised. If none has a share, the rule gets no destination, and its calls fail.
func (c *routeCompiler) backends(r *compiledRule, at string, list []routeBackend) {
	total := int64(0)
	var all []*networking.HTTPRouteDestination
	for k := range list {
		where := fmt.Sprintf("%s.backendRefs[%d]", at, k)
		weight := valueOr(list[k].Weight, 1)
		if weight < 0 {
			c.out.Report(mesh.CodeInvalidValue, mesh.Error, where+".weight", "The weight is negative. The backend gets no calls. Write 0 or more.")
			weight = 0
		}
		total += int64(weight)
		d := &networking.HTTPRouteDestination{Destination: c.destination(where, list[k].BackendObjectReference, "Its share of the calls fails"), Weight: weight}
		if !c.backendFilters(d, where, list[k].filters) {
			d.Destination = &networking.Destination{}
		}
		if d.GetDestination().GetHost() == "" && weight == 0 {
			continue
		}
		path := fmt.Sprintf(".route[%d]", len(all))
		r.fields[path], r.fields[path+".headers"], r.fields[path+".weight"] = where, where+".filters", where+".weight"
		r.nameDestination(path+".destination", where, list[k].BackendObjectReference)
		all = append(all, d)
	}
	switch {
	case len(list) == 0:
		c.out.Report(mesh.CodeNoWeight, mesh.Error, at+".backendRefs", "The rule has no backend. Its calls fail. Add a backend.")
	case total == 0:
		c.out.Report(mesh.CodeNoWeight, mesh.Error, at+".backendRefs", "All backends have weight 0. The calls fail. Give a backend a weight above 0.")
	default:
		r.rule.Route = all
	}
}

// nameDestination records where a destination is written. A host has no namespace.
func (r *compiledRule) nameDestination(path, where string, ref gatewayv1.BackendObjectReference) {
	r.fields[path], r.fields[path+".host"], r.fields[path+".port"] = where, where+".name", where+".port"
	if string(valueOr(ref.Kind, "")) != kindHostname {
		r.fields[path+mesh.NamespaceOfDestination] = where + ".namespace"
	}
}

// kindHostname is Istio's kind of a backend that is a host, such as one of a ServiceEntry. There are no such objects.
const kindHostname = "Hostname"

// destination compiles a reference to a Service, a ServiceImport or a host. The calls to a destination without a host fail. effect
// is what happens if the reference is not one to a port of these.
func (c *routeCompiler) destination(at string, ref gatewayv1.BackendObjectReference, effect string) *networking.Destination {
	group, kind := string(valueOr(ref.Group, "")), string(valueOr(ref.Kind, "Service"))
	namespace := cmp.Or(string(valueOr(ref.Namespace, "")), c.route.Written.Ref.Namespace)
	host := ""
	switch {
	case group == hostGroups[KindService] && kind == string(KindService):
		host = serviceHost(string(ref.Name), namespace, c.route.Domain)
	case group == hostGroups[KindServiceImport] && kind == string(KindServiceImport):
		host = serviceHost(string(ref.Name), namespace, clusterSetDomain)
	case group == hostGroups[KindServiceEntry] && kind == kindHostname:
		host = Intern(mesh.FullHost(strings.ToLower(string(ref.Name)), namespace, c.route.Domain))
	case group == hostGroups[KindServiceEntry] && kind == string(KindServiceEntry):
		c.out.Report(mesh.CodeUnsupported, mesh.Error, at+".kind", fmt.Sprintf("A ServiceEntry may have several hosts. %s. Name one of them, with the kind Hostname of the same group.", effect))
		return &networking.Destination{}
	default:
		c.notABackend(at, group, kind, effect)
		return &networking.Destination{}
	}
	if ref.Port == nil {
		c.out.Report(mesh.CodeInvalidValue, mesh.Error, at+".port", fmt.Sprintf("The backend states no port. %s. Set port to a port of the Service.", effect))
		return &networking.Destination{}
	}
	return &networking.Destination{Host: host, Port: &networking.PortSelector{Number: uint32(*ref.Port)}}
}

// notABackend reports a backend of another kind, or one whose group or kind is not written as the API has it.
func (c *routeCompiler) notABackend(at, group, kind, effect string) {
	meant := hostKind(group, kind)
	code, field, what, wayOut := mesh.CodeInvalidValue, ".kind", "The backend is "+withArticle(kind), "Name a Service"
	switch {
	case meant == "":
		code = mesh.CodeUnsupported
		if group != "" {
			what += " of " + group
		}
	case kind != string(meant):
		what, wayOut = fmt.Sprintf("There is no kind %q", kind), fmt.Sprintf("Write kind: %s and group: %q", meant, hostGroups[meant])
	default:
		field, what, wayOut = ".group", fmt.Sprintf("The group of a %s is %q, and not %q", meant, hostGroups[meant], group), fmt.Sprintf("Write group: %q", hostGroups[meant])
	}
	c.out.Report(code, mesh.Error, at+field, fmt.Sprintf("%s. %s. %s.", what, effect, wayOut))
}
