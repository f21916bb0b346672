package translate

import (
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/clusters"
	"github.com/mizzen-mesh/mizzen/pkg/translate/endpoints"
	"github.com/mizzen-mesh/mizzen/pkg/translate/fields"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
	"github.com/mizzen-mesh/mizzen/pkg/translate/routes"
)

// Host translates the routes and clusters of one host: a RouteConfiguration for each port of the Service, and a
// Cluster for each port, with and without each subset. Problems are sorted. The messages are read-only because they
// share parts.
func Host(in HostInput) *Bundle {
	b := &Bundle{}
	if in.service != nil && in.alias == nil {
		b.Clusters = clusters.Translate(&b.Problems, in.forClusters())
	}
	b.Routes = routes.Translate(&b.Problems, in.forRoutes())
	in.checkFields(&b.Problems)
	in.checkDefaultPort(&b.Problems)
	in.checkProtocols(&b.Problems, b.Clusters)
	b.Problems = report.OfFamily(b.Problems, in.family)
	b.Problems, b.Latent = report.WithoutLatent(mesh.SortProblems(b.Problems))
	return b
}

// checkFields reports the dropped fields of the author's objects.
func (in HostInput) checkFields(sink *[]mesh.Problem) {
	if rule := in.destinationRule; rule != nil {
		for i, spec := range rule.Specs {
			fields.Check(sink, in.family, rule.Refs[i], spec)
		}
	}
	for vs := range in.virtualServices.All() {
		fields.Check(sink, in.family, vs.Ref, vs.Spec)
	}
}

// forClusters returns the part of the Input that the clusters depend on.
func (in HostInput) forClusters() clusters.Input {
	return clusters.Input{Family: in.family, Service: in.service, Rule: in.destinationRule, Missing: in.missing, Trust: in.trust, TrustDomain: in.defaults.TrustDomain}
}

// forRoutes returns the part of the Input that the routes depend on.
func (in HostInput) forRoutes() routes.Input {
	return routes.Input{
		Family: in.family, Service: in.service, Alias: in.alias, Host: in.host, Port: in.port, VirtualServices: in.virtualServices, Rule: in.destinationRule,
		Namespace: in.namespace, Labels: in.labels, Missing: in.missing, Defaults: in.defaults,
	}
}

// Endpoints translates the endpoints of one host: a ClusterLoadAssignment for each port of the Service, with and
// without each subset. These include assignments without endpoints.
func Endpoints(in endpoints.Input) *Bundle {
	return &Bundle{Endpoints: endpoints.Translate(in)}
}
