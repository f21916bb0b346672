package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
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
	all := []map[string]json.RawMessage{}
	for i, body := range bodies {
		if r.all[i].name == "" {
			return body, nil
		}
		name, err := json.Marshal(r.all[i].name)
		if err != nil {
			return nil, err
		}
		err = eachItem(body, func(item map[string]json.RawMessage) {
			item["replica"] = name
			all = append(all, item)
		})
		if err != nil {
			return nil, fmt.Errorf("parse the answer of %s: %w", r.all[i].address, err)
		}
	}
	return json.Marshal(all)
}

// names returns the names of the items of all replicas, each once, one a line.
func (r replicas) names(list listKind, bodies [][]byte) ([]byte, error) {
	var out []byte
	printed := map[string]bool{}
	for i, body := range bodies {
		var failed error
		err := eachItem(body, func(item json.RawMessage) {
			name, err := list.name(item)
			if err != nil {
				failed = err
			}
			if !printed[name] {
				out = fmt.Appendln(out, strings.Map(visible, name))
			}
			printed[name] = true
		})
		if err = errors.Join(err, failed); err != nil {
			return nil, fmt.Errorf("parse the answer of %s: %w", r.all[i].address, err)
		}
	}
	return out, nil
}
