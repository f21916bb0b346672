package main

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/mizzen-mesh/mizzen/internal/access"
	"github.com/mizzen-mesh/mizzen/pkg/authz"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// authzExplainFlags describe one call.
type authzExplainFlags struct {
	authzFlags
	from, to, method, sourceIP, toLabels string
	headers                              []string
}

func newAuthzExplain(std stdio) *cobra.Command {
	var flags authzExplainFlags
	cmd := &cobra.Command{
		Use:   "explain [FILE|DIR]...",
		Short: "Show whether a call is allowed, and which rule decides",
		Long: `Decide one call. If the pods of the Service differ, it is allowed only if all of them allow it.

With -o json the answer is {"allowed": true, "action": "ALLOW", "policy": "shop/cart", "rule": 0,
"reason": "..."}. action is ALLOW or DENY, that of the policy that matched the call, or none if
none matched; then policy is empty. Rules count from 0.

Exit codes: 0 if the call is allowed, 1 if it is denied, 2 if the command line makes no sense or
an input cannot be read.`,
		Example: `  controlplane authz explain -f DIR --from shop/web --to cart.shop:50051 --method /shop.Cart/Get
  controlplane authz explain -f DIR --from shop/web --to cart:grpc --method /shop.Cart/Get \
    --header x-user=ann --source-ip 10.0.0.7 --to-labels version=v2 -o json`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			flags.input.paths = append(flags.input.paths, args...)
			return flags.run(cmd, std)
		},
	}
	flags.register(cmd, "text|json")
	f := cmd.Flags()
	f.StringVar(&flags.from, "from", "", "service account of the caller: `NAMESPACE/ACCOUNT`")
	f.StringVar(&flags.to, "to", "", "what the caller dials, without xds:///: `HOST:PORT`")
	f.StringVar(&flags.method, "method", "", "full name of the method: `/PACKAGE.SERVICE/METHOD`")
	f.StringArrayVar(&flags.headers, "header", nil, "metadata of the call, `NAME=VALUE`; may be repeated")
	f.StringVar(&flags.sourceIP, "source-ip", "", "`IP` of the caller; without it, conditions on IPs deny")
	f.StringVar(&flags.toLabels, "to-labels", "", "only the pods of the Service with these labels, or pods that are not in the files, as their Service may be: `KEY=VALUE,...`")
	return cmd
}

func (f *authzExplainFlags) run(cmd *cobra.Command, std stdio) error {
	q, err := f.question(cmd)
	if err != nil {
		return err
	}
	world, err := f.load(cmd, std, "text", "json")
	if err != nil {
		return err
	}
	verdict, err := access.Answer(world, q)
	if err != nil {
		return usageErrorf(cmd, "--to: %w", err)
	}
	if f.output == "json" {
		err = printJSON(std, verdict)
	} else {
		err = std.print([]byte(verdictText(world, q, verdict)))
	}
	if err == nil && !verdict.Allowed {
		return errFound
	}
	return err
}

func (f *authzExplainFlags) question(cmd *cobra.Command) (q access.Question, err error) {
	for _, name := range []string{"from", "to", "method"} {
		if !cmd.Flags().Changed(name) {
			return q, usageErrorf(cmd, "--%s is needed: %s", name, strings.ReplaceAll(cmd.Flags().Lookup(name).Usage, "`", ""))
		}
	}
	q = access.Question{To: strings.TrimPrefix(f.to, "xds:///"), Method: f.method, Headers: map[string]string{}}
	if q.From, err = access.ParseAccount(f.from); err != nil {
		return q, usageErrorf(cmd, "--from: %w", err)
	}
	for _, header := range f.headers {
		name, value, ok := strings.Cut(header, "=")
		if !ok {
			return q, usageErrorf(cmd, "invalid --header %q: it has the form NAME=VALUE", header)
		}
		q.AddHeader(name, value)
	}
	if cmd.Flags().Changed("source-ip") {
		if q.SourceIP, err = netip.ParseAddr(f.sourceIP); err != nil {
			return q, usageErrorf(cmd, "--source-ip %q is not an IP address", f.sourceIP)
		}
	}
	if cmd.Flags().Changed("to-labels") {
		if q.ToLabels, err = labels.ConvertSelectorToLabelsMap(f.toLabels); err != nil || len(q.ToLabels) == 0 {
			return q, usageErrorf(cmd, "--to-labels %q has not the form KEY=VALUE,...", f.toLabels)
		}
		if len(q.ToLabels) < strings.Count(f.toLabels, "=") {
			return q, usageErrorf(cmd, "--to-labels %q has a key twice", f.toLabels)
		}
	}
	if err := q.Validate(); err != nil {
		return q, usageError{cmd, err}
	}
	return q, nil
}

// verdictText writes a verdict for people.
func verdictText(world *mesh.World, q access.Question, v authz.Verdict) string {
	text := fmt.Sprintf("%s: %s calls %s of %s\n", allowedWord(v.Allowed), q.From, q.Method, q.To)
	if v.Policy != "" {
		namespace, name, _ := strings.Cut(v.Policy, "/")
		rule := world.Locate(mesh.Ref{Kind: "AuthorizationPolicy", Namespace: namespace, Name: name}, fmt.Sprintf("spec.rules[%d]", v.Rule))
		text += fmt.Sprintf("  by: %s\n", rule)
	}
	return text + fmt.Sprintf("  %s\n", v.Reason)
}

func allowedWord(allowed bool) string {
	if allowed {
		return "allowed"
	}
	return "denied"
}
