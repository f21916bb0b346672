package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// merge merges the tables of all replicas into one, with a column that names the replicas. Equal rows become one row,
// except in the table of clients: a client is connected to one replica, and its rows must stay together.
func (r replicas) merge(list string, bodies [][]byte) ([][]string, error) {
	var merged [][]string
	rows := map[string]int{}
	for i, body := range bodies {
		name := r.all[i].name
		table, err := tables[list](body)
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
			if at, alike := rows[key]; alike && list != listClients {
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
