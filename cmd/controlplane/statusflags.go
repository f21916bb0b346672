package main

import (
	"cmp"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/mizzen-mesh/mizzen/internal/status"
)

// The values of --write-status.
const (
	writeAuto = "auto"
	writeOn   = "on"
	writeOff  = "off"
)

const (
	// defaultNamespace is the namespace in which the manifests install Mizzen.
	defaultNamespace = "mizzen-system"
	leaseName        = "mizzen"
	// apiTimeout limits a request for one object.
	apiTimeout = 10 * time.Second
)

// statusFlags define whether conditions and Events are written.
type statusFlags struct{ write, lease string }

func (f *statusFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.write, "write-status", writeAuto,
		"write conditions and Events of the objects that are read, such as Routes and VirtualServices: `auto|on|off`. auto: inside a cluster; on: with --kubeconfig, too")
	cmd.Flags().StringVar(&f.lease, "lease", "", "`NAMESPACE/NAME` of the Lease; only the replica that owns it writes status (default mizzen in the pod's namespace, else in mizzen-system)")
}

func (f *statusFlags) validate(cmd *cobra.Command) error {
	if f.write != writeAuto && f.write != writeOn && f.write != writeOff {
		return usageErrorf(cmd, "unknown --write-status %q: it is one of auto, on, off", f.write)
	}
	if namespace, name, ok := strings.Cut(f.lease, "/"); f.lease != "" && (!ok || namespace == "" || name == "" || strings.Contains(name, "/")) {
		return usageErrorf(cmd, "--lease is NAMESPACE/NAME, not %q", f.lease)
	}
	return nil
}

// writes reports whether status is written to a cluster.
func (f *statusFlags) writes(inCluster bool) bool {
	return f.write == writeOn || f.write == writeAuto && inCluster
}

// writer returns the options for a writer to the cluster that the source reads; nil if nothing is to be written.
func (f *statusFlags) writer(source *openSource, namespaces []string, logger *slog.Logger) (*status.Options, error) {
	if source.config == nil || !f.writes(source.inCluster) {
		return nil, nil
	}
	config := rest.CopyConfig(source.config)
	config.QPS = -1 // The writer limits its own requests.
	config.Timeout = apiTimeout
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("write to the cluster: %w", err)
	}
	lease := cmp.Or(f.lease, cmp.Or(ownNamespace(), defaultNamespace)+"/"+leaseName)
	namespace, name, _ := strings.Cut(lease, "/")
	return &status.Options{
		Dynamic: client, Namespaces: namespaces, LeaseNamespace: namespace, LeaseName: name, Identity: ownName(), Logger: logger,
	}, nil
}

// ownNamespace returns the namespace of the pod in which this process runs; empty outside of a pod.
func ownNamespace() string {
	if namespace := os.Getenv("POD_NAMESPACE"); namespace != "" {
		return namespace
	}
	data, err := os.ReadFile("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}

// ownName identifies this process among those that compete for the Lease.
func ownName() string {
	if name := os.Getenv("POD_NAME"); name != "" {
		return name
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s-%d", host, os.Getpid())
}
