package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// generationID is a whole ID. The printed command outlives this one, and the beginning of an ID may by then be that of several.
var generationID = regexp.MustCompile(`^g-[0-9a-f]{10}$`)

// hostLabels returns the labels of a host without its port.
func hostLabels(host string) []string {
	host, _, _ = strings.Cut(strings.ToLower(host), ":")
	return strings.Split(strings.TrimSuffix(host, "."), ".")
}

// notLabel reports whether a text is no DNS label. A shell reads a label as what it is: what is printed is also for one.
func notLabel(text string) bool { return len(validation.IsDNS1123Label(text)) > 0 }

func newPin(std stdio) *cobra.Command {
	duration := time.Hour
	cmd := &cobra.Command{
		Use:   "pin HOST GENERATION",
		Short: "Print the command that holds the rules for a host as of an earlier generation",
		Long: `Print the command that sets the annotation mizzen.dev/pin on the Service of a host: until the time
in it, clients follow the VirtualServices and DestinationRules for the host as they were in that
generation of the configuration, while endpoints go on. 'controlplane history' shows generations;
write the whole ID.

The command is printed and not run: a tool that applies objects from a repository may remove
what is not there. Remove the annotation to end the pin earlier.

Exit codes: 0 if the command is printed; 2 if the command line is invalid.`,
		Example: `  controlplane pin cart.shop g-3f2a91c04d
  controlplane pin cart.shop g-3f2a91c04d --for 30m | sh`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usageErrorf(cmd, "a host and a generation are needed")
			}
			labels := hostLabels(args[0])
			switch {
			case len(labels) < 2 || len(labels) > 2 && labels[2] != "svc" || slices.ContainsFunc(labels, notLabel):
				return usageErrorf(cmd, "%q is not the host of a Service: write NAME.NAMESPACE", args[0])
			case !generationID.MatchString(args[1]):
				return usageErrorf(cmd, "%q is not the whole ID of a generation: 'controlplane history' shows them, such as g-3f2a91c04d", args[1])
			case duration < time.Minute:
				return usageErrorf(cmd, "--for must be at least 1m")
			}
			until := time.Now().Add(duration).UTC().Format(time.RFC3339)
			_, err := fmt.Fprintf(std.out, "kubectl annotate service %s -n %s --overwrite %s=%s,%s\n", labels[0], labels[1], mesh.AnnotationPin, args[1], until)
			return err
		},
	}
	cmd.Flags().DurationVar(&duration, "for", duration, "how long the rules are held")
	return cmd
}
