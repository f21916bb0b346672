package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mizzen-mesh/mizzen/internal/explain"
	"github.com/mizzen-mesh/mizzen/internal/history"
)

// diffFlags are the flags of diff.
type diffFlags struct {
	plane  inspectFlags
	client clientFlags
	// xds compares resources, and pod is the pod of the client that is sent them.
	xds    bool
	pod    string
	host   string
	output string
	// exitCode makes a difference a failure.
	exitCode bool
}

// troubleError ends "diff --exit-code" with the exit code that diff has if it cannot compare.
type troubleError struct{ error }

func (e troubleError) Unwrap() error { return e.error }

func newDiff(std stdio) *cobra.Command {
	var flags diffFlags
	cmd := &cobra.Command{
		Use:   "diff A [B]",
		Short: "Compare two generations of the configuration",
		Long: `Compare the objects of two generations, as YAML, in the form of 'diff -u'. A and B are IDs as
'history' prints them, or their beginnings, or numbers, or current or previous. B is the current
generation if it is left out.

With --xds, resources are compared in place of objects: those that a client is sent, with the
endpoints of now. --as, --pod and the other flags of 'explain' say which client, and imply --xds.
What servers are sent is not compared: 'authz' tells what they decide.

The control plane is found as 'inspect' finds it. Each replica counts by itself: the first one that has
the generations answers.

The exit code is 0 if the generations were compared, and 1 if they cannot be compared or no host
has the name that --host gives. With --exit-code it is 0 if there is no difference, 1 if there is
one, and 2 in these cases, as in 'diff'.`,
		Example: `  controlplane diff previous
  controlplane diff g-3f2a91 current
  controlplane diff 12 14 --host cart.shop
  controlplane diff previous --as shop/web --host cart.shop`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := flags.validate(cmd, args); err != nil {
				return err
			}
			return flags.code(flags.run(cmd, std, args))
		},
	}
	flags.plane.register(cmd.Flags())
	flags.client.register(cmd)
	f := cmd.Flags()
	f.BoolVar(&flags.xds, "xds", false, "compare the resources that a client is sent")
	f.StringVar(&flags.pod, "pod", "", "`NAMESPACE/NAME` of the client's pod, in place of --as and the other flags that describe the client")
	f.StringVar(&flags.host, "host", "", "compare only the objects that name this `HOST`, such as cart or cart.shop")
	f.BoolVar(&flags.exitCode, "exit-code", false, "exit with 1 if there is a difference")
	f.StringVarP(&flags.output, "output", "o", outputText, "form of the output: `text|json`")
	return cmd
}

// code returns the error that ends the command with the right exit code.
func (f *diffFlags) code(err error) error {
	found := errors.Is(err, errFound)
	switch {
	case found && !f.exitCode:
		return nil
	case err == nil || found || !f.exitCode:
		return err
	}
	return troubleError{err}
}

func (f *diffFlags) validate(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) == 0 || len(args) > 2:
		return usageErrorf(cmd, "one or two generations are needed: IDs, numbers, current or previous; 'controlplane history' lists them")
	case f.output != outputText && f.output != outputJSON:
		return usageErrorf(cmd, "unknown output %q: it is one of text, json", f.output)
	case cmd.Flags().Changed("host") && f.host == "":
		return usageErrorf(cmd, "--host is empty: name a host")
	case f.pod != "" && !validPod(f.pod):
		return usageErrorf(cmd, "--pod is NAMESPACE/NAME, not %q", f.pod)
	case f.pod != "" && f.client.used(cmd) != "":
		return usageErrorf(cmd, "--pod excludes --%s: the pod says what its client is", f.client.used(cmd))
	}
	f.xds = f.xds || f.pod != "" || f.client.used(cmd) != ""
	return f.plane.validate(cmd)
}

// query is what to ask.
func (f *diffFlags) query(cmd *cobra.Command, from, to string) (url.Values, error) {
	query := url.Values{}
	if f.xds {
		q := explain.Question{Pod: f.pod}
		var err error
		if q.Client, err = f.client.client(cmd); err != nil {
			return nil, err
		}
		if query, err = url.ParseQuery(q.Query()); err != nil {
			return nil, err
		}
		query.Set("xds", "true")
		query.Del("to")
	}
	query.Set("from", from)
	query.Set("to", to)
	if f.host != "" {
		query.Set("host", f.host)
	}
	return query, nil
}

func (f *diffFlags) run(cmd *cobra.Command, std stdio, args []string) error {
	to := "current"
	if len(args) == 2 {
		to = args[1]
	}
	query, err := f.query(cmd, args[0], to)
	if err != nil {
		return err
	}
	var found *history.Comparison
	err = f.plane.withReplicas(cmd, std, func(ctx context.Context, all replicas) (err error) {
		found, err = compare(ctx, all, query)
		return err
	})
	if err != nil {
		return err
	}
	text := []byte(unifiedText(found))
	if f.output == outputJSON {
		if text, err = json.MarshalIndent(found, "", "  "); err != nil {
			return err
		}
		text = append(text, '\n')
	}
	if err := std.print(text); err != nil {
		return err
	}
	if len(found.Changes) > 0 {
		return errFound
	}
	return nil
}

// compare returns the comparison of the first replica that has both generations.
func compare(ctx context.Context, all replicas, query url.Values) (*history.Comparison, error) {
	bodies, failures := all.try(ctx, history.DiffPath+"?"+query.Encode())
	for i, body := range bodies {
		if failures[i] != nil {
			continue
		}
		found := &history.Comparison{}
		if err := json.Unmarshal(body, found); err != nil {
			return nil, fmt.Errorf("parse the answer of %s: %w", all.all[i].address, err)
		}
		if len(found.Changes) > 0 {
			return found, nil
		}
		return found, knownHost(ctx, all, query.Get("host"))
	}
	return nil, errors.Join(failures...)
}

// unifiedText is a comparison in the form of diff -u.
func unifiedText(c *history.Comparison) string {
	var out strings.Builder
	for i := range c.Changes {
		change := &c.Changes[i]
		name := strings.Map(visible, change.Name())
		before, after := name+"\t"+c.From, name+"\t"+c.To
		if change.Before == "" {
			before = "/dev/null"
		}
		if change.After == "" {
			after = "/dev/null"
		}
		out.WriteString(history.Unified(change.Before, change.After, before, after))
	}
	if c.LeftOut > 0 {
		fmt.Fprintf(&out, "# and %d more; --host selects a part\n", c.LeftOut)
	}
	return out.String()
}
