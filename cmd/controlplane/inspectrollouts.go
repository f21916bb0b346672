package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/mizzen-mesh/mizzen/internal/load"
	"github.com/mizzen-mesh/mizzen/internal/rollout"
)

// rolloutRows has one row for each object with the annotation.
func rolloutRows(body []byte) ([][]string, error) {
	rows := [][]string{{"OBJECT", "SHARE", "WINDOW", "STAGE", "REASON", "CLIENTS", "NEW", "OLD"}}
	err := eachItem(body, func(s rollout.State) {
		window := s.Window
		if s.Abort {
			window += ",abort"
		}
		clients := "-"
		if s.Clients > 0 {
			clients = fmt.Sprintf("%d/%d", s.Clients-s.Pending, s.Clients)
		}
		share := strconv.Itoa(int(s.Percent)) + "%"
		if s.Percent == 0 { // a pin
			share, window = "-", "-"
		}
		rows = append(rows, []string{s.Object.String(), share, window, string(s.Stage), string(s.Reason), clients, failedOf(s.First), failedOf(s.Rest)})
	})
	return rows, err
}

// rolloutWideRows is rolloutRows with the objects that changed and the reason in words.
func rolloutWideRows(body []byte) ([][]string, error) {
	rows, err := rolloutRows(body)
	if err != nil {
		return nil, err
	}
	rows[0] = append(rows[0], "CHANGED", "MESSAGE")
	i := 0
	err = eachItem(body, func(s rollout.State) {
		i++
		changed := ""
		for _, ref := range s.Objects {
			if changed != "" {
				changed += ", "
			}
			changed += ref.String()
		}
		rows[i] = append(rows[i], cmp.Or(changed, "-"), s.Message)
	})
	return rows, err
}

func failedOf(a load.Attempts) string {
	if a.Calls == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f%% of %d", 100*float64(a.Errors)/float64(a.Calls), a.Calls)
}

func rolloutName(item []byte) (string, error) {
	var s rollout.State
	err := json.Unmarshal(item, &s)
	return objectName(s.Object), err
}

// rollout selects a rollout by the object with the annotation, and by the objects that changed.
func (s *selection) rollout(item json.RawMessage) (json.RawMessage, error) {
	var r rollout.State
	if err := json.Unmarshal(item, &r); err != nil {
		return nil, err
	}
	names := []string{}
	for _, ref := range append(r.Objects, r.Object) {
		names = append(names, ref.Name, ref.Namespace+"/"+ref.Name, ref.String())
	}
	in := cmp.Or(r.Object.Namespace, r.Object.Name)
	if !s.named(names...) || s.namespace != "" && s.namespace != in {
		return nil, nil
	}
	return item, nil
}
