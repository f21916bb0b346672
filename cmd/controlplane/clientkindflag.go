package main

import (
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// clientKindFlag is a flag with a client kind and its version.
type clientKindFlag struct {
	kind    mesh.ClientKind
	version string
}

var _ pflag.Value = (*clientKindFlag)(nil)

// Set parses the flag's text.
func (f *clientKindFlag) Set(text string) error {
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
	return f.kind.String() + " " + f.version
}

// Type returns the form of the flag for its help.
func (*clientKindFlag) Type() string { return "KIND VERSION" }
