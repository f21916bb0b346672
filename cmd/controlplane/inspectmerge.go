package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
)

// merge merges the tables of all replicas into one, with a column that names the replicas. Equal rows become one row,
// except in a table of clients: a client is connected to one replica, and its rows must stay together.
func (r replicas) merge(list listKind, rowsOf func([]byte) ([][]string, error), bodies [][]byte) ([][]string, error) {
	var merged [][]string
	rows := map[string]int{}
	for i, body := range bodies {
		name := r.all[i].name
		table, err := rowsOf(body)
		if err != nil {
			return nil, fmt.Errorf("parse the answer of %s: %w", r.all[i].address, err)
		}
		if name == "" {
			return table, nil
		}
		if merged == nil {
			merged = append(merged, slices.Concat([]string{"REPLICA"}, table[0]))
		}
		for _, row := range table[1:] {
			key := strings.Join(row, "\x00")
			if at, alike := rows[key]; alike && !list.alone {
				merged[at][0] += "," + name
				continue
			}
			rows[key] = len(merged)
			merged = append(merged, slices.Concat([]string{name}, row))
		}
	}
	return merged, nil
}

// mergeJSON merges the arrays of all replicas into one. Each item gets the name of its replica.
func (r replicas) mergeJSON(bodies [][]byte) ([]byte, error) {
	if len(r.all) > 0 && r.all[0].name == "" {
		return bodies[0], nil // It is the only one.
	}
	all := []map[string]json.RawMessage{}
	err := eachAnswer(r, bodies, func(one replica, item map[string]json.RawMessage) error {
		name, err := json.Marshal(one.name)
		item["replica"] = name
		all = append(all, item)
		return err
	})
	if err != nil {
		return nil, err
	}
	return json.Marshal(all)
}

// names returns the names of the items of all replicas, each once, one a line.
func (r replicas) names(list listKind, bodies [][]byte) ([]byte, error) {
	var out []byte
	printed := map[string]bool{}
	err := eachAnswer(r, bodies, func(_ replica, item json.RawMessage) error {
		name, err := list.name(item)
		if !printed[name] {
			out = fmt.Appendln(out, strings.Map(visible, name))
		}
		printed[name] = true
		return err
	})
	return out, err
}

// eachAnswer visits the items of the lists that replicas answered. The error names the replica.
func eachAnswer[T any](r replicas, bodies [][]byte, visit func(one replica, item T) error) error {
	for i, body := range bodies {
		var failed error
		err := eachItem(body, func(item T) { failed = cmp.Or(failed, visit(r.all[i], item)) })
		if err = cmp.Or(err, failed); err != nil {
			return fmt.Errorf("parse the answer of %s: %w", r.all[i].address, err)
		}
	}
	return nil
}

// itemsOf returns the items of the lists that replicas answered, one list after the other.
func itemsOf[T any](r replicas, bodies [][]byte) (all []T, err error) {
	err = eachAnswer(r, bodies, func(_ replica, item T) error {
		all = append(all, item)
		return nil
	})
	return all, err
}

// mergeItems makes one item of all that are the same. The result is sorted by compare, which returns 0 for these.
func mergeItems[T any](all []T, compare func(a, b T) int, add func(to *T, one T)) []T {
	mesh.SortStableFunc(all, compare)
	var merged []T
	for _, one := range all {
		if n := len(merged); n > 0 && compare(merged[n-1], one) == 0 {
			add(&merged[n-1], one)
			continue
		}
		merged = append(merged, one)
	}
	return merged
}

func compareResources(a, b serving.ResourceState) int {
	return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Version, b.Version))
}

// addSubscribers adds the subscribers of the same version of a resource.
func addSubscribers(to *serving.ResourceState, one serving.ResourceState) {
	to.Subscribers += one.Subscribers
}

func compareSyncs(a, b serving.ObjectSync) int { return a.Object.Compare(b.Object) }

// addClients adds the clients of an object.
func addClients(to *serving.ObjectSync, one serving.ObjectSync) {
	to.Clients, to.Pending, to.Refusals = to.Clients+one.Clients, to.Pending+one.Pending, append(to.Refusals, one.Refusals...)
}

func compareProblems(a, b mesh.Problem) int {
	return cmp.Or(a.Object.Compare(b.Object), cmp.Compare(a.Field, b.Field), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Message, b.Message))
}
