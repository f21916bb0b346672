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
		for _, b := range rule.BackendTLS {
			fields.CheckRoute(sink, in.family, &b.Policy)
		}
	}
	for vs := range in.virtualServices.All() {
		if vs.Compiled() {
			checkRoutes(sink, in.family, vs)
			continue
		}
		fields.Check(sink, in.family, vs.Ref, vs.Spec)
	}
}

// checkRoutes reports the dropped fields of the Routes that rules were compiled from, and of the JSON in their annotations.
func checkRoutes(sink *[]mesh.Problem, family mesh.Family, vs *mesh.VirtualService) {
	for _, route := range vs.Routes {
		fields.CheckRoute(sink, family, route)
	}
	for i, author := range vs.Authors {
		if retries := vs.Spec.GetHttp()[i].GetRetries(); retries != nil && author.Ref.Kind == "GRPCRoute" {
			fields.CheckMessage(report.Field{Sink: sink, Ref: author.Ref, Path: author.FieldOf(".retries")}, family, retries)
		}
	}
}

// forClusters returns the part of the Input that the clusters depend on.
func (in HostInput) forClusters() clusters.Input {
	return clusters.Input{
		Family: in.family, Service: in.service, Rule: in.destinationRule, Missing: in.missing, Trust: in.trust,
		LoadReports: in.defaults.LoadReports, TrustDomain: in.defaults.TrustDomain, TrustDomainAliases: in.defaults.TrustDomainAliases, Groups: in.groups, Automatic: in.automatic,
	}
}

// forRoutes returns the part of the Input that the routes depend on.
func (in HostInput) forRoutes() routes.Input {
	return routes.Input{
		Family: in.family, Service: in.service, Alias: in.alias, Host: in.host, Port: in.port, VirtualServices: in.virtualServices, Rule: in.destinationRule,
		Namespace: in.namespace, Labels: in.labels, Bucket: in.bucket, Missing: in.missing, Defaults: in.defaults,
		Groups: in.groups, Automatic: in.automatic, Node: in.node,
	}
}

// Endpoints translates the endpoints of one host: a ClusterLoadAssignment for each port of the Service, with and
// without each subset. These include assignments without endpoints.
func Endpoints(in endpoints.Input) *Bundle {
	return &Bundle{Endpoints: endpoints.Translate(in)}
}
