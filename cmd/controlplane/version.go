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
			return std.print([]byte("controlplane " + ownVersion() + "\n"))
		},
	}
}

// addVersionFlag adds --version, which prints the version in cobra's own words: a template would link text/template, and the
// binary would grow by a third. The flag has no short form because -v is the verbosity of many tools.
func addVersionFlag(root *cobra.Command) {
	root.Version = ownVersion()
	root.Flags().Bool("version", false, "print the version")
}

// ownVersion describes this binary.
func ownVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	return describe(info)
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
	return fmt.Sprintf("%s, commit %s%s, %s", version, commit, dirty, info.GoVersion)
}
