package main

import (
	"log/slog"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"github.com/mizzen-mesh/mizzen/internal/history"
	"github.com/mizzen-mesh/mizzen/internal/lastgood"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
)

// worldFile is the name of the file in --state-dir with the saved World.
const worldFile = "last-good-world"

// stateFlags define what is saved across restarts.
type stateFlags struct {
	dir  string
	wait time.Duration
}

func (f *stateFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.dir, "state-dir", "", "`DIR` to save state in, for a restart while the API server is unavailable")
	cmd.Flags().DurationVar(&f.wait, "state-wait", 5*time.Second, "how long to wait for the API server, and for those of remote clusters, at start before the state in --state-dir is served")
}

func (f *stateFlags) validate(cmd *cobra.Command) error {
	if f.wait < 0 {
		return usageErrorf(cmd, "--state-wait must not be negative")
	}
	return nil
}

// historyFolder is the name of the folder in --state-dir with the history of the configuration.
const historyFolder = "history"

// history returns where generations of the configuration are kept: in a folder of --state-dir if there is a cluster.
func (f *sourceFlags) history(source *openSource, logger *slog.Logger) history.Options {
	out := history.Options{Limits: history.InMemory, Domain: f.mesh.domain, Logger: logger}
	if f.state.dir != "" && source.config != nil {
		out.Limits, out.Dir, out.Cluster = history.OnDisk, filepath.Join(f.state.dir, historyFolder), source.config.Host
	}
	return out
}

// apply configures a source to save its state, and returns the metrics of that. Without --state-dir nothing is saved.
func (f *stateFlags) apply(o *watch.Options, logger *slog.Logger) []prometheus.Collector {
	o.StateWait = f.wait
	if f.dir == "" {
		return nil
	}
	o.ClusterStates = &clusterStates{dir: filepath.Join(f.dir, clustersFolder), logger: logger}
	file := lastgood.New(filepath.Join(f.dir, worldFile), logger)
	o.StateStore = file
	return []prometheus.Collector{file}
}
