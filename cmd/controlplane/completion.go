package main

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// completeWith completes the values of a flag in the shell.
func completeWith(cmd *cobra.Command, flag string, values ...string) {
	completeBy(cmd, flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}

func completeBy(cmd *cobra.Command, flag string, complete cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, complete); err != nil {
		panic(err) // the command has no such flag: every test that makes the commands finds it
	}
}

// choices is the form in which the help of a flag lists its values.
var choices = regexp.MustCompile(`^[a-z]+(\|[a-z]+)+$`)

// completers complete flags whose values are known, by the name of the flag.
var completers = map[string]cobra.CompletionFunc{
	flagContext: contexts,
	"exclude":   cobra.FixedCompletions(codeNames(), cobra.ShellCompDirectiveNoFileComp),
}

// completeChoices completes every flag that has a completer, and every flag whose help lists its values, such as text|json.
func completeChoices(root *cobra.Command) {
	for _, cmd := range root.Commands() {
		complete := func(flag *pflag.Flag) {
			form, _ := pflag.UnquoteUsage(flag)
			_, done := cmd.GetFlagCompletionFunc(flag.Name)
			switch {
			case done:
			case completers[flag.Name] != nil:
				completeBy(cmd, flag.Name, completers[flag.Name])
			case choices.MatchString(form):
				completeWith(cmd, flag.Name, strings.Split(form, "|")...)
			}
		}
		cmd.Flags().VisitAll(complete)
		cmd.PersistentFlags().VisitAll(complete)
		completeChoices(cmd)
	}
}

// contexts completes the contexts of the kubeconfig, as kubectl finds it.
func contexts(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = cmd.Flag(flagKubeconfig).Value.String()
	config, err := rules.Load()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return slices.Sorted(maps.Keys(config.Contexts)), cobra.ShellCompDirectiveNoFileComp
}

// completeClientKinds completes --client with the client kinds, after which the version is typed.
func completeClientKinds(cmd *cobra.Command) {
	var kinds []string
	for _, kind := range mesh.AllClientKinds.All() {
		if kind != mesh.UnknownClient {
			kinds = append(kinds, kind.String())
		}
	}
	completeBy(cmd, flagClient, cobra.FixedCompletions(kinds, cobra.ShellCompDirectiveNoFileComp|cobra.ShellCompDirectiveNoSpace))
}

// completeTargets completes --to with the hosts of the files, and their ports.
func completeTargets(cmd *cobra.Command, std stdio, input *inputFlags) {
	completeBy(cmd, "to", func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(input.paths) == 0 || slices.Contains(input.paths, stdinPath) {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		world, err := input.load(cmd, std)
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		var targets []string
		for _, service := range world.Services.All() {
			host := service.Host
			short := strings.TrimSuffix(host, ".svc."+world.Domain)
			targets = append(targets, short)
			for _, port := range service.Ports {
				targets = append(targets, short+":"+strconv.Itoa(int(port.Number)))
			}
		}
		slices.Sort(targets)
		return targets, cobra.ShellCompDirectiveNoFileComp
	})
}
