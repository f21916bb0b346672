package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mizzen-mesh/mizzen/internal/history"
)

// diffFlags are the flags of diff.
type diffFlags struct {
	plane  inspectFlags
	host   string
	output string
}

// troubleError ends diff with the exit code that diff has if it cannot compare.
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

The control plane is found as 'inspect' finds it. Each replica counts by itself: the first one that has
the generations answers.

As in diff, the exit code is 0 if there is no difference, and 1 if there is one. It is 2 if the
generations cannot be compared, or if the command line makes no sense.`,
		Example: `  controlplane diff previous
  controlplane diff g-3f2a91 current
  controlplane diff 12 14 --host cart.shop`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := flags.validate(cmd, args); err != nil {
				return err
			}
			return trouble(flags.run(cmd, std, args))
		},
	}
	flags.plane.register(cmd.Flags())
	f := cmd.Flags()
	f.StringVar(&flags.host, "host", "", "compare only the objects that name this `HOST`, such as cart or cart.shop")
	f.StringVarP(&flags.output, "output", "o", outputText, "form of the output: `text|json`")
	return cmd
}

// trouble is an error of diff other than a difference.
func trouble(err error) error {
	if err == nil || errors.Is(err, errFound) {
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
	}
	return f.plane.validate(cmd)
}

func (f *diffFlags) run(cmd *cobra.Command, std stdio, args []string) error {
	to := "current"
	if len(args) == 2 {
		to = args[1]
	}
	query := url.Values{"from": {args[0]}, "to": {to}}
	if f.host != "" {
		query.Set("host", f.host)
	}
	var found *history.Comparison
	err := f.plane.withReplicas(cmd, std, func(ctx context.Context, all replicas) (err error) {
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
		return found, nil
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
	return out.String()
}
