package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/mizzen-mesh/mizzen/internal/history"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// historyFlags are the flags of history.
type historyFlags struct {
	plane  inspectFlags
	host   string
	output string
	limit  int
}

var historyOutputs = []string{outputTable, outputWide, outputYAML, outputJSON}

func newHistory(std stdio) *cobra.Command {
	var flags historyFlags
	cmd := &cobra.Command{
		Use:   "history",
		Short: "Show what changed in the configuration, by whom, and whom it reached",
		Long: `Show the generations of the configuration, the newest first. A generation begins when an object
from which hosts or rules come differs: a Service, a Route, a VirtualService, a policy, the labels
and annotations of a Namespace that Mizzen reads. Endpoints, pods and nodes begin none.

ID is made of the contents of all objects: it is the same in every replica, and when the objects
are again as they were. GENERATION counts the generations of each replica. BY is the tool that
wrote the object last, such as kubectl-edit or argocd-controller, or the file that has it. Who
used the tool is in the audit log of the API server. CLIENTS are the streams that the change
concerned and that acknowledged it; +2 means that two did not answer yet. -o wide shows every
object and every host.

'diff' compares two generations, and 'rollback' prints the objects of one.

Without --state-dir a control plane keeps the last 100 generations, until it is restarted. The
control plane is found as 'inspect' finds it.

The exit code is 0 if every replica answered, and 1 if one did not or no host has the name that
--host gives. It is 2 if the command line makes no sense.`,
		Example: `  controlplane history
  controlplane history --host cart.shop -o wide
  controlplane history -o json --limit 1`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := flags.validate(cmd); err != nil {
				return err
			}
			return flags.plane.withReplicas(cmd, std, func(ctx context.Context, all replicas) error {
				return flags.print(ctx, std, all)
			})
		},
	}
	flags.plane.register(cmd.Flags())
	f := cmd.Flags()
	f.StringVar(&flags.host, "host", "", "show only what concerns this `HOST`, such as cart or cart.shop")
	f.IntVar(&flags.limit, "limit", 0, "show only the newest `N` generations (default all)")
	f.StringVarP(&flags.output, "output", "o", outputTable, "form of the output: `"+strings.Join(historyOutputs, "|")+"`")
	return cmd
}

func (f *historyFlags) validate(cmd *cobra.Command) error {
	switch {
	case !slices.Contains(historyOutputs, f.output):
		return usageErrorf(cmd, "unknown output %q: it is one of %s", f.output, strings.Join(historyOutputs, ", "))
	case cmd.Flags().Changed("host") && f.host == "":
		return usageErrorf(cmd, "--host is empty: name a host")
	case cmd.Flags().Changed("limit") && f.limit < 1:
		return usageErrorf(cmd, "--limit must be at least 1")
	}
	return f.plane.validate(cmd)
}

func (f *historyFlags) print(ctx context.Context, std stdio, all replicas) error {
	query := url.Values{}
	if f.host != "" {
		query.Set("host", f.host)
	}
	if f.limit > 0 {
		query.Set("limit", strconv.Itoa(f.limit))
	}
	answered, bodies, last, err := all.fetchAnswered(ctx, std, history.Path+"?"+query.Encode())
	if err != nil {
		return err
	}
	rows, err := mergeGenerations(answered, bodies)
	if err != nil {
		return err
	}
	text, err := f.format(rows, len(all.all) > 1)
	if err != nil {
		return err
	}
	err = std.print(text)
	if len(rows) == 0 {
		err = errors.Join(err, knownHost(ctx, answered, f.host))
	}
	return errors.Join(err, last)
}

// knownHost fails if the host of --host names nothing, in any generation or now.
func knownHost(ctx context.Context, all replicas, host string) error {
	if host == "" {
		return nil
	}
	bodies, err := all.fetch(ctx, history.Path+"?"+url.Values{"host": {host}, "limit": {"1"}}.Encode())
	if err != nil || slices.ContainsFunc(bodies, func(body []byte) bool { return string(bytes.TrimSpace(body)) != "[]" }) {
		return nil //nolint:nilerr // whether the host exists is not known
	}
	o := inspectOptions{selection: selection{host: host}}
	return o.unknownHost(ctx, all)
}

func (f *historyFlags) format(rows []generationRow, several bool) ([]byte, error) {
	if f.output == outputTable || f.output == outputWide {
		return table(generationTable(rows, f.output == outputWide, several))
	}
	body, err := json.Marshal(rows)
	if err != nil {
		return nil, err
	}
	if f.output == outputYAML {
		return yaml.JSONToYAML(body)
	}
	return indented(body)
}

// generationRow is a generation of several replicas.
type generationRow struct {
	history.Generation

	// Replicas are the replicas that have it, and Numbers what its number is in each; both are empty if only one was asked.
	Replicas []string `json:"replicas,omitempty"`
	Numbers  []int    `json:"-"`
}

// mergeGenerations makes one row of each generation of several replicas. A generation that came again is another row.
func mergeGenerations(answered replicas, bodies [][]byte) ([]generationRow, error) {
	rows := []generationRow{}
	lists := map[string][]history.Generation{}
	err := eachAnswer(answered, bodies, func(one replica, g history.Generation) error {
		lists[one.address] = append(lists[one.address], g)
		return nil
	})
	for _, one := range answered.all {
		list := lists[one.address]
		at := sameGenerations(rows, list)
		for i, g := range list {
			to, known := at[i]
			if !known {
				to, rows = len(rows), append(rows, generationRow{Generation: g})
			} else {
				rows[to].add(g)
			}
			rows[to].Numbers = append(rows[to].Numbers, g.Number)
			if one.name != "" {
				rows[to].Replicas = append(rows[to].Replicas, one.name)
			}
		}
	}
	if len(bodies) > 1 { // one replica lists them by their numbers: its clock may have been set back
		mesh.SortStableFunc(rows, func(a, b generationRow) int { return b.At.Compare(a.At) })
	}
	return rows, err
}

