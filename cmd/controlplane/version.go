package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"runtime/debug"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
)

// versionTimeout limits the search for replicas: the version of this binary is known without them.
const versionTimeout = 5 * time.Second

// versions is what 'version -o json' prints.
type versions struct {
	Client   string           `json:"client"`
	Replicas []replicaVersion `json:"replicas"`
}

type replicaVersion struct {
	Replica string `json:"replica"`
	Version string `json:"version"`
}

func newVersion(std stdio) *cobra.Command {
	var flags inspectFlags
	var only bool
	var output string
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the versions of this binary and of the control plane",
		Long: `Print the version of this binary, and the versions of the replicas of the control plane, which
is found as 'inspect' finds it. Different versions are a warning on standard error.

Exit codes: 0, even if no control plane is found, unless a flag names it; then 1.`,
		Example: `  controlplane version
  controlplane version --client
  controlplane version --context kind-mizzen -o json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case output != outputText && output != outputJSON:
				return usageErrorf(cmd, "unknown output %q: it is one of text, json", output)
			case only && flags.used(cmd):
				return usageErrorf(cmd, "--client excludes the flags that name a control plane")
			}
			if err := flags.validate(cmd); err != nil {
				return err
			}
			found := versions{Client: ownBuild().String(), Replicas: []replicaVersion{}}
			if only {
				return found.print(std, output)
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), versionTimeout)
			defer cancel()
			cmd.SetContext(ctx)
			err := flags.withReplicas(cmd, std, func(ctx context.Context, all replicas) (err error) {
				found.Replicas, err = all.versions(ctx, std)
				return err
			})
			if err != nil && !flags.used(cmd) {
				std.printErr("no version of a control plane: %v\n", err)
				err = nil
			}
			found.warn(std)
			return errors.Join(found.print(std, output), err)
		},
	}
	flags.register(cmd.Flags())
	cmd.Flags().BoolVar(&only, "client", false, "print only the version of this binary")
	cmd.Flags().StringVarP(&output, "output", "o", outputText, "form of the output: `text|json`")
	return cmd
}

func (v versions) print(std stdio, output string) error {
	if output == outputJSON {
		text, err := json.MarshalIndent(v, "", "  ")
		if err != nil {
			return err
		}
		return std.print(append(text, '\n'))
	}
	text := fmt.Appendf(nil, "controlplane %s\n", v.Client)
	for _, r := range v.Replicas {
		text = fmt.Appendf(text, "replica %s %s\n", r.Replica, r.Version)
	}
	return std.print(text)
}

// warn prints which versions differ. The version of Go does not matter.
func (v versions) warn(std stdio) {
	for i, r := range v.Replicas {
		if i > 0 && withoutGo(r.Version) != withoutGo(v.Replicas[0].Version) {
			std.printErr("warning: replicas have different versions: %s has %s, %s has %s\n", v.Replicas[0].Replica, v.Replicas[0].Version, r.Replica, r.Version)
			return
		}
	}
	if len(v.Replicas) > 0 && withoutGo(v.Replicas[0].Version) != withoutGo(v.Client) {
		std.printErr("warning: this binary has another version than the control plane\n")
	}
}

// withoutGo returns a version without the version of Go; empty for the text of an unknown version.
func withoutGo(version string) string {
	i := strings.LastIndex(version, ", go")
	return version[:max(i, 0)]
}

// buildInfoLine finds the metric with the version among the metrics of a control plane.
var buildInfoLine = regexp.MustCompile(`(?m)^mizzen_build_info\{commit="([^"]*)",go_version="([^"]*)",version="([^"]*)"\} 1$`)

// versions asks the replicas for their versions, in metrics, which need no token.
func (r replicas) versions(ctx context.Context, std stdio) ([]replicaVersion, error) {
	answered, bodies, last, err := r.fetchAnswered(ctx, std, "/metrics")
	if err != nil {
		return []replicaVersion{}, err
	}
	all := make([]replicaVersion, len(bodies))
	for i, body := range bodies {
		one := answered.all[i]
		all[i] = replicaVersion{cmp.Or(one.name, one.address), "unknown: it is older than this binary"}
		if found := buildInfoLine.FindSubmatch(body); found != nil {
			all[i].Version = build{version: string(found[3]), commit: string(found[1]), goVersion: string(found[2])}.String()
		}
	}
	return all, last
}

// addVersionFlag adds --version, which prints the version in cobra's own words: a template would link text/template, and the
// binary would grow by a third. The flag has no short form because -v is the verbosity of many tools.
func addVersionFlag(root *cobra.Command) {
	root.Version = ownBuild().String()
	root.Flags().Bool("version", false, "print the version")
}

// build is where a binary comes from.
type build struct{ version, commit, goVersion string }

// ownBuild describes this binary.
func ownBuild() build {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	return buildOf(info)
}

// buildOf returns the version of the module, the commit that it was built from, and the version of Go.
func buildOf(info *debug.BuildInfo) build {
	b := build{info.Main.Version, "unknown", info.GoVersion}
	if b.version == "" || b.version == "(devel)" {
		b.version = "unreleased"
	}
	dirty := ""
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.commit = s.Value
		case "vcs.modified":
			if s.Value == "true" {
				dirty = " (modified)"
			}
		}
	}
	b.commit += dirty
	return b
}

// String returns one line.
func (b build) String() string {
	return fmt.Sprintf("%s, commit %s, %s", b.version, b.commit, b.goVersion)
}

// buildInfo is the metric with the version of this binary.
func buildInfo() prometheus.Collector {
	own := ownBuild()
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "mizzen_build_info",
		Help: "1, labeled with the version, the commit and the version of Go of the control plane.",
		ConstLabels: prometheus.Labels{
			"version": own.version, "commit": own.commit, "go_version": own.goVersion,
		},
	}, func() float64 { return 1 })
}
