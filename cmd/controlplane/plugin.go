package main

import (
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

const (
	programName = "controlplane"
	// pluginFile is the name under which kubectl finds this binary for 'kubectl mizzen', and completionFile the name
	// that kubectl runs to complete the words after that. A link with each name is enough.
	pluginFile     = "kubectl-mizzen"
	completionFile = "kubectl_complete-mizzen"
	pluginName     = "kubectl mizzen"
)

// invoked returns the name of the program as users type it, and its arguments.
func invoked(argv []string) (program string, args []string) {
	switch strings.TrimSuffix(filepath.Base(argv[0]), ".exe") {
	case pluginFile:
		return pluginName, argv[1:]
	case completionFile:
		return pluginName, append([]string{cobra.ShellCompRequestCmd}, argv[1:]...)
	}
	return programName, argv[1:]
}

// rename shows another name of the program in the help of all commands.
func rename(root *cobra.Command, program string) {
	if program == programName {
		return
	}
	root.Annotations = map[string]string{cobra.CommandDisplayNameAnnotation: program}
	names := strings.NewReplacer(programName+" ", program+" ")
	var visit func(*cobra.Command)
	visit = func(cmd *cobra.Command) {
		cmd.Long, cmd.Example = names.Replace(cmd.Long), names.Replace(cmd.Example)
		for _, c := range cmd.Commands() {
			visit(c)
		}
	}
	visit(root)
}