// sameGenerations returns which row each generation of another replica is, by its index. Replicas may have joined or dropped others before it, so
// what counts is its ID, and which came again the time: the nearest are the same.
func sameGenerations(rows []generationRow, list []history.Generation) map[int]int {
	type pair struct {
		item, row int
		apart     time.Duration
	}
	byID := map[string][]int{}
	for i := range rows {
		byID[rows[i].ID] = append(byID[rows[i].ID], i)
	}
	var pairs []pair
	for i := range list {
		for _, row := range byID[list[i].ID] {
			pairs = append(pairs, pair{i, row, list[i].At.Sub(rows[row].At).Abs()})
		}
	}
	mesh.SortStableFunc(pairs, func(a, b pair) int { return cmp.Compare(a.apart, b.apart) })
	same, taken := map[int]int{}, map[int]bool{}
	for _, p := range pairs {
		if _, found := same[p.item]; !found && !taken[p.row] {
			same[p.item], taken[p.row] = p.row, true
		}
	}
	return same
}

// add adds what another replica says about the generation: its own clients, and the resources to which these subscribe. A replica that was started
// later does not know what changed.
func (r *generationRow) add(g history.Generation) {
	if r.First && !g.First {
		r.First, r.Causes, r.Hosts, r.LeftOut = false, g.Causes, g.Hosts, g.LeftOut
	}
	r.Previous = cmp.Or(r.Previous, g.Previous)
	r.Clients, r.Pending, r.Refused = r.Clients+g.Clients, r.Pending+g.Pending, r.Refused+g.Refused
	if g.At.Before(r.At) {
		r.At = g.At
	}
	r.Current = r.Current || g.Current
	for _, resource := range g.Resources {
		if !slices.Contains(r.Resources, resource) {
			r.Resources = append(r.Resources, resource)
		}
	}
}

// generationTable has a row for each generation; wide, one for each object.
func generationTable(rows []generationRow, wide, several bool) [][]string {
	out := [][]string{{"GENERATION", "ID", "TIME", "WHAT", "BY", "HOSTS", "RESOURCES", "CLIENTS", "REFUSED"}}
	if several {
		out[0] = append(out[0], "REPLICAS")
	}
	for i := range rows {
		r := &rows[i]
		causes := []string{causesText(&r.Generation)}
		by := []string{managersText(r.Causes)}
		hosts := shortList(r.Hosts, 1)
		if wide {
			hosts = cmp.Or(strings.Join(r.Hosts, ","), "-")
			causes, by = eachCause(&r.Generation)
		}
		clients := strconv.Itoa(r.Clients)
		if r.Pending > 0 {
			clients += "+" + strconv.Itoa(r.Pending)
		}
		row := []string{
			numbersText(r.Numbers), r.ID, r.At.Local().Format(time.DateTime), causes[0], by[0], hosts,
			strconv.Itoa(len(r.Resources)), clients, strconv.Itoa(r.Refused),
		}
		if several {
			row = append(row, strings.Join(r.Replicas, ","))
		}
		out = append(out, row)
		for i := range causes[1:] {
			out = append(out, []string{"", "", "", causes[i+1], by[i+1]})
		}
	}
	return out
}

// numbersText are the numbers of a generation in several replicas, each once.
func numbersText(numbers []int) string {
	var texts []string
	for _, n := range slices.Compact(slices.Sorted(slices.Values(numbers))) {
		texts = append(texts, strconv.Itoa(n))
	}
	return strings.Join(texts, ",")
}

// causesText says in a few words what a generation changed.
func causesText(g *history.Generation) string {
	count := len(g.Causes)
	if g.LeftOut != nil {
		count += g.LeftOut.Causes
	}
	switch {
	case g.First:
		return fmt.Sprintf("first read: %d objects", g.Objects)
	case count == 0:
		return "-"
	case count == 1:
		return g.Causes[0].Verb + " " + g.Causes[0].Object.String()
	}
	return fmt.Sprintf("%s %s and %d more", g.Causes[0].Verb, g.Causes[0].Object, count-1)
}

// eachCause has a text for each object that a generation changed, and who changed it.
func eachCause(g *history.Generation) (what, by []string) {
	if g.First || len(g.Causes) == 0 {
		return []string{causesText(g)}, []string{managersText(g.Causes)}
	}
	for _, c := range g.Causes {
		what, by = append(what, c.Verb+" "+c.Object.String()), append(by, cmp.Or(c.Manager, "-"))
	}
	if g.LeftOut != nil && g.LeftOut.Causes > 0 {
		what, by = append(what, fmt.Sprintf("and %d more", g.LeftOut.Causes)), append(by, "")
	}
	return what, by
}

// managersText names the tools that made the changes, each once.
func managersText(causes []history.Cause) string {
	found := map[string]bool{}
	var names []string
	for _, c := range causes {
		if c.Manager != "" && !found[c.Manager] {
			names = append(names, c.Manager)
		}
		found[c.Manager] = true
	}
	slices.Sort(names)
	return shortList(names, 2)
}

// shortList is the first items of a list, and how many more there are.
func shortList(items []string, most int) string {
	switch {
	case len(items) == 0:
		return "-"
	case len(items) > most:
		return fmt.Sprintf("%s and %d more", strings.Join(items[:most], ","), len(items)-most)
	}
	return strings.Join(items, ",")
}
