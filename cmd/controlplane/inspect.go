package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/mizzen-mesh/mizzen/internal/admin"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
)

const (
	defaultAdminAddress = "127.0.0.1:15014"
	// inspectTimeout limits the wait for a control plane that accepts the connection but does not respond.
	inspectTimeout = 10 * time.Second
)

// The lists of the admin address: serve offers them, and inspect prints them.
const (
	listClients   = "clients"
	listResources = "resources"
	listProblems  = "problems"
	// listSync is the sync status of each object. listDeliveries is its older name, under which every release serves
	// it. 'inspect sync' and 'inspect wait' request the older name, so that they work with an older control plane.
	listSync       = "sync"
	listDeliveries = "deliveries"
)

// tables has the function that formats each list for people.
var tables = map[string]func([]byte) ([][]string, error){
	listClients:   clientRows,
	listResources: resourceRows,
	listProblems:  problemRows,

	listSync:       deliveryRows,
	listDeliveries: deliveryRows,
}

func newInspect(std stdio) *cobra.Command {
	var flags inspectFlags
	var output string
	cmd := &cobra.Command{
		Use:   "inspect clients|resources|problems|sync",
		Short: "Show the clients, resources and Problems of a running control plane",
		Long: `Show the clients of a running control plane and what each of them has and rejected, the
resources that it serves and where they come from, the Problems of its objects, or the sync
status of each object: how many clients have its current version, and which rejected it.

Without a flag the control plane at 127.0.0.1:15014 is asked. If none listens there, or with
--kubeconfig, --context or --namespace, every replica in the cluster is asked through the API
server, and a column names the replica. That needs the right to list pods and to forward their
ports.`,
		Example: `  controlplane inspect clients
  controlplane inspect resources -o json
  controlplane inspect problems --context kind-mizzen
  controlplane inspect wait --for acknowledged`,
		ValidArgs: []string{listClients, listResources, listProblems, listSync},
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 || tables[args[0]] == nil {
				return usageErrorf(cmd, "one of clients, resources, problems, sync is needed")
			}
			if output != "table" && output != "json" {
				return usageErrorf(cmd, "unknown output %q: it is one of table, json", output)
			}
			return flags.validate(cmd)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return flags.withReplicas(cmd, func(ctx context.Context, all replicas) error { return printList(ctx, std, all, args[0], output) })
		},
	}
	flags.register(cmd)
	cmd.AddCommand(newWait(&flags))
	cmd.Flags().StringVarP(&output, "output", "o", "table", "form of the output: `table|json`")
	return cmd
}

// printList requests a list from all replicas, and prints it as one.
func printList(ctx context.Context, std stdio, all replicas, list, output string) error {
	if list == listSync {
		list = listDeliveries
	}
	bodies, err := all.fetch(ctx, admin.ListPath(list))
	if err != nil {
		return err
	}
	if output == "json" {
		body, err := all.mergeJSON(bodies)
		if err != nil {
			return err
		}
		return printJSON(std, body)
	}
	rows, err := all.merge(list, bodies)
	if err != nil {
		return err
	}
	return printTable(std, rows)
}

// errNotReady is returned for a control plane that is starting or shutting down.
var errNotReady = errors.New("is not ready")

// fetch reads a path of an admin address. token is a file with the token to send; empty sends none.
func fetch(ctx context.Context, address, token, path string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, inspectTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("ask %s (is --address right?): %w", address, err)
	}
	if token != "" {
		text, err := admin.ReadToken(token)
		if err != nil {
			return nil, fmt.Errorf("--%s: %w", flagAdminToken, err)
		}
		request.Header.Set("Authorization", "Bearer "+text)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("no control plane answers at %s (set its admin address with --address): %w", address, err)
	}
	body, err := io.ReadAll(response.Body)
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return nil, fmt.Errorf("read the answer of %s: %w", address, err)
	}
	switch response.StatusCode {
	case http.StatusOK:
		return body, nil
	case http.StatusUnauthorized:
		return nil, fmt.Errorf("%s requires a token (see --admin-token): %s", address, bytes.TrimSpace(body))
	case http.StatusServiceUnavailable:
		return nil, fmt.Errorf("%s %w: %s", address, errNotReady, bytes.TrimSpace(body))
	case http.StatusBadRequest:
		return nil, fmt.Errorf("%s: %s", address, bytes.TrimSpace(body))
	}
	return nil, fmt.Errorf("%s answers %s: it is not the admin address of a control plane (see --address)", address, response.Status)
}

func clientRows(body []byte) ([][]string, error) {
	rows := [][]string{{"NODE", "PEER", "IDENTITY", "AGENT", "NAMESPACE", "SINCE", "TYPE", "NAMES", "HELD", "PENDING", "REFUSED"}}
	err := eachItem(body, func(c serving.ClientState) {
		head := []string{
			c.Node, c.Peer, cmp.Or(c.Identity, "-"), strings.TrimSpace(c.Agent + " " + c.Version), c.Namespace, c.Since.Local().Format(time.TimeOnly),
		}
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
		rows = append(rows, []string{string(p.Severity), string(p.Code), p.Object.String(), p.Field, p.Message})
	})
	return rows, err
}

func deliveryRows(body []byte) ([][]string, error) {
	rows := [][]string{{"OBJECT", "GENERATION", "CLIENTS", "PENDING", "REFUSALS"}}
	err := eachItem(body, func(d serving.ObjectSync) {
		rows = append(rows, []string{
			d.Object.String(), strconv.FormatInt(d.Generation, 10), strconv.Itoa(d.Clients), strconv.Itoa(d.Pending), strings.Join(d.Refusals, "; "),
		})
	})
	return rows, err
}

func eachItem[T any](body []byte, visit func(T)) error {
	var items []T
	if err := json.Unmarshal(body, &items); err != nil {
		return err
	}
	for _, item := range items {
		visit(item)
	}
	return nil
}

func printJSON(std stdio, body []byte) error {
	var out bytes.Buffer
	if err := json.Indent(&out, bytes.TrimSpace(body), "", "  "); err != nil {
		return fmt.Errorf("parse the answer: %w", err)
	}
	out.WriteByte('\n')
	return std.print(out.Bytes())
}

// visible replaces control characters in what clients send: they would break rows, or control the operator's terminal.
func visible(r rune) rune {
	if unicode.IsControl(r) {
		return ' '
	}
	return r
}

// trailingSpace is what the tabwriter leaves of an empty last cell.
var trailingSpace = regexp.MustCompile(`(?m) +$`)

func printTable(std stdio, rows [][]string) error {
	var out bytes.Buffer
	table := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	var text []byte
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = strings.Map(visible, cell)
		}
		text = fmt.Appendln(text, strings.Join(cells, "\t"))
	}
	if _, err := table.Write(text); err != nil {
		return fmt.Errorf("lay out the table: %w", err)
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("lay out the table: %w", err)
	}
	return std.print(trailingSpace.ReplaceAll(out.Bytes(), nil))
}
