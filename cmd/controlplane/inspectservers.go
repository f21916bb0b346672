package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
)

// serverRows has one row for each port of a server, and the column of replicas if several were asked.
func serverRows(body []byte) ([][]string, error) {
	return serverTable(body, nil, func(*serving.ServerState) []string { return nil })
}

// serverWideRows is serverRows with what decides about the port.
func serverWideRows(body []byte) ([][]string, error) {
	return serverTable(body, []string{"ACCOUNT", "LISTENER", "MODE FROM", "DRY RUN", "REASON"}, func(s *serving.ServerState) []string {
		peer := "-"
		if s.Peer != nil {
			peer = s.Peer.Namespace + "/" + s.Peer.Name
		}
		return []string{cmp.Or(s.Account, "-"), cmp.Or(strings.Join(s.Listeners, ", "), "-"), peer, objectNames(s.DryRun), cmp.Or(s.Reason, "-")}
	})
}

func serverTable(body []byte, more []string, cells func(*serving.ServerState) []string) ([][]string, error) {
	rows := [][]string{append([]string{"SERVER", "NAMESPACE", "PORT", "TAKES", "POLICIES", "STATE", "LIBRARY"}, more...)}
	err := eachItem(body, func(s serving.ServerState) {
		port, takes := strconv.FormatUint(uint64(s.Port), 10), s.Security
		if s.Port == 0 {
			port, takes = "-", "-"
		}
		row := append([]string{
			cmp.Or(s.Identity, s.Node, "-"), s.Namespace, port, takes, objectNames(s.Policies), string(s.State), strings.TrimSpace(s.Agent + " " + s.Version),
		}, cells(&s)...)
		rows = withReplica(rows, row, s.Replica)
	})
	return rows, err
}

// withReplica adds a row, and the column of replicas if the row is of one.
func withReplica(rows [][]string, row []string, replica string) [][]string {
	if replica != "" {
		if rows[0][0] != "REPLICA" {
			rows[0] = append([]string{"REPLICA"}, rows[0]...)
		}
		row = append([]string{replica}, row...)
	}
	return append(rows, row)
}

// objectNames lists objects of one kind.
func objectNames(refs []mesh.Ref) string {
	var names []string
	for _, ref := range refs {
		names = append(names, ref.Namespace+"/"+ref.Name)
	}
	return cmp.Or(strings.Join(names, ", "), "-")
}

func serverName(item []byte) (string, error) {
	var s serving.ServerState
	err := json.Unmarshal(item, &s)
	return fmt.Sprintf("server/%s:%d", cmp.Or(s.Identity, s.Node), s.Port), err
}

func joinServers(body []byte) ([]byte, error) {
	var all []serving.ServerState
	if err := json.Unmarshal(body, &all); err != nil {
		return nil, err
	}
	return json.Marshal(serving.MergeServers(all))
}

// policyRows has one row for each policy, with the number of callers that it refuses.
func policyRows(body []byte) ([][]string, error) {
	rows := [][]string{{"POLICY", "ACTION", "SERVERS", "IN FORCE", "REFUSES EVERY CALL OF"}}
	err := eachItem(body, func(p serving.PolicyState) {
		var refused []string
		for _, c := range p.Callers {
			refused = append(refused, fmt.Sprintf("%d of %s to %s", len(c.Refused), plural(len(c.Accounts), "account"), callee(c)))
		}
		rows = withReplica(rows, append(policyCells(&p), cmp.Or(strings.Join(refused, "; "), "-")), p.Replica)
	})
	return rows, err
}

// policyWideRows has one row for each policy and port of a Service, with the names of the callers.
func policyWideRows(body []byte) ([][]string, error) {
	rows := [][]string{{"POLICY", "ACTION", "SERVERS", "IN FORCE", "TO", "REFUSES EVERY CALL OF", "OTHER ACCOUNTS"}}
	err := eachItem(body, func(p serving.PolicyState) {
		if len(p.Callers) == 0 {
			rows = withReplica(rows, append(policyCells(&p), "-", "-", "-"), p.Replica)
		}
		for _, c := range p.Callers {
			others := without(c.Accounts, c.Refused)
			rows = withReplica(rows, append(policyCells(&p), callee(c), strings.Join(c.Refused, ", "), cmp.Or(strings.Join(others, ", "), "-")), p.Replica)
		}
	})
	return rows, err
}

func policyCells(p *serving.PolicyState) []string {
	action := p.Action
	if p.DryRun {
		action += " (dry run)"
	}
	return []string{p.Object.Namespace + "/" + p.Object.Name, action, strconv.Itoa(p.Servers), strconv.Itoa(p.InForce)}
}

func callee(c serving.CallerState) string {
	return strings.TrimSpace(c.To + " " + c.Subset)
}

// without returns the texts of a sorted list that are not in another one.
func without(all, some []string) []string {
	in := map[string]bool{}
	for _, text := range some {
		in[text] = true
	}
	var rest []string
	for _, text := range all {
		if !in[text] {
			rest = append(rest, text)
		}
	}
	return rest
}

func policyName(item []byte) (string, error) {
	var p serving.PolicyState
	err := json.Unmarshal(item, &p)
	return objectName(p.Object), err
}

func joinPolicies(body []byte) ([]byte, error) {
	var all []serving.PolicyState
	if err := json.Unmarshal(body, &all); err != nil {
		return nil, err
	}
	return json.Marshal(serving.MergePolicies(all))
}
