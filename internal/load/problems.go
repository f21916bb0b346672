package load

import (
	"fmt"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// Problems returns a Problem for each workload that has more edges than are kept, one if all workloads together have, and one if
// all clients that prove nothing have. It ends when nothing was counted as Other for a few reports of each client.
func (t *Table) Problems(world *mesh.World) []mesh.Problem {
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []mesh.Problem
	for source, last := range t.exceeded {
		if now.Sub(last) > rateWindows*t.o.Interval {
			delete(t.exceeded, source)
			continue
		}
		p := mesh.Problem{Code: mesh.CodeTooManyEdges, Severity: mesh.Warning, Object: mesh.Ref{Kind: "Namespace", Name: source.Namespace}}
		const rest = "Further calls are counted as calls from and to %q, without the Service. Set " + mesh.AnnotationLoadReports + `: "false" on Services whose calls need no figures, or on their Namespaces.`
		switch source {
		case Source{}:
			p.Object = mesh.Ref{Kind: mesh.KindCluster, Name: world.Domain}
			p.Message = fmt.Sprintf("The calls that clients report have more than %d edges: pairs of a workload and a Service, by port, subset and zone. "+rest, t.o.MaxEdges, Other)
		case Source{Unproved: true}:
			p.Object = mesh.Ref{Kind: mesh.KindCluster, Name: world.Domain}
			p.Message = fmt.Sprintf("The calls that clients without a proof report have more than %d edges: pairs of a namespace and a Service, by port, subset and zone. One such client can report as many. "+
				"Require that clients prove their identity. "+rest, t.o.MaxEdges, Other)
		default:
			p.Message = fmt.Sprintf("The calls that clients of workload %s report have more than %d edges: Services, by port, subset and zone. "+rest, source.Workload, maxSourceEdges, Other)
		}
		all = append(all, p)
	}
	return all
}
