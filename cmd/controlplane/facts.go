package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
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
	for path, take := range map[string]func(answered replicas, bodies [][]byte) error{
		listClients: func(answered replicas, bodies [][]byte) error {
			return eachAnswer(answered, bodies, func(one replica, c serving.ClientState) error {
				known.clients = append(known.clients, replicaClient{c, one.name})
				return nil
			})
		},
		listResources: func(answered replicas, bodies [][]byte) (err error) {
			known.resources, err = itemsOf[serving.ResourceState](answered, bodies)
			return err
		},
		listProblems: func(answered replicas, bodies [][]byte) (err error) {
			known.problems, err = itemsOf[mesh.Problem](answered, bodies)
			return err
		},
		listDeliveries: func(answered replicas, bodies [][]byte) (err error) {
			known.syncs, err = itemsOf[serving.ObjectSync](answered, bodies)
			return err
		},
	} {
		quiet := std
		if last != nil {
			quiet.err = &bytes.Buffer{} // a replica that does not answer is named once
		}
		answered, bodies, missing, err := all.fetchAnswered(ctx, quiet, admin.ListPath(path))
		if err == nil {
			err = take(answered, bodies)
		}
		if err != nil {
			return nil, nil, err
		}
		last = cmp.Or(last, missing)
	}
	known.resources = mergeItems(known.resources, compareResources, addSubscribers)
	known.problems = mergeItems(known.problems, compareProblems, func(*mesh.Problem, mesh.Problem) {})
	known.syncs = mergeItems(known.syncs, compareSyncs, addClients)
	return known, last, nil
}

// description is a text of fields and sections, as kubectl describe prints it.
type description struct {
	text []byte
	// empty is true for a section without items.
	empty bool
}

func (p *description) field(name, value string) {
	p.end()
	p.text = fmt.Appendf(p.text, "%-12s%s\n", name+":", strings.Map(visible, strings.TrimSpace(value)))
}

func (p *description) section(name string) {
	p.end()
	p.text = fmt.Appendf(p.text, "%s:\n", name)
	p.empty = true
}

func (p *description) item(format string, args ...any) {
	p.empty = false
	p.text = fmt.Appendf(p.text, "  %s\n", strings.Map(visible, fmt.Sprintf(format, args...)))
}

// end ends a section.
func (p *description) end() {
	if p.empty {
		p.text = append(p.text, "  none\n"...)
	}
	p.empty = false
}
