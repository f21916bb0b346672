package assemble

import (
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// namespaceIndex has the namespaces with labels or annotations of Mizzen.
type namespaceIndex struct {
	all map[string]*object.Namespace
	// dirty are those whose annotations changed: their hosts must be evaluated again.
	dirty map[string]struct{}
	// rollouts is the number of those with a RolloutPolicy.
	rollouts int
	// asked are the hosts of which clients report their load because of a rollout, with the object that has its policy. dirtyHosts
	// must be evaluated again.
	asked      map[string]mesh.Ref
	dirtyHosts map[string]struct{}
}

func newNamespaceIndex() namespaceIndex {
	return namespaceIndex{all: map[string]*object.Namespace{}, dirty: map[string]struct{}{}, dirtyHosts: map[string]struct{}{}}
}

// put replaces a namespace, nil removes it, and returns what is kept. A later write to the namespace may look like the one
// that set a label, so the earliest is kept.
func (x *namespaceIndex) put(name string, n *object.Namespace) *object.Namespace {
	before := x.loadReports(name)
	if old := x.all[name]; old != nil && old.Rollout.IsSet() {
		x.rollouts--
	}
	if n != nil && n.Rollout.IsSet() {
		x.rollouts++
	}
	if old := x.all[name]; old != nil && n != nil {
		kept := *n
		kept.Labeled, kept.Identity = earlier(old.Labeled, n.Labeled), earlier(old.Identity, n.Identity)
		n = &kept
	}
	if n == nil {
		delete(x.all, name)
	} else {
		x.all[name] = n
	}
	if x.loadReports(name) != before {
		x.dirty[name] = struct{}{}
	}
	return n
}

// earlier returns the earlier of two times at which a label was set; 0, without the label, if it has gone.
func earlier(old, now int64) int64 {
	if old == 0 {
		return now
	}
	return min(old, now)
}

func (x *namespaceIndex) each(visit func(object.Key, *object.Namespace)) {
	for name, n := range x.all {
		visit(object.Key{Kind: object.KindNamespace, Name: name}, n)
	}
}

// clusterUID returns what identifies the cluster; empty if it is not known.
func (x *namespaceIndex) clusterUID() string {
	if n := x.all[object.IdentityNamespace]; n != nil {
		return n.ClusterUID
	}
	return ""
}

// loadReports returns the annotation of a namespace; zero if it does not have it.
func (x *namespaceIndex) loadReports(name string) mesh.AnnotationValue[mesh.Switch] {
	if n := x.all[name]; n != nil {
		return n.LoadReports
	}
	return mesh.AnnotationValue[mesh.Switch]{}
}

// annotate returns a Service with what the annotations of its namespace set and its own do not. s may be nil.
func (x *namespaceIndex) annotate(s *mesh.Service) *mesh.Service {
	if s == nil {
		return nil
	}
	settings := s.Annotations.Or(mesh.AnnotationSettings{LoadReports: x.loadReports(s.Ref.Namespace)})
	if of, ok := x.asked[s.Host]; ok && settings.LoadReports.Value == "" {
		settings.LoadReports = mesh.AnnotationValue[mesh.Switch]{Value: mesh.On, Ref: of}
	}
	if settings == s.Annotations {
		return s
	}
	annotated := *s
	annotated.Annotations = settings
	return &annotated
}

// ask sets the hosts of which clients report their load because of a rollout.
func (x *namespaceIndex) ask(hosts map[string]mesh.Ref) {
	for _, list := range []map[string]mesh.Ref{x.asked, hosts} {
		for host := range list {
			if x.asked[host] != hosts[host] {
				x.dirtyHosts[host] = struct{}{}
			}
		}
	}
	x.asked = hosts
}

// takeHosts returns the hosts of the namespaces whose annotations changed, and those of rollouts.
func (x *namespaceIndex) takeHosts(services mesh.Map[*mesh.Service]) map[string]struct{} {
	hosts := map[string]struct{}{}
	for host := range take(&x.dirtyHosts) {
		if _, ok := services.Get(host); ok {
			hosts[host] = struct{}{}
		}
	}
	if dirty := take(&x.dirty); len(dirty) > 0 {
		for host, s := range services.All() {
			if _, ok := dirty[s.Ref.Namespace]; ok {
				hosts[host] = struct{}{}
			}
		}
	}
	return hosts
}
