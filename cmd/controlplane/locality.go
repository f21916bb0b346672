package main

import (
	"errors"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// localityFlag is a flag with a locality: REGION[/ZONE[/SUBZONE]].
type localityFlag struct{ mesh.Locality }

var _ pflag.Value = (*localityFlag)(nil)

// Set parses the flag's text.
func (f *localityFlag) Set(text string) error {
	parts := strings.Split(text, "/")
	if len(parts) > 3 || slices.Contains(parts, "") {
		return errors.New("it has the form REGION/ZONE, or REGION/ZONE/SUBZONE")
	}
	parts = append(parts, "", "")
	f.Locality = mesh.Locality{Region: parts[0], Zone: parts[1], SubZone: parts[2]}
	return nil
}

// String returns the flag's text.
func (f *localityFlag) String() string {
	return strings.TrimRight(f.Region+"/"+f.Zone+"/"+f.SubZone, "/")
}

// Type returns the form of the flag for its help.
func (f *localityFlag) Type() string { return "REGION/ZONE" }
