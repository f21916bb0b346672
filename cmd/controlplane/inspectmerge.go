package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// merge makes one table of those of all replicas, with a column that says whose a row is. Rows that are alike become one, but for
// clients: each is connected to one replica, and its rows belong together.
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

// mergeJSON makes one array of those of all replicas; each item says whose it is.
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
