package assemble

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// maxNamed is how many objects a message names.
const maxNamed = 4

// maxNamedValues limits the values of a label that a message lists.
const maxNamedValues = 6

// emptiness reports Services and subsets without an endpoint that can be called, once they have been so for the grace
// period. It evaluates only hosts whose endpoints, DestinationRules or callers changed. Nothing is reported while files
// that are only checked have no endpoints at all: files with rules alone say nothing about endpoints.
type emptiness struct {
	inventory *inventory
	external  *external
	join      *join
	rules     *rules
	problems  *problemIndex
	grace     time.Duration
	// empty has what is empty, by host, and when its grace period ends; zero if it is over.
	empty map[string]map[emptyPart]time.Time
	// waiting is when the first of the grace periods of a host ends.
	waiting map[string]time.Time
	// known is set if the source has endpoints, and dialed if something says which hosts clients dial.
	known, dialed bool
	strays        strays
}

// emptyPart is a subset, by the field that declares it; zero for a whole Service.
type emptyPart struct {
	ref   mesh.Ref
	field string
}

func newEmptiness(o Options, v *inventory, outside *external, j *join, r *rules, problems *problemIndex) *emptiness {
	return &emptiness{
		inventory: v, external: outside, join: j, rules: r, problems: problems, grace: o.EmptyServiceGrace, dialed: o.Dialed,
		empty: map[string]map[emptyPart]time.Time{}, waiting: map[string]time.Time{}, strays: strays{inventory: v, ids: map[object.ID]struct{}{}},
	}
}

// nextExpiry returns the time until the first grace period is over, and false if nothing waits for one.
func (x *emptiness) nextExpiry(at time.Time) (time.Duration, bool) {
	var first time.Time
	for _, end := range x.waiting {
		if first.IsZero() || end.Before(first) {
			first = end
		}
	}
	return first.Sub(at), !first.IsZero()
}

// apply evaluates the hosts that a change concerns.
func (x *emptiness) apply(b *worldBuilder) {
	now := time.Now()
	todo := map[string]struct{}{}
	add := func(host string) {
		todo[host] = struct{}{}
		x.addOthers(host, todo)
	}
	addNames := func(host string) { // and what it is, or was, another name for
		add(host)
		before, _ := b.last.Aliases.Get(host)
		for _, alias := range []*mesh.Alias{before, b.aliases.get(host)} {
			if alias != nil && alias.Service != nil {
				add(alias.Service.Host)
			}
		}
	}
	for host := range take(&x.rules.routes.dirtyTargets) {
		addNames(host)
	}
	for host := range b.touched {
		addNames(host)
	}
	for host := range b.assembled {
		add(host)
	}
	for host := range b.policies.next {
		todo[host] = struct{}{}
	}
	for host := range b.routes.next {
		todo[host] = struct{}{}
	}
	for host, end := range x.waiting {
		if !now.Before(end) {
			todo[host] = struct{}{}
		}
	}
	if known := len(x.inventory.endpoints.slices) > 0; known != x.known {
		x.known = known
		b.services.each(func(host string) bool {
			todo[host] = struct{}{}
			return true
		})
	}
	x.strays.apply(b, x.empty, todo)
	x.addEntries(todo)
	lapsed := x.join.takeLapsed()
	for host := range todo {
		_, kept := lapsed[host]
		x.evaluate(b, host, now, kept)
	}
}

// addOthers adds the other names of a host, and the keys of other namespaces for it.
func (x *emptiness) addOthers(host string, todo map[string]struct{}) {
	for _, other := range x.rules.aliases[host] {
		todo[other] = struct{}{}
	}
}

// evaluation is the evaluation of one host.
type evaluation struct {
	before, after map[emptyPart]time.Time
	now, end      time.Time // end is when a grace period that starts now ends
	problems      []mesh.Problem
}

// lasts records that a part is empty, and reports whether its grace period is over.
func (e *evaluation) lasts(p emptyPart) bool {
	end, known := e.before[p]
	if !known {
		end = e.end
	}
	if !e.now.Before(end) {
		end = time.Time{}
	}
	if e.after == nil {
		e.after = map[emptyPart]time.Time{}
	}
	e.after[p] = end
	return end.IsZero()
}

// evaluate reports what is empty of a host. kept says that its last endpoints were kept for a grace period, which is over.
func (x *emptiness) evaluate(b *worldBuilder, host string, now time.Time, kept bool) {
	e := evaluation{before: x.empty[host], now: now, end: now.Add(x.grace)}
	if kept {
		e.end = now
	}
	if id, ok := strayID(host); ok {
		x.strays.check(&e, b, id)
	} else if s := b.services.get(host); s != nil && (x.known || x.dialed || isEntry(s)) && s.Resolve == mesh.ResolveNone && len(s.Ports) > 0 {
		x.checkHost(&e, b, host, s)
	}
	delete(x.waiting, host)
	for _, end := range e.after {
		if first, ok := x.waiting[host]; !end.IsZero() && (!ok || end.Before(first)) {
			x.waiting[host] = end
		}
	}
	if e.after == nil {
		delete(x.empty, host)
	} else {
		x.empty[host] = e.after
	}
	x.problems.put(problemKey{topicEmpty, object.Key{Kind: object.KindService, Name: host}}, mesh.SortProblems(e.problems))
}

