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
	"net/url"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/mizzen-mesh/mizzen/internal/admin"
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
	listUnknown   = "unknown"
	listServers   = "servers"
	listPolicies  = "policies"
	listClusters  = "clusters"
	listEdges     = "edges"
	listRollouts  = "rollouts"
	// listSync is the sync status of each object. listDeliveries is its older name, under which every release serves
	// it, and which is requested.
	listSync       = "sync"
	listDeliveries = "deliveries"
	// listObjects is which objects are known. It is requested to tell an object without Problems from no object.
	listObjects = "objects"
)

// inspectOptions are the flags of inspect that concern what is printed.
type inspectOptions struct {
	output string
	by     string
	watch  bool
	selection
}

// The values of -o. Text is the form for people of commands without lists.
const (
	outputTable = "table"
	outputWide  = "wide"
	outputYAML  = "yaml"
	outputJSON  = "json"
	outputName  = "name"
	outputText  = "text"
)

var listOutputs = []string{outputTable, outputWide, outputYAML, outputJSON, outputName}

const inspectHelp = `Show the clients of a running control plane and what each of them has and rejected, the
resources that it serves and where they come from, the Problems of its objects, or the sync
status of each object: how many clients have its current version, and which rejected it.
'sync --by client' shows the sync status of each client. 'unknown' shows the names that clients
dial and that do not exist, since when, and which names, ports and namespaces are near; -o wide
also shows which clients dial them. HTTP clients, such as the Java agent, ask for every service
that their application calls, also for those that only its registry has.

'servers' shows the gRPC servers that are configured by xDS: how each port takes calls, by which
policies, and whether the server has them. STATE is 'in force', 'pending', 'late' (not
acknowledged for 30 seconds), 'rejected', or 'silent': the pod has the label
mizzen.dev/server: xds, and no server in it has asked for a Listener. 'policies' shows each
AuthorizationPolicy with the servers that have it, and the accounts whose clients subscribe to
a Service now and whose every call it refuses, or would refuse if it were not a dry run. What
they call is not known. -o wide shows all of these accounts.

'clusters' shows the remote clusters of --remote-clusters: STATE is 'following', 'frozen' (it
cannot be read any more, and its last known state is served), 'away' (it was not read since the
start, and its saved state is served), 'never read' (its endpoints are missing), or 'refused' (its
Secret is not used). SINCE is when it was read last; ENDPOINTS are addresses in EndpointSlices.

'edges' shows who calls whom, as clients report it: calls per second over the last minute,
the share of them that failed, calls that clients dropped, and calls in progress. Attempts are
counted: a retry counts twice, and every status but OK is a failure. Clients report about hosts
with the annotation mizzen.dev/load-reports, or about all with 'serve --load-reports=all'. -o wide
shows the totals that the control planes have counted since they started.

'rollouts' shows the objects with the annotation mizzen.dev/rollout: who follows a change of their
rules, and why, and the Services with mizzen.dev/pin. STAGE is 'None' (all clients follow the same
version), 'Running', 'Waiting', 'Held', 'Aborted', 'Unknown' or 'Pinned'. NEW and OLD are the attempts of the clients that follow the new version and of the
others, with the share of them that failed. -o wide shows what is compared, in words.

Names and flags select a part: a client by its node ID or its pod, a resource by its name, a
Problem, a policy, a rollout or the sync status by the name of the object, a server by its pod or node ID,
an edge by either of its ends, an unknown name or a cluster by itself.

Without a flag the control plane at 127.0.0.1:15014 is asked. If none listens there, or with
--kubeconfig, --context or --mizzen-namespace, every replica in the cluster is asked through
the API server, and a column names the replica. That needs the right to list pods and to
forward their ports. Standard error names the control planes that are asked.

Exit codes: 0 if every replica answered; 1 if one did not, even if the others' answers are
shown, or if nothing has a name that is given; 2 if the command line makes no sense.`

