package main

import (
	"cmp"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/watch"
)

// clusterRows has one row for each remote cluster, and for each one that a Secret names and that is refused.
func clusterRows(body []byte) ([][]string, error) {
	rows := [][]string{{"CLUSTER", "STATE", "SINCE", "SERVICES", "ENDPOINTS", "PODS", "CHANGED", "NETWORK", "SECRET", "REASON"}}
	err := eachItem(body, func(c watch.ClusterStatus) {
		since := c.LostSince
		if c.State == watch.ClusterAway {
			since = c.StoredAt
		}
		rows = append(rows, []string{
			c.Name, string(c.State), dayTime(since), strconv.Itoa(c.Services), strconv.Itoa(c.Endpoints), strconv.Itoa(c.Pods), dayTime(c.ChangedAt),
			cmp.Or(c.Network, "-"), cmp.Or(c.Secret, "-"), cmp.Or(c.Reason, "-"),
		})
	})
	return rows, err
}

func dayTime(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format(time.DateTime)
}

func clusterItemName(item []byte) (string, error) {
	var c watch.ClusterStatus
	err := json.Unmarshal(item, &c)
	return "cluster/" + c.Name, err
}

// cluster selects a cluster by its name, by its Secret, and by the namespace of that.
func (s *selection) cluster(item json.RawMessage) (json.RawMessage, error) {
	var c watch.ClusterStatus
	if err := json.Unmarshal(item, &c); err != nil {
		return nil, err
	}
	if !s.named(c.Name, c.Secret) || s.namespace != "" && !strings.HasPrefix(c.Secret, s.namespace+"/") {
		return nil, nil
	}
	return item, nil
}
