package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mizzen-mesh/mizzen/internal/render"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// kindAndVersion returns what a client is, such as gRPC Go 1.85.0.
func kindAndVersion(c *serving.ClientState) string {
	return strings.TrimSpace(c.Agent + " " + c.Version)
}

// clientRows has one row for each client.
func clientRows(body []byte) ([][]string, error) {
	rows := [][]string{{"NODE", "NAMESPACE", "IDENTITY", "CLIENT", "SINCE", "HELD", "PENDING", "REFUSED"}}
	err := eachItem(body, func(c serving.ClientState) {
		held, pending, refused := 0, 0, 0
		for _, t := range c.Types {
			held, pending, refused = held+t.Accepted, pending+t.Pending, refused+len(t.Refused)
		}
		rows = append(rows, []string{
			c.Node, c.Namespace, cmp.Or(c.Identity, "-"), kindAndVersion(&c), c.Since.Local().Format(time.TimeOnly),
			strconv.Itoa(held), strconv.Itoa(pending), strconv.Itoa(refused),
		})
	})
	return rows, err
}

// clientTypeRows has one row for each type that a client subscribes to.
func clientTypeRows(body []byte) ([][]string, error) {
	rows := [][]string{{"NODE", "PEER", "IDENTITY", "AGENT", "NAMESPACE", "SINCE", "TYPE", "NAMES", "HELD", "PENDING", "REFUSED"}}
	err := eachItem(body, func(c serving.ClientState) {
		head := []string{c.Node, c.Peer, cmp.Or(c.Identity, "-"), kindAndVersion(&c), c.Namespace, c.Since.Local().Format(time.TimeOnly)}
		if len(c.Types) == 0 {
			rows = append(rows, append(head, "-", "0", "0", "0", "0"))
		}
		for _, t := range c.Types {
			names := strconv.Itoa(len(t.Names))
			if t.Wildcard {
				names += "+*"
			}
			rows = append(rows, append(head, t.Type, names, strconv.Itoa(t.Accepted), strconv.Itoa(t.Pending), strconv.Itoa(len(t.Refused))))
			head = make([]string, len(head)) // only in the first row of a client
		}
	})
	return rows, err
}

// clientSyncRows has one row for each client, with the sync status of each resource type.
func clientSyncRows(body []byte) ([][]string, error) {
	head := []string{"NODE", "IDENTITY", "CLIENT"}
	for _, t := range render.Types {
		head = append(head, strings.ToUpper(t.ShortName()))
	}
	rows := [][]string{head}
	err := eachItem(body, func(c serving.ClientState) {
		row := []string{c.Node, cmp.Or(c.Identity, "-"), kindAndVersion(&c)}
		for _, t := range render.Types {
			status := "-"
			if i := slices.IndexFunc(c.Types, func(s serving.TypeState) bool { return s.Type == t.Name() }); i >= 0 {
				status = syncWord(&c.Types[i])
			}
			row = append(row, status)
		}
		rows = append(rows, row)
	})
	// Few clients have scopes: only Envoys with egress.
	at := slices.Index(head, strings.ToUpper(snapshot.ScopeType.ShortName()))
	if !slices.ContainsFunc(rows[1:], func(row []string) bool { return row[at] != "-" }) {
		for i := range rows {
			rows[i] = slices.Delete(rows[i], at, at+1)
		}
	}
	return rows, err
}

// syncWord is the sync status of one type: the glossary's words.
func syncWord(t *serving.TypeState) string {
	switch {
	case t.Note != "":
		return "not served"
	case len(t.Refused) > 0:
		return "rejected"
	case t.Pending > 0:
		return "pending"
	}
	return "synced"
}

func resourceRows(body []byte) ([][]string, error) {
	rows := [][]string{{"TYPE", "NAME", "VERSION", "SUBSCRIBERS", "ORIGINS"}}
	err := eachItem(body, func(r serving.ResourceState) {
		var origins []string
		for _, ref := range r.Origins {
			origins = append(origins, ref.String())
		}
		rows = append(rows, []string{r.Type, r.Name, r.Version, strconv.Itoa(r.Subscribers), strings.Join(origins, ", ")})
	})
	return rows, err
}

func problemRows(body []byte) ([][]string, error) {
	rows := [][]string{{"SEVERITY", "CODE", "OBJECT", "FIELD", "MESSAGE"}}
	err := eachItem(body, func(p mesh.Problem) {
		rows = append(rows, []string{string(p.Severity), string(p.Code), problemObject(p), p.Field, p.Message})
	})
	return rows, err
}

