package main

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/mizzen-mesh/mizzen/internal/access"
	"github.com/mizzen-mesh/mizzen/internal/problemformat"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

func newAuthzCoverage(std stdio) *cobra.Command {
	var flags authzFlags
	cmd := &cobra.Command{
		Use:   "coverage [FILE|DIR]...",
		Short: "Show which workloads are encrypted and authorized, and why others are not",
		Long: `Show, for each workload, whether its pods have a certificate, whether they serve by xDS, how
their ports take calls, which policies select them, whether the pods enforce these, and how the
gRPC probes of kubelet reach them. A workload is the pods of a namespace with the same labels.
Pods that have finished or are being deleted do not count. A Service whose pods are not in the
files is shown by its selector.

With -o json it is a list of {"namespace": "shop", "labels": "app=cart", "pods": 2, "accounts":
["cart"], "identity": true, "xds": true, "mode": "STRICT", "ports": {"50051": "mTLS"},
"policies": ["shop/cart"], "dryRun": [], "enforceable": true, "reason": "", "probes": "..."}.
ports has the ports that EndpointSlices name: plaintext, mTLS or closed. With -o sarif the
workloads that do not enforce policies are printed for code scanning.

Exit codes: 0 if the table is printed, 2 if the command line makes no sense or the objects cannot
be read.`,
		Example: `  controlplane authz coverage -f DIR
  controlplane authz coverage -f DIR -o json`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			flags.input.paths = append(flags.input.paths, args...)
			world, err := flags.load(cmd, std, "text", "json", "sarif")
			if err != nil {
				return err
			}
			workloads := access.Cover(world)
			switch flags.output {
			case "json":
				return printJSON(std, workloads)
			case "sarif":
				text, err := problemformat.Write(flags.output, uncovered(world, workloads))
				if err != nil {
					return err
				}
				return std.print(text)
			}
			return std.print(coverageTable(workloads))
		},
	}
	flags.register(cmd, "text|json|sarif")
	return cmd
}

// uncovered are the workloads that do not enforce policies, as Problems.
func uncovered(world *mesh.World, workloads []access.Workload) []mesh.Problem {
	var problems []mesh.Problem
	for _, w := range workloads {
		if w.Enforceable {
			continue
		}
		problems = append(problems, mesh.Problem{
			Code: "AuthzCoverage", Severity: mesh.Warning, Object: w.Object, Source: world.Locate(w.Object, "").Source,
			Message: fmt.Sprintf("Pods with %s: %s", cmp.Or(w.Labels, "no labels"), w.Reason),
		})
	}
	return problems
}

// coverageTable has a line for each workload. Sentences are notes below the table, so that its lines stay short.
func coverageTable(workloads []access.Workload) []byte {
	var out bytes.Buffer
	var notes []string
	note := func(word, text string) string {
		at := slices.Index(notes, text)
		if at < 0 {
			at, notes = len(notes), append(notes, text)
		}
		return fmt.Sprintf("%s [%d]", word, at+1)
	}
	table := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "NAMESPACE\tLABELS\tPODS\tIDENTITY\tXDS\tMODE\tPORTS\tPOLICIES\tENFORCED\tPROBES")
	covered := 0
	for _, w := range workloads {
		enforced, probes := "yes", w.Probes
		if w.Reason != "" {
			enforced = note("no", w.Reason)
		}
		if w.Enforceable {
			covered++
		}
		if unknown, why, ok := strings.Cut(w.Probes, ": "); ok {
			probes = note(unknown, strings.ToUpper(why[:1])+why[1:]+".")
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", w.Namespace, shownLabels(w), w.Pods, yesNo(w.Identity), yesNo(w.XDS), w.Mode,
			portList(w.Ports), cmp.Or(strings.Join(w.Policies, " "), "-"), enforced, probes)
	}
	_ = table.Flush()
	for i, text := range notes {
		_, _ = fmt.Fprintf(&out, "[%d] %s\n", i+1, text)
	}
	_, _ = fmt.Fprintf(&out, "%d of %s can enforce policies\n", covered, plural(len(workloads), "workload"))
	return out.Bytes()
}

// shownLabels are the labels of a workload without those that the columns IDENTITY and XDS state.
func shownLabels(w access.Workload) string {
	all := slices.DeleteFunc(strings.Split(w.Labels, ","), func(label string) bool {
		return label == mesh.LabelIdentity+"="+mesh.IdentitySPIFFE || label == mesh.LabelServer+"="+mesh.ServerXDS
	})
	return cmp.Or(strings.Join(all, ","), "-")
}

// portList writes how ports take calls, by number.
func portList(ports map[string]string) string {
	var all []string
	for _, port := range slices.SortedFunc(maps.Keys(ports), func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) }) {
		all = append(all, port+" "+ports[port])
	}
	return cmp.Or(strings.Join(all, ", "), "-")
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
