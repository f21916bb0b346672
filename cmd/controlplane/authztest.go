package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/mizzen-mesh/mizzen/internal/access"
	"github.com/mizzen-mesh/mizzen/internal/problemformat"
	"github.com/mizzen-mesh/mizzen/pkg/authz"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

func newAuthzTest(std stdio) *cobra.Command {
	var flags authzFlags
	cmd := &cobra.Command{
		Use:   "test CASES.yaml",
		Short: "Test policies with a file of expected verdicts",
		Long: `Decide the calls of a file, and fail if one is not as expected. The file is a list:

  - name: the shop reads carts
    from: shop/web
    to: cart.shop:50051
    method: /shop.Cart/Get
    headers: {x-user: ann}     # optional, as are sourceIP: IP and toLabels: {KEY: VALUE}
    expect: allow              # or deny

One line is printed for each case. With -o json it is a list of {"name": "...", "line": 1,
"expect": "allow", "ok": true, "verdict": {...}}, with the verdict of 'authz explain'. With
-o sarif the cases that fail are printed for code scanning.

Exit codes: 0 if all cases are as expected, 1 if one is not, 2 if the command line or the file
of cases makes no sense or an input cannot be read.`,
		Example: `  controlplane authz test -f DIR cases.yaml
  controlplane authz test -f DIR cases.yaml -o sarif`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageErrorf(cmd, "one file of cases is needed, and -f FILE|DIR with the objects")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return flags.test(cmd, std, args[0])
		},
	}
	flags.register(cmd, "text|json|sarif")
	return cmd
}

// caseResult is what was found for a case.
type caseResult struct {
	Name    string        `json:"name"`
	Line    int           `json:"line"`
	Expect  string        `json:"expect"`
	OK      bool          `json:"ok"`
	Verdict authz.Verdict `json:"verdict"`
}

func (f *authzFlags) test(cmd *cobra.Command, std stdio, file string) error {
	cases, err := readCases(std, file)
	if err != nil {
		return usageErrorf(cmd, "%s: %w", file, err)
	}
	world, err := f.load(cmd, std, "text", "json", "sarif")
	if err != nil {
		return err
	}
	var results []caseResult
	var errs []error
	failed := false
	for _, c := range cases {
		verdict, err := access.Answer(world, c.Question)
		if err != nil {
			errs = append(errs, fmt.Errorf("line %d: to: %w", c.Line, err))
			continue
		}
		r := caseResult{c.Name, c.Line, map[bool]string{true: "allow", false: "deny"}[c.Allow], verdict.Allowed == c.Allow, verdict}
		failed = failed || !r.OK
		results = append(results, r)
	}
	if len(errs) > 0 {
		return usageErrorf(cmd, "%s: %w", file, errors.Join(errs...))
	}
	if err := f.printCases(std, file, results); err != nil {
		return err
	}
	if failed {
		return errFound
	}
	return nil
}

func readCases(std stdio, file string) ([]access.Case, error) {
	read := func() ([]byte, error) { return os.ReadFile(file) }
	if file == stdinPath {
		read = func() ([]byte, error) { return io.ReadAll(std.in) }
	}
	data, err := read()
	if err != nil {
		return nil, err
	}
	return access.ReadCases(data)
}

func (f *authzFlags) printCases(std stdio, file string, results []caseResult) error {
	if f.output == "json" {
		return printJSON(std, results)
	}
	var text []byte
	var problems []mesh.Problem
	for _, r := range results {
		if r.OK {
			text = fmt.Appendf(text, "ok    %s\n", r.Name)
			continue
		}
		message := fmt.Sprintf("The case expects %s, and the call is %s. %s", r.Expect, allowedWord(r.Verdict.Allowed), r.Verdict.Reason)
		text = fmt.Appendf(text, "FAIL  %s (%s:%d): %s\n", r.Name, file, r.Line, message)
		problems = append(problems, mesh.Problem{
			Code: "AuthzCase", Severity: mesh.Error, Object: mesh.Ref{Kind: mesh.KindFile, Name: file}, Field: r.Name, Message: message, Source: fmt.Sprintf("%s:%d", file, r.Line),
		})
	}
	if f.output == "sarif" {
		var err error
		if text, err = problemformat.Write(f.output, problems); err != nil {
			return err
		}
	}
	return std.print(text)
}
