package main

import (
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func newVersion(std stdio) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  noArgs,
		RunE: func(*cobra.Command, []string) error {
			info, ok := debug.ReadBuildInfo()
			if !ok {
				info = &debug.BuildInfo{}
			}
			return std.print([]byte(describe(info) + "\n"))
		},
	}
}

// describe returns one line: the version of the module, the commit that it was built from, and the version of Go.
func describe(info *debug.BuildInfo) string {
	version, commit, dirty := info.Main.Version, "unknown", ""
	if version == "" || version == "(devel)" {
		version = "unreleased"
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			commit = s.Value
		case "vcs.modified":
			if s.Value == "true" {
				dirty = " (modified)"
			}
		}
	}
	return fmt.Sprintf("controlplane %s, commit %s%s, %s", version, commit, dirty, info.GoVersion)
}
