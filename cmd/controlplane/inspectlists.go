package main

import (
	"cmp"
	"context"
	"encoding/json"
)

// listClientSync is the list of 'sync --by client'.
const listClientSync = "client-sync"

// listNames has the other names under which a list can be asked for.
var listNames = map[string]string{"client": listClients, "resource": listResources, "problem": listProblems, "server": listServers, "policy": listPolicies, "cluster": listClusters, "edge": listEdges, "rollout": listRollouts, listSync: listDeliveries}

// listKind is how a list is requested, printed and filtered.
type listKind struct {
	// path is the name that the control plane has for the list.
	path string
	// rows formats the list for people, and wide with more columns or rows.
	rows, wide func([]byte) ([][]string, error)
	// name is the name of an item for -o name.
	name func(item []byte) (string, error)
	// filter decides which items are kept.
	filter func(*selection, json.RawMessage) (json.RawMessage, error)
	// alone: equal rows of several replicas stay separate rows.
	alone bool
	// typed: --type and --host apply to the items.
	typed bool
	// join makes one list of the items of all replicas, each with the name of its replica; nil if items of several
	// replicas stay separate items. Then rows has the column that names the replicas.
	join func(body []byte) ([]byte, error)
	// unknown fails if a name that selects no item is the name of nothing; nil if the list has only such names.
	unknown func(context.Context, replicas, selection, [][]byte) error
}

var lists = map[string]listKind{
	listClients:   {listClients, clientRows, clientTypeRows, clientName, (*selection).client, true, true, nil, unknownClient},
	listResources: {listResources, resourceRows, resourceRows, resourceName, (*selection).resource, false, true, nil, unknownResource},
	listProblems:  {listProblems, problemRows, problemSourceRows, problemName, (*selection).problem, false, false, nil, unknownObject},
	listUnknown:   {listUnknown, unknownRows, unknownClientRows, unknownName, (*selection).unknown, false, false, joinUnknown, nil},
	listServers:   {listServers, serverRows, serverWideRows, serverName, (*selection).server, false, false, joinServers, unknownServer},
	listPolicies:  {listPolicies, policyRows, policyWideRows, policyName, (*selection).policy, false, false, joinPolicies, unknownObject},
	listEdges:     {listEdges, edgeRows, edgeTotalRows, edgeName, (*selection).edge, false, false, joinEdges, unknownEnd},
	listRollouts:  {listRollouts, rolloutRows, rolloutWideRows, rolloutName, (*selection).rollout, true, false, nil, unknownRollout},
	listClusters:  {listClusters, clusterRows, clusterRows, clusterItemName, (*selection).cluster, false, false, nil, unknownCluster},
	// The older name of sync works with an older control plane, too.
	listDeliveries: {listDeliveries, deliveryRows, deliveryRows, syncName, (*selection).sync, false, false, nil, unknownObject},
	listClientSync: {listClients, clientSyncRows, clientSyncRows, clientName, (*selection).client, true, true, nil, unknownClient},
}

// listNamed returns the list that an argument of inspect names.
func listNamed(name string) (list listKind, ok bool) {
	list, ok = lists[cmp.Or(listNames[name], name)]
	return list, ok && name != listClientSync
}