func deliveryRows(body []byte) ([][]string, error) {
	rows := [][]string{{"OBJECT", "GENERATION", "CLIENTS", "PENDING", "REFUSALS"}}
	err := eachItem(body, func(d serving.ObjectSync) {
		rows = append(rows, []string{
			d.Object.String(), strconv.FormatInt(d.Generation, 10), strconv.Itoa(d.Clients), strconv.Itoa(d.Pending),
			strings.Join(append(d.Refusals, reasons(append(d.Problems, d.Errors...))...), "; "),
		})
	})
	return rows, err
}

// problemObject is the object of a Problem; of one about a file, with the line.
func problemObject(p mesh.Problem) string {
	if line, ok := strings.CutPrefix(p.Source, p.Object.Name+":"); ok && p.Object.Kind == mesh.KindFile {
		return p.Object.String() + ":" + line
	}
	return p.Object.String()
}

// reasons are the reasons why an object is not in effect.
func reasons(problems []mesh.Problem) []string {
	var all []string
	for _, p := range problems {
		all = append(all, why(p))
	}
	return all
}

// problemSourceRows is problemRows with the file and line.
func problemSourceRows(body []byte) ([][]string, error) {
	rows := [][]string{{"SEVERITY", "CODE", "OBJECT", "FIELD", "SOURCE", "MESSAGE"}}
	err := eachItem(body, func(p mesh.Problem) {
		rows = append(rows, []string{string(p.Severity), string(p.Code), p.Object.String(), p.Field, cmp.Or(p.Source, "-"), p.Message})
	})
	return rows, err
}

// unknownRows has one row for each unknown name, and the column of replicas if several were asked.
func unknownRows(body []byte) ([][]string, error) {
	return unknownTable(body, nil, func(*serving.UnknownName) []string { return nil })
}

// unknownClientRows is unknownRows with a few of the clients.
func unknownClientRows(body []byte) ([][]string, error) {
	return unknownTable(body, []string{"DIALED BY"}, func(u *serving.UnknownName) []string {
		var clients []string
		for _, c := range u.Examples {
			clients = append(clients, cmp.Or(c.Identity, c.Node, "-"))
		}
		if more := u.Clients - len(clients); more > 0 {
			clients = append(clients, fmt.Sprintf("and %d more", more))
		}
		return []string{strings.Join(clients, ", ")}
	})
}

func unknownTable(body []byte, more []string, cells func(*serving.UnknownName) []string) ([][]string, error) {
	rows := [][]string{slices.Concat([]string{"NAME", "NAMESPACE", "CLIENTS", "SINCE"}, more, []string{"NEAREST"})}
	err := eachItem(body, func(u serving.UnknownName) {
		var near []string
		for _, n := range u.Near {
			near = append(near, n.Text)
		}
		if u.HTTP > 0 {
			near = append(near, plural(u.HTTP, "HTTP client")+": the registry of the application decides")
		}
		row := slices.Concat(
			[]string{u.Name, u.Namespace, strconv.Itoa(u.Clients), u.Since.Local().Format(time.DateTime)},
			cells(&u), []string{cmp.Or(strings.Join(near, "; "), "-")},
		)
		if u.Replica != "" {
			if rows[0][0] == "NAME" {
				rows[0] = append([]string{"REPLICA"}, rows[0]...)
			}
			row = append([]string{u.Replica}, row...)
		}
		rows = append(rows, row)
	})
	return rows, err
}

func unknownName(item []byte) (string, error) {
	var u serving.UnknownName
	err := json.Unmarshal(item, &u)
	return "unknown/" + u.Name, err
}

// joinUnknown makes one item of all about one name.
func joinUnknown(body []byte) ([]byte, error) {
	var all []serving.UnknownName
	if err := json.Unmarshal(body, &all); err != nil {
		return nil, err
	}
	return json.Marshal(serving.MergeUnknownNames(all))
}

func clientName(item []byte) (string, error) {
	var c serving.ClientState
	err := json.Unmarshal(item, &c)
	return "client/" + c.Node, err
}

func resourceName(item []byte) (string, error) {
	var r serving.ResourceState
	err := json.Unmarshal(item, &r)
	return strings.ToLower(r.Type) + "/" + r.Name, err
}

func problemName(item []byte) (string, error) {
	var p mesh.Problem
	err := json.Unmarshal(item, &p)
	return objectName(p.Object), err
}

func syncName(item []byte) (string, error) {
	var d serving.ObjectSync
	err := json.Unmarshal(item, &d)
	return objectName(d.Object), err
}

// objectName is the name that 'inspect wait' and kubectl take, in front of it the namespace.
func objectName(ref mesh.Ref) string {
	if ref.Namespace == "" {
		return strings.ToLower(ref.Kind) + "/" + ref.Name
	}
	return strings.ToLower(ref.Kind) + " " + ref.Namespace + "/" + ref.Name
}
