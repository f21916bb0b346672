package view

import (
	"net/http"
	"strings"
)

// ClientList is a part of the connected clients.
type ClientList struct {
	// Total is how many clients there are, and Matched how many of them meet the query. Clients are those from Offset on.
	Total   int         `json:"total"`
	Matched int         `json:"matched"`
	Offset  int         `json:"offset"`
	Clients []ClientRow `json:"clients"`
}

// serveStreams answers which clients are connected.
func (v *Views) serveStreams(w http.ResponseWriter, r *http.Request) {
	if _, ok := v.current(w); !ok {
		return
	}
	q := r.URL.Query()
	asked, err := partOf(q)
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error(), nil)
		return
	}
	workload := q.Get("workload")
	search, namespace, host, state := strings.ToLower(q.Get("q")), q.Get("namespace"), q.Get("host"), State(q.Get("state"))
	if state != "" && state.rank() < 0 {
		fail(w, http.StatusBadRequest, "state is one of current, behind, refused", nil)
		return
	}
	all := v.allClients(r.Context())
	list := ClientList{Total: len(all.clients), Offset: asked.offset}
	var matched []ClientRow
	for i := range all.clients {
		row := all.clients[i].row
		if host != "" {
			of, follows := all.clients[i].on(host)
			if !follows {
				continue
			}
			row.State = of
		}
		if namespace != "" && row.Namespace != namespace || workload != "" && row.Workload != workload || state != "" && row.State != state || !contains(search, row.Node, row.Identity, row.Peer, row.Agent+" "+row.Version) {
			continue
		}
		matched = append(matched, row)
	}
	list.Matched, list.Clients = len(matched), append([]ClientRow{}, cut(matched, asked)...)
	answer(w, list)
}
