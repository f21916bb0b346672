package main

import "github.com/spf13/cobra"

// completeWith completes the values of a flag in the shell.
func completeWith(cmd *cobra.Command, flag string, values ...string) {
	if err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // the command has no such flag: every test that makes the commands finds it
	}
}