// checkHost reports what is empty of a Service, or of what it is another name for.
func (x *emptiness) checkHost(e *evaluation, b *worldBuilder, host string, s *mesh.Service) {
	set, calls := b.endpoints.get(host), x.rules.callsTo(b, host)
	switch alias := b.aliases.get(s.Host); {
	case alias != nil:
		if alias.Service != nil && !alias.IsService() {
			checkPod(e, s, alias, b.endpoints.get(alias.Service.Host), calls)
		}
	case !served(set):
		x.checkService(e, host, s, set, calls, takeAll(b.routes.get(host)))
	default:
		checkSubsets(e, b, host, set, calls)
	}
}

// checkService reports a Service without an endpoint that can be called, and the rules that send calls to it. Without
// such a rule it is an info: it is not known whether any client calls the Service, and many are scaled to zero. It is nothing if rules
// take all calls, see takeAll.
func (x *emptiness) checkService(e *evaluation, host string, s *mesh.Service, set *mesh.EndpointSet, calls []call, taken bool) {
	var ref mesh.Ref
	correction, meant := "", false
	if s.Ref.Cluster == "" { // Strays are known in the control plane's own cluster only.
		ref, correction, meant = x.strays.meantFor(object.ID{Namespace: s.Ref.Namespace, Name: s.Ref.Name})
	}
	entry := isEntry(s)
	if unknown := !entry && !x.dialed && !x.join.hasSlices(s); len(calls) == 0 && !meant && (unknown || taken) {
		return
	}
	if !e.lasts(emptyPart{}) {
		return
	}
	name := "The Service"
	if entry {
		name = s.Host
	}
	missing := x.missing(host, s, set)
	if meant {
		missing.meant = true
		if size(set) == 0 {
			missing.wayOut = fmt.Sprintf("%s looks meant for it. %s.", ref, correction)
		}
	}
	severity := mesh.Info
	if len(calls) > 0 || missing.meant {
		severity = mesh.Warning
	}
	e.add(mesh.CodeNoEndpoints, severity, s.Ref, missing.field, "%s has %s. Calls to it fail. %s", name, missing.what, missing.wayOut)
	plain, _, _ := mesh.CutHostIn(host) // Clients subscribe to it.
	e.problems[len(e.problems)-1].Host = plain
	for _, c := range calls {
		e.add(mesh.CodeNoEndpoints, mesh.Warning, c.from.key.Ref(), c.field, "%s has %s. Calls to this destination fail. %s", s.Ref, missing.what, missing.wayOut)
	}
}

// takeAll reports whether rules for all clients and ports decide where the calls to a host go. Then none goes to its endpoints, unless a
// rule sends it there: such a Service is often only the name that clients dial.
func takeAll(rules *mesh.VirtualServiceSet) bool {
	if rules == nil {
		return false
	}
	anyPort := func(r *networking.HTTPRoute) bool {
		return len(r.GetMatch()) == 0 || slices.ContainsFunc(r.GetMatch(), func(m *networking.HTTPMatchRequest) bool { return m.GetPort() == 0 })
	}
	return slices.ContainsFunc(rules.Candidates, func(c mesh.VirtualServiceCandidate) bool {
		return c.Share.Part != mesh.First && c.Export.Public && slices.ContainsFunc(c.VirtualService.Spec.GetHttp(), anyPort)
	})
}

// missing says what a host lacks.
func (x *emptiness) missing(host string, s *mesh.Service, set *mesh.EndpointSet) emptyBecause {
	why := emptyBecause{"spec.selector", "no endpoints", "Correct its selector or targetPort, or start pods that it selects.", false}
	switch {
	case isEntry(s):
		why = x.external.lackOfEntry(host)
	case x.dialed && s.Selector == "" && !x.join.hasSlices(s):
		why.what, why.wayOut = "neither a selector nor an EndpointSlice", "Set its selector, or write an EndpointSlice with its name in the label "+object.LabelServiceName+"."
	}
	if n := size(set); n > 0 {
		why.what, why.wayOut, why.meant = fmt.Sprintf("no ready endpoint among %d", n), x.external.unready(host), false
	}
	return why
}

func isEntry(s *mesh.Service) bool { return s.Ref.Kind == string(object.KindServiceEntry) }

