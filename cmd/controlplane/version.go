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

// addVersionFlag makes `controlplane --version` print it, too, in cobra's own words: a template of ours would link text/template,
// which looks for methods by name, and with it a third more. The flag has no short form: -v is the verbosity of many tools.
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

// describe says the module's version, the commit it was built from, and Go's version.
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
