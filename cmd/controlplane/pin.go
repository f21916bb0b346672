package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/mizzen-mesh/mizzen/internal/history"
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

// The bounds of --for. A pin is for an emergency: one that is forgotten hides every edit.
const minPin, maxPin = time.Minute, 30 * 24 * time.Hour

// pinFlags are the flags of pin.
type pinFlags struct {
	plane    inspectFlags
	duration time.Duration
	offline  bool
}

func newPin(std stdio) *cobra.Command {
	flags := pinFlags{duration: time.Hour}
	cmd := &cobra.Command{
		Use:   "pin HOST GENERATION",
		Short: "Print the command that holds the rules for a host as of an earlier generation",
		Long: `Print the command that sets the annotation mizzen.dev/pin on the Service of a host: until the time
in it, clients follow the VirtualServices and DestinationRules for the host as they were in that
generation of the configuration, while endpoints go on. 'controlplane history' shows generations;
write the whole ID.

Every replica is asked whether it has the generation: clients of one that does not would follow the
current rules. The control plane is found as 'inspect' finds it; --offline asks none.

The command is printed and not run: a tool that applies objects from a repository may remove
what is not there. Remove the annotation to end the pin earlier.

Exit codes: 0 if the command is printed; 1 if a replica does not have the generation or does not
answer; 2 if the command line is invalid.`,
		Example: `  controlplane pin cart.shop g-3f2a91c04d
  controlplane pin cart.shop g-3f2a91c04d --for 30m | sh`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := flags.validate(cmd, args); err != nil {
				return err
			}
			if !flags.offline {
				err := flags.plane.withReplicas(cmd, std, func(ctx context.Context, all replicas) error {
					return errors.Join(all.keep(ctx, args[1]), all.inMesh(ctx, args[0]))
				})
				if err != nil {
					return fmt.Errorf("%w; --offline prints the command all the same", err)
				}
			}
			labels, until := hostLabels(args[0]), time.Now().Add(flags.duration).UTC().Format(time.RFC3339)
			_, err := fmt.Fprintf(std.out, "kubectl annotate service %s -n %s --overwrite %s=%s,%s\n", labels[0], labels[1], mesh.AnnotationPin, args[1], until)
			return err
		},
	}
	flags.plane.register(cmd.Flags())
	cmd.Flags().DurationVar(&flags.duration, "for", flags.duration, "how long the rules are held, at most 720h")
	cmd.Flags().BoolVar(&flags.offline, "offline", false, "do not ask whether the control plane has the generation")
	return cmd
}

func (f *pinFlags) validate(cmd *cobra.Command, args []string) error {
	if len(args) != 2 {
		return usageErrorf(cmd, "a host and a generation are needed")
	}
	labels := hostLabels(args[0])
	switch {
	case len(labels) < 2 || len(labels) > 2 && labels[2] != "svc" || slices.ContainsFunc(labels, notLabel):
		return usageErrorf(cmd, "%q is not the host of a Service: write NAME.NAMESPACE", args[0])
	case !generationID.MatchString(args[1]):
		return usageErrorf(cmd, "%q is not the whole ID of a generation: 'controlplane history' shows them, such as g-3f2a91c04d", args[1])
	case f.duration < minPin || f.duration > maxPin:
		return usageErrorf(cmd, "--for must be from 1m to 720h, which is 30 days: a pin hides every edit of the rules")
	case f.offline && f.plane.used(cmd):
		return usageErrorf(cmd, "--offline excludes the flags that name a control plane: none is asked")
	}
	return f.plane.validate(cmd)
}

// inMesh fails if a host has another domain than the Services of a replica.
func (r replicas) inMesh(ctx context.Context, host string) error {
	labels := hostLabels(host)
	if len(labels) <= 3 {
		return nil
	}
	bodies, failures := r.try(ctx, "/api/about")
	for i, body := range bodies {
		var about struct{ Domain string }
		if failures[i] == nil && json.Unmarshal(body, &about) == nil && about.Domain != "" && strings.Join(labels[3:], ".") != about.Domain {
			return fmt.Errorf("%q is not the host of a Service, because the domain of this mesh is %s: write %s.%s", host, about.Domain, labels[0], labels[1])
		}
	}
	return errors.Join(failures...)
}

// keep fails if a replica does not have a generation. The comparison with itself is small, and finds those that pins named, too.
func (r replicas) keep(ctx context.Context, id string) error {
	_, failures := r.try(ctx, history.DiffPath+"?"+url.Values{"from": {id}, "to": {id}}.Encode())
	return errors.Join(failures...)
}
