package main

import (
	"bytes"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/mizzen-mesh/mizzen/internal/access"
)

func newAuthzMatrix(std stdio) *cobra.Command {
	var flags authzFlags
	var accounts []string
	cmd := &cobra.Command{
		Use:   "matrix [FILE|DIR]...",
		Short: "Show which accounts may call which methods of which Services",
		Long: `Decide the calls of all service accounts to all Services. Pods and policies name the accounts,
and --account adds others. The methods are the paths that policies name, and * for a method that
no policy names. The calls have no headers, and the IP of the caller is not known, so that
conditions on it deny.

With -o json the matrix is {"methods": ["/shop.Cart/Get", "*"], "entries": [{"from": "shop/web",
"to": "cart.shop:50051", "allowed": ["*"]}]}. There is an entry for each account and each port of
each Service. allowed is empty if the account may call nothing.

Exit codes: 0 if the matrix is printed, 2 if the command line makes no sense or the objects cannot
be read.`,
		Example: `  controlplane authz matrix -f DIR
  controlplane authz matrix -f DIR --account shop/new -o json`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			flags.input.paths = append(flags.input.paths, args...)
			added, err := accountsOf(cmd, "account", accounts)
			if err != nil {
				return err
			}
			world, err := flags.load(cmd, std, "text", "json")
			if err != nil {
				return err
			}
			matrix := access.MakeMatrix(world, added)
			if flags.output == "json" {
				return printJSON(std, matrix)
			}
			return std.print(matrixTable(matrix))
		},
	}
	flags.register(cmd, "text|json")
	cmd.Flags().StringSliceVar(&accounts, "account", nil, "another account to show: `NAMESPACE/ACCOUNT`; may be repeated")
	return cmd
}

func matrixTable(m access.Matrix) []byte {
	var out bytes.Buffer
	table := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "FROM\tTO\tMETHODS")
	for _, e := range m.Entries {
		methods := strings.Join(e.Allowed, " ")
		switch {
		case methods == "":
			methods = "-"
		case len(e.Allowed) == len(m.Methods):
			methods = "all"
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\n", e.From, e.To, methods)
	}
	_ = table.Flush()
	return out.Bytes()
}