func newInspect(std stdio) *cobra.Command {
	var flags inspectFlags
	var options inspectOptions
	cmd := &cobra.Command{
		Use:        "inspect clients|resources|problems|sync|servers|policies|clusters|edges|rollouts|unknown [NAME]...",
		SuggestFor: []string{"get", "list", "status", "proxy-status", "proxy-config"},
		Short:      "Show the clients, resources and Problems of a running control plane",
		Long:       inspectHelp,
		Example: `  controlplane inspect clients -n shop
  controlplane inspect clients shop/web-0 -o wide
  controlplane inspect resources --type rds --host cart.shop
  controlplane inspect problems --context kind-mizzen -o yaml
  controlplane inspect sync --by client
  controlplane inspect servers -n shop
  controlplane inspect policies shop/cart -o wide
  controlplane inspect clusters
  controlplane inspect edges --from shop/web --to cart
  controlplane inspect rollouts -o wide
  controlplane inspect unknown -n shop
  controlplane inspect wait --for acknowledged`,
		ValidArgs: []string{listClients, listResources, listProblems, listSync, listServers, listPolicies, listClusters, listEdges, listRollouts, listUnknown},
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 || !isList(args[0]) {
				hint := ""
				if len(args) > 0 {
					hint = didYouMean(args[0], append(subcommands(cmd), cmd.ValidArgs...))
				}
				return usageErrorf(cmd, "one of clients, resources, problems, sync, servers, policies, clusters, edges, rollouts, unknown is needed%s", hint)
			}
			options.names = args[1:]
			if slices.Contains([]string{listProblems, listSync, listPolicies}, args[0]) {
				options.names = joinKinds(options.names)
			}
			return errors.Join(options.validate(cmd, args[0]), flags.validate(cmd))
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return flags.withReplicas(cmd, std, func(ctx context.Context, all replicas) error {
				return options.print(ctx, std, all, options.list(args[0]))
			})
		},
	}
	flags.register(cmd.PersistentFlags())
	flags.registerOlder(cmd.PersistentFlags())
	cmd.AddCommand(newWait(std, &flags))
	options.register(cmd)
	return cmd
}

func isList(name string) bool {
	_, ok := listNamed(name)
	return ok
}

func (o *inspectOptions) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&o.output, "output", "o", outputTable, "form of the output: `"+strings.Join(listOutputs, "|")+"`. wide: more columns; clients, one line for each resource type")
	f.StringVar(&o.by, "by", "object", "what has a line in sync: `object|client`")
	f.BoolVarP(&o.watch, "watch", "w", false, "after the list, print what changes, until interrupted")
	f.StringVarP(&o.namespace, "for-namespace", "n", "", "show only what belongs to this `NAMESPACE`: its clients, or the objects in it")
	f.StringSliceVar(&o.types, "type", nil, "show only these resource types: `"+typeNames("|")+"`; for clients and resources")
	f.StringVar(&o.host, "host", "", "show only what concerns this `HOST`, such as cart, cart.shop or cart.shop:50051; for clients and resources")
	f.StringVar(&o.from, "from", "", "show only the edges from this `WORKLOAD`, such as web or shop/web")
	f.StringVar(&o.to, "to", "", "show only the edges to this `SERVICE`, such as cart, shop/cart or cart.shop")
}

func (o *inspectOptions) validate(cmd *cobra.Command, list string) error {
	if err := o.validateFor(cmd, list); err != nil {
		return err
	}
	switch {
	case !slices.Contains(listOutputs, o.output):
		return usageErrorf(cmd, "unknown output %q: it is one of %s", o.output, strings.Join(listOutputs, ", "))
	case o.by != "object" && o.by != "client":
		return usageErrorf(cmd, "unknown --by %q: it is one of object, client", o.by)
	case cmd.Flags().Changed("for-namespace") && !validNamespace(o.namespace):
		return usageErrorf(cmd, "--for-namespace %q is not a namespace", o.namespace)
	case cmd.Flags().Changed("host") && o.host == "":
		return usageErrorf(cmd, "--host is empty: name a host")
	}
	return o.parse(cmd)
}

// validateFor reports flags that are for other lists.
func (o *inspectOptions) validateFor(cmd *cobra.Command, list string) error {
	named, _ := listNamed(list)
	kind := o.list(list)
	switch {
	case cmd.Flags().Changed("by") && named.path != listDeliveries:
		return usageErrorf(cmd, "--by is for sync")
	case !kind.typed && len(o.types) > 0:
		return usageErrorf(cmd, "--type is for clients and resources")
	case !kind.typed && o.host != "":
		return usageErrorf(cmd, "--host is for clients and resources")
	case named.path != listEdges && o.from+o.to != "":
		return usageErrorf(cmd, "--from and --to are for edges")
	}
	return nil
}

// list returns the list of that name.
func (o *inspectOptions) list(name string) listKind {
	list, _ := listNamed(name)
	if list.path == listDeliveries && o.by == "client" {
		return lists[listClientSync]
	}
	return list
}

