package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
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
	cmd.Flags().Var(f, flagClient, "kind and version of the client, such as \"gRPC Node 1.14\", or mizzen-java-agent (also --agent); without it, a gRPC client with every feature")
	cmd.Flags().Var(f, flagAgent, "the same as --client")
	cmd.Flags().Lookup(flagAgent).Hidden = true
	completeClientKinds(cmd)
}

// validate rejects both names of the flag at once.
func (*clientKindFlag) validate(cmd *cobra.Command) error {
	if cmd.Flags().Changed(flagClient) && cmd.Flags().Changed(flagAgent) {
		return usageErrorf(cmd, "--agent is the older name of --client: set only --client")
	}
	return nil
}

// written is the name by which the command line sets the flag.
func (*clientKindFlag) written(cmd *cobra.Command) string {
	if cmd.Flags().Changed(flagAgent) {
		return flagAgent
	}
	return flagClient
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
	if ok && kind.Family() != mesh.FamilyGRPC && version != "" { // All versions support the same.
		f.kind, f.version = kind, version
		return nil
	}
	if !ok || mesh.ReleaseOf(version) == (mesh.Release{}) {
		return fmt.Errorf("it has the form KIND VERSION, such as \"gRPC Go 1.85\"; KIND is one of %s (%s need no VERSION)", mesh.AllClientKinds, mesh.FamilyHTTP.Kinds())
	}
	f.kind, f.version = kind, version
	return nil
}

// problems are the Problems of the client, those included that concern only its version. If the flag is not set, they are
// the Problems of gRPC clients in their current versions.
func (f *clientKindFlag) problems(s *snapshot.Snapshot) []mesh.Problem {
	all := slices.Clone(s.ProblemsOf(f.kind.Family()))
	if f.version == "" {
		return all
	}
	for _, specific := range s.ClientProblems(f.kind.Family()) {
		all = append(all, specific...)
	}
	client := snapshot.WithUserAgent(mesh.Client{}, f.kind, f.version)
	unencrypted := s.UnencryptedProblems(client)
	all = withoutUnfollowed(slices.DeleteFunc(all, func(p mesh.Problem) bool { return !p.Concerns(client) }), unencrypted)
	for i := range all {
		p := &all[i]
		if p.Missing != 0 {
			p.Message = p.Missing.Ignored(f.String(), mesh.MakeClientKinds(f.kind))
		}
		if !p.IsGeneral() {
			p.ClientKinds = mesh.MakeClientKinds(f.kind)
		}
	}
	for _, p := range unencrypted {
		p.ClientKinds = mesh.MakeClientKinds(f.kind)
		all = append(all, p)
	}
	return mesh.SortProblems(all)
}

// withoutUnfollowed leaves out how clients follow a field that the client does not follow: because it ignores the field, or
// because it does not encrypt.
func withoutUnfollowed(problems, unencrypted []mesh.Problem) []mesh.Problem {
	unfollowed := map[mesh.FieldLocation]struct{}{}
	at := func(p mesh.Problem) mesh.FieldLocation { return mesh.FieldLocation{Object: p.Object, Field: p.Field} }
	for _, p := range slices.Concat(problems, unencrypted) {
		if p.Code == mesh.CodeIgnored || p.Code == mesh.CodeNoCertificate && p.Field != "" {
			unfollowed[at(p)] = struct{}{}
		}
	}
	return slices.DeleteFunc(problems, func(p mesh.Problem) bool {
		_, found := unfollowed[at(p)]
		return found && p.Code == mesh.CodeApproximated
	})
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
