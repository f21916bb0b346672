package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// clientKindFlag is a flag with a client kind and its version.
type clientKindFlag struct {
	kind    mesh.ClientKind
	version string
}

// currentVersion is the version of a client kind of which all versions support the same.
const currentVersion = "1.0"

var _ pflag.Value = (*clientKindFlag)(nil)

// register adds the flag, and its older name.
func (f *clientKindFlag) register(cmd *cobra.Command) {
	cmd.Flags().Var(f, flagClient, "kind and version of the client, such as \"gRPC Node 1.14\", or mizzen-java-agent; without it, a gRPC client with every feature")
	cmd.Flags().Var(f, flagAgent, "the same as --client")
	cmd.Flags().Lookup(flagAgent).Hidden = true
	completeClientKinds(cmd)
}

// Set parses the flag's text.
func (f *clientKindFlag) Set(text string) error {
	if kind, ok := mesh.ClientKindNamed(text); ok && kind.Family() != mesh.FamilyGRPC {
		f.kind, f.version = kind, currentVersion
		return nil
	}
	at := max(strings.LastIndexByte(text, ' '), 0)
	kind, ok := mesh.ClientKindNamed(text[:at])
	version := strings.TrimSpace(text[at:])
	if !ok || mesh.ReleaseOf(version) == (mesh.Release{}) {
		return fmt.Errorf("it has the form KIND VERSION, such as \"gRPC Go 1.85\"; KIND is one of %s", mesh.AllClientKinds)
	}
	f.kind, f.version = kind, version
	return nil
}

// String returns the flag's text.
func (f *clientKindFlag) String() string {
	if f.version == "" {
		return ""
	}
	if f.kind.Family() != mesh.FamilyGRPC {
		return f.kind.String()
	}
	return f.kind.String() + " " + f.version
}

// Type returns the form of the flag for its help.
func (*clientKindFlag) Type() string { return "KIND VERSION" }