// print requests a list from all replicas, and prints it as one.
func (o *inspectOptions) print(ctx context.Context, std stdio, all replicas, list listKind) error {
	o.numbered = numbered(ctx, all, o.host, cmp.Or(o.namespace, "default"))
	if o.watch {
		return o.follow(ctx, std, all, list)
	}
	answered, bodies, last, err := all.fetchAnswered(ctx, std, all.pathOf(list))
	if err != nil {
		return err
	}
	none, unknown := o.unknownNames(ctx, answered, list, bodies)
	if unknown != nil && none {
		return errors.Join(unknown, last)
	}
	text, err := o.format(answered, bodies, list)
	if err != nil {
		return err
	}
	return errors.Join(std.print(text), unknown, last)
}

// format selects items and formats them.
func (o *inspectOptions) format(answered replicas, bodies [][]byte, list listKind) ([]byte, error) {
	for i, body := range bodies {
		var err error
		if bodies[i], err = o.apply(list, body); err != nil {
			return nil, fmt.Errorf("parse the answer of %s: %w", answered.all[i].address, err)
		}
	}
	if list.join != nil {
		body, err := answered.mergeJSON(bodies)
		if err == nil {
			body, err = list.join(body)
		}
		if err != nil {
			return nil, err
		}
		answered.all, bodies = []replica{{}}, [][]byte{body}
	}
	switch o.output {
	case outputJSON, outputYAML:
		body, err := answered.mergeJSON(bodies)
		if err != nil {
			return nil, err
		}
		if o.output == outputYAML {
			return yaml.JSONToYAML(body)
		}
		return indented(body)
	case outputName:
		return answered.names(list, bodies)
	}
	rows, err := answered.merge(list, o.rows(list), bodies)
	if err != nil {
		return nil, err
	}
	return table(rows)
}

func (o *inspectOptions) rows(list listKind) func([]byte) ([][]string, error) {
	if o.output == outputWide {
		return list.wide
	}
	return list.rows
}

// grpcGreeting is in the error of an HTTP/1 client to which an HTTP/2 server sends its settings: a zero length in 24 bits
// begins with zero bytes, in the form in which net/http quotes them.
const grpcGreeting = `malformed HTTP response "\x00\x00`

// errNotReady is returned for a control plane that is starting or shutting down.
var errNotReady = errors.New("is not ready")

// errNoPath is returned for a server that does not have the path.
var errNoPath = errors.New("it is not the admin address of a control plane (see --address), or the control plane is older than this command")

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
	if err != nil && strings.Contains(err.Error(), grpcGreeting) {
		return nil, fmt.Errorf("%s is a gRPC port, such as the xDS port: give the control plane's --admin-address, whose port is usually %d", address, adminPort)
	}
	if err != nil {
		if failed, ok := errors.AsType[*url.Error](err); ok {
			err = failed.Err // without the URL, whose query may be long
		}
		return nil, fmt.Errorf("no control plane answers at %s (set its admin address with --address): %w", address, err)
	}
	body, err := io.ReadAll(response.Body)
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return nil, fmt.Errorf("read the answer of %s: %w", address, err)
	}
	if isWebPage(response) {
		return nil, fmt.Errorf("%s answers with %s: give the control plane's --admin-address with --address, or ask the cluster with --context", address, webPage(response))
	}
	switch response.StatusCode {
	case http.StatusOK:
		return body, nil
	case http.StatusUnauthorized:
		return nil, fmt.Errorf("%s requires a token (see --admin-token): %s", address, bytes.TrimSpace(body))
	case http.StatusServiceUnavailable:
		return nil, fmt.Errorf("%s %w: %s", address, errNotReady, bytes.TrimSpace(body))
	case http.StatusBadRequest, http.StatusForbidden:
		return nil, fmt.Errorf("%s: %s", address, bytes.TrimSpace(body))
	}
	return nil, fmt.Errorf("%s answers %s: %w", address, response.Status, errNoPath)
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

func indented(body []byte) ([]byte, error) {
	var out bytes.Buffer
	if err := json.Indent(&out, bytes.TrimSpace(body), "", "  "); err != nil {
		return nil, fmt.Errorf("parse the answer: %w", err)
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
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

func table(rows [][]string) ([]byte, error) {
	var out bytes.Buffer
	columns := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	var text []byte
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = strings.Map(visible, cell)
		}
		text = fmt.Appendln(text, strings.Join(cells, "\t"))
	}
	if _, err := columns.Write(text); err != nil {
		return nil, fmt.Errorf("lay out the table: %w", err)
	}
	if err := columns.Flush(); err != nil {
		return nil, fmt.Errorf("lay out the table: %w", err)
	}
	return trailingSpace.ReplaceAll(out.Bytes(), nil), nil
}