// checkPod reports another name of a pod that is not among the endpoints of its Service, or is not ready, and the rules that
// send calls to that name. A Service without any endpoint has a Problem of its own.
func checkPod(e *evaluation, s *mesh.Service, alias *mesh.Alias, set *mesh.EndpointSet, calls []call) {
	what, wayOut := missingPod(set, strings.TrimSuffix(alias.Host, "."+alias.Service.Host))
	if what == "" || !served(set) || !e.lasts(emptyPart{}) {
		return
	}
	e.add(mesh.CodeNoEndpoints, mesh.Warning, s.Ref, "spec.externalName", "%s has %s. Calls fail. %s", alias.Service.Ref, what, wayOut)
	for _, c := range calls {
		e.add(mesh.CodeNoEndpoints, mesh.Warning, c.from.key.Ref(), c.field,
			"%s is another name for %s, but %s has %s. Calls to this destination fail. %s", s.Ref, alias.Host, alias.Service.Ref, what, wayOut)
	}
}

// missingPod says why the pod with a name in a Service's domain cannot be called; it is empty if it can.
func missingPod(set *mesh.EndpointSet, pod string) (what, wayOut string) {
	if set == nil {
		return "", ""
	}
	var names []string
	for i := range set.Endpoints {
		endpoint := &set.Endpoints[i]
		if endpoint.DNSName() == pod && endpoint.Health != mesh.NotReady {
			return "", ""
		}
		names = append(names, endpoint.DNSName())
	}
	slices.Sort(names)
	if names = slices.Compact(names); slices.Contains(names, pod) {
		return fmt.Sprintf("an endpoint %q, which is not ready", pod), "Make the pod ready."
	}
	if more := len(names) - maxNamedValues; more > 0 {
		names = append(names[:maxNamedValues], fmt.Sprintf("%d more", more))
	}
	return fmt.Sprintf("no endpoint with the name %q, only %s", pod, strings.Join(names, ", ")), "Correct the name, or start the pod."
}

// checkSubsets reports subsets without an endpoint that can be called, and the rules that send calls to them.
func checkSubsets(e *evaluation, b *worldBuilder, key string, set *mesh.EndpointSet, calls []call) {
	for _, c := range calls {
		for _, subset := range c.subsets(b.policies.get(key)) {
			text := emptySubset(set, subset)
			if text == "" || !e.lasts(emptyPart{subset.Ref, subset.Field}) {
				continue
			}
			e.add(mesh.CodeEmptySubset, mesh.Warning, subset.Ref, subset.Field+".labels", "The subset %q %s. Calls to it fail. Correct the labels here or on the pods.", subset.Name, text)
			e.add(mesh.CodeEmptySubset, mesh.Warning, c.from.key.Ref(), strings.TrimSuffix(c.field, "host")+"subset",
				"The subset %q of %s %s. Calls to this destination fail. Correct the labels of the subset or of the pods.", subset.Name, subset.Ref, text)
		}
	}
}

func (e *evaluation) add(code mesh.Code, severity mesh.Severity, ref mesh.Ref, field, format string, args ...any) {
	e.problems = append(e.problems, mesh.Problem{Code: code, Severity: severity, Object: ref, Field: field, Message: fmt.Sprintf(format, args...)})
}

func size(set *mesh.EndpointSet) int {
	return countEndpoints(set, func(mesh.Health) bool { return true })
}

// emptySubset says why no endpoint of a subset can be called; it is empty if one can.
func emptySubset(set *mesh.EndpointSet, subset mesh.Subset) string {
	selected := 0
	for i := range set.Endpoints {
		e := &set.Endpoints[i]
		if !e.Match(subset.Labels) {
			continue
		}
		if e.Health != mesh.NotReady {
			return ""
		}
		selected++
	}
	if selected > 0 {
		return fmt.Sprintf("selects %d of %d endpoints, and none of them is ready", selected, len(set.Endpoints))
	}
	var differ []string
	for _, key := range slices.Sorted(maps.Keys(subset.Labels)) {
		if values, some := labelValues(len(set.Endpoints), func(i int) (string, bool) { return set.Endpoints[i].Label(key) }, subset.Labels[key]); !some {
			differ = append(differ, fmt.Sprintf("their label %s is %s", key, values))
		}
	}
	if len(differ) == 0 {
		differ = []string{"none has all of its labels"}
	}
	return fmt.Sprintf("selects none of %d endpoints: %s", len(set.Endpoints), strings.Join(differ, ", and "))
}

// labelValues lists the values of a label of n objects and how many have each, the most frequent first, and reports
// whether any has the wanted one.
func labelValues(n int, label func(int) (string, bool), want string) (text string, some bool) {
	count := map[string]int{}
	for i := range n {
		value, ok := label(i)
		some = some || ok && value == want
		if !ok {
			value = "not set"
		}
		count[value]++
	}
	values := slices.SortedFunc(maps.Keys(count), func(a, b string) int { return cmp.Or(count[b]-count[a], strings.Compare(a, b)) })
	var list []string
	for i, value := range values {
		if i == maxNamedValues {
			list = append(list, fmt.Sprintf("%d more", len(values)-i))
			break
		}
		list = append(list, fmt.Sprintf("%s (%d)", value, count[value]))
	}
	return strings.Join(list, ", "), some
}
