package main

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// generationID is a whole ID. The printed command outlives this one, and the beginning of an ID may by then be that of several.
var generationID = regexp.MustCompile(`^g-[0-9a-f]{10}$`)

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
			name, rest, _ := strings.Cut(args[0], ".")
			namespace, _, _ := strings.Cut(rest, ".")
			switch {
			case name == "" || namespace == "" || strings.ContainsAny(args[0], " /*'"):
				return usageErrorf(cmd, "%q is not the host of a Service: write NAME.NAMESPACE", args[0])
			case !generationID.MatchString(args[1]):
				return usageErrorf(cmd, "%q is not the whole ID of a generation: 'controlplane history' shows them, such as g-3f2a91c04d", args[1])
			case duration < time.Minute:
				return usageErrorf(cmd, "--for must be at least 1m")
			}
			until := time.Now().Add(duration).UTC().Format(time.RFC3339)
			_, err := fmt.Fprintf(std.out, "kubectl annotate service %s -n %s --overwrite %s=%s,%s\n", name, namespace, mesh.AnnotationPin, args[1], until)
			return err
		},
	}
	cmd.Flags().DurationVar(&duration, "for", duration, "how long the rules are held")
	return cmd
}
