package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mizzen-mesh/mizzen/internal/explain"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// explainFlags are the flags of explain, before they are parsed.
type explainFlags struct {
	input   inputFlags
	client  clientFlags
	to      string
	call    string
	headers []string
	address string
	token   string
	output  string
}

func newExplain(std stdio) *cobra.Command {
	var flags explainFlags
	cmd := &cobra.Command{
		Use:   "explain [FILE|DIR]...",
		Short: "Show which route a call takes, and why",
		Long: `Follow one call as its client would: which listener answers, which routes were tried and
why each did not match, which clusters get the calls, and which endpoints they have, each
with the objects that it came from.

The objects come from files, or from a running control plane.`,
		Example: `  controlplane explain -f manifests/demo --as demo --to greeter --call /helloworld.Greeter/SayHello
  controlplane explain --address 127.0.0.1:15014 --as shop/web --to cart.shop:grpc \
    --call /cart.Cart/Add --header x-user=ann`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			flags.input.paths = append(flags.input.paths, args...)
			return runExplain(cmd, std, &flags)
		},
	}
	flags.input.register(cmd)
	flags.client.register(cmd)
	f := cmd.Flags()
	f.StringVar(&flags.to, "to", "", "what the client dials, without xds:///: `HOST[:PORT]`")
	f.StringVar(&flags.call, "call", "", "the full name of the method: `/PACKAGE.SERVICE/METHOD`")
	f.StringArrayVar(&flags.headers, "header", nil, "metadata of the call, `NAME=VALUE`; may be repeated")
	f.StringVar(&flags.address, "address", "", "ask the control plane with this --admin-address, `HOST:PORT`, instead of reading files")
	f.StringVar(&flags.token, flagAdminToken, "", "`FILE` with the token that --address requires")
	f.StringVarP(&flags.output, "output", "o", "text", "form of the output: `text|json`")
	return cmd
}

func runExplain(cmd *cobra.Command, std stdio, flags *explainFlags) error {
	question, err := flags.question(cmd)
	if err != nil {
		return err
	}
	answer, err := flags.answer(cmd, std, question)
	if err != nil {
		return err
	}
	if flags.output == "text" {
		return std.print([]byte(answer.Text()))
	}
	text, err := json.MarshalIndent(answer, "", "  ")
	if err != nil {
		return err
	}
	return std.print(append(text, '\n'))
}

func (f *explainFlags) question(cmd *cobra.Command) (explain.Question, error) {
	q := explain.Question{To: strings.TrimPrefix(f.to, "xds:///"), Call: f.call, Headers: map[string]string{}}
	switch {
	case q.To == "":
		return q, usageErrorf(cmd, "--to HOST[:PORT] is needed: what the client dials")
	case !strings.HasPrefix(f.call, "/") || strings.Count(f.call, "/") != 2:
		return q, usageErrorf(cmd, "--call is needed in the form /PACKAGE.SERVICE/METHOD, not %q", f.call)
	case (f.address == "") == (len(f.input.paths) == 0):
		return q, usageErrorf(cmd, "one of -f and --address is needed: where the objects are")
	case f.address != "" && cmd.Flags().Changed(flagNamespace):
		return q, usageErrorf(cmd, "--%s is for objects in files and needs -f: write the namespace of the client in --as", flagNamespace)
	case f.output != "text" && f.output != "json":
		return q, usageErrorf(cmd, "unknown output %q: it is one of text, json", f.output)
	}
	for _, header := range f.headers {
		name, value, ok := strings.Cut(header, "=")
		if !ok || name == "" {
			return q, usageErrorf(cmd, "invalid --header %q: it has the form NAME=VALUE", header)
		}
		q.Set(name, value)
	}
	var err error
	q.Client, err = f.client.client(cmd)
	return q, err
}

func (f *explainFlags) answer(cmd *cobra.Command, std stdio, q explain.Question) (*explain.Answer, error) {
	if f.address == "" {
		world, err := f.input.load(cmd, std)
		if err != nil {
			return nil, err
		}
		return explain.Explain(snapshot.New(world), q)
	}
	body, err := fetch(cmd.Context(), f.address, f.token, explain.Path+"?"+q.Query())
	if err != nil {
		return nil, err
	}
	answer := &explain.Answer{}
	if err := json.Unmarshal(body, answer); err != nil {
		return nil, fmt.Errorf("parse the answer of %s: %w", f.address, err)
	}
	return answer, nil
}
