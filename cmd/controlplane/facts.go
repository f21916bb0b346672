package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/mizzen-mesh/mizzen/internal/admin"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
)

// facts are the lists of all replicas.
type facts struct {
	clients   []replicaClient
	resources []serving.ResourceState
	problems  []mesh.Problem
	syncs     []serving.ObjectSync
	// selected is the host that is described.
	selected selection
}

// replicaClient is a client and the replica that it is connected to.
type replicaClient struct {
	serving.ClientState

	replica string
}

// gather requests all lists of all replicas. What several replicas have in common is in them once.
func gather(ctx context.Context, std stdio, all replicas) (known *facts, last, err error) {
	known = &facts{}
	for path, take := range map[string]func(replica string, body []byte) error{
		listClients: func(replica string, body []byte) error {
			return eachItem(body, func(c serving.ClientState) { known.clients = append(known.clients, replicaClient{c, replica}) })
		},
		listResources:  func(_ string, body []byte) error { return addAll(&known.resources, body) },
		listProblems:   func(_ string, body []byte) error { return addAll(&known.problems, body) },
		listDeliveries: func(_ string, body []byte) error { return addAll(&known.syncs, body) },
	} {
		quiet := std
		if last != nil {
			quiet.err = &bytes.Buffer{} // a replica that does not answer is named once
		}
		answered, bodies, missing, err := all.fetchAnswered(ctx, quiet, admin.ListPath(path))
		if err != nil {
			return nil, nil, err
		}
		last = cmp.Or(last, missing)
		for i, body := range bodies {
			if err := take(answered.all[i].name, body); err != nil {
				return nil, nil, fmt.Errorf("parse the answer of %s: %w", answered.all[i].address, err)
			}
		}
	}
	known.resources = mergeResources(known.resources)
	known.problems = slices.CompactFunc(mesh.SortProblems(known.problems), func(a, b mesh.Problem) bool {
		return a.Code == b.Code && a.Object == b.Object && a.Field == b.Field && a.Message == b.Message
	})
	known.syncs = mergeSyncs(known.syncs)
	return known, last, nil
}

func addAll[T any](list *[]T, body []byte) error {
	var items []T
	err := json.Unmarshal(body, &items)
	*list = append(*list, items...)
	return err
}

// mergeResources adds the subscribers of the same version of a resource.
func mergeResources(all []serving.ResourceState) []serving.ResourceState {
	slices.SortStableFunc(all, func(a, b serving.ResourceState) int {
		return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Version, b.Version))
	})
	var merged []serving.ResourceState
	for _, r := range all {
		if n := len(merged); n > 0 && merged[n-1].Type == r.Type && merged[n-1].Name == r.Name && merged[n-1].Version == r.Version {
			merged[n-1].Subscribers += r.Subscribers
			continue
		}
		merged = append(merged, r)
	}
	return merged
}

// mergeSyncs adds the clients of an object.
func mergeSyncs(all []serving.ObjectSync) []serving.ObjectSync {
	slices.SortStableFunc(all, func(a, b serving.ObjectSync) int { return a.Object.Compare(b.Object) })
	var merged []serving.ObjectSync
	for _, d := range all {
		if n := len(merged); n > 0 && merged[n-1].Object == d.Object {
			m := &merged[n-1]
			m.Clients, m.Pending, m.Refusals = m.Clients+d.Clients, m.Pending+d.Pending, append(m.Refusals, d.Refusals...)
			continue
		}
		merged = append(merged, d)
	}
	return merged
}

// page is a text of fields and sections, as kubectl describe prints it.
type page struct {
	text []byte
	// empty is true for a section without items.
	empty bool
}

func (p *page) field(name, value string) {
	p.end()
	p.text = fmt.Appendf(p.text, "%-12s%s\n", name+":", strings.Map(visible, strings.TrimSpace(value)))
}

func (p *page) section(name string) {
	p.end()
	p.text = fmt.Appendf(p.text, "%s:\n", name)
	p.empty = true
}

func (p *page) item(format string, args ...any) {
	p.empty = false
	p.text = fmt.Appendf(p.text, "  %s\n", strings.Map(visible, fmt.Sprintf(format, args...)))
}

// end ends a section.
func (p *page) end() {
	if p.empty {
		p.text = append(p.text, "  none\n"...)
	}
	p.empty = false
}
