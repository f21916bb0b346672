package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"runtime/debug"
	"strings"
	"time"
)

// The part of SPDX 2.3 that states the versions of a binary's modules.
type (
	document struct {
		Version       string         `json:"spdxVersion"`
		License       string         `json:"dataLicense"`
		ID            string         `json:"SPDXID"`
		Name          string         `json:"name"`
		Namespace     string         `json:"documentNamespace"`
		Creation      creation       `json:"creationInfo"`
		Packages      []module       `json:"packages"`
		Relationships []relationship `json:"relationships"`
	}
	creation struct {
		Created  string   `json:"created"`
		Creators []string `json:"creators"`
	}
	module struct {
		ID         string      `json:"SPDXID"`
		Name       string      `json:"name"`
		Version    string      `json:"versionInfo,omitempty"`
		Location   string      `json:"downloadLocation"`
		Analyzed   bool        `json:"filesAnalyzed"`
		Checksums  []checksum  `json:"checksums,omitempty"`
		Source     string      `json:"sourceInfo,omitempty"`
		References []reference `json:"externalRefs,omitempty"`
	}
	checksum struct {
		Algorithm string `json:"algorithm"`
		Value     string `json:"checksumValue"`
	}
	reference struct {
		Category string `json:"referenceCategory"`
		Type     string `json:"referenceType"`
		Locator  string `json:"referenceLocator"`
	}
	relationship struct {
		From string `json:"spdxElementId"`
		Kind string `json:"relationshipType"`
		To   string `json:"relatedSpdxElement"`
	}
)

const nothing = "NOASSERTION"

// sbom lists the modules that are linked into the binary, and Go. The document's namespace contains a hash of the
// binary.
func sbom(b binary) ([]byte, error) {
	sum := fmt.Sprintf("%x", sha256.Sum256(b.content))
	own := module{
		ID: "SPDXRef-Binary", Name: b.info.Path, Version: b.info.Main.Version, Location: nothing,
		Checksums: []checksum{{Algorithm: "SHA256", Value: sum}},
	}
	d := document{
		Version: "SPDX-2.3", License: "CC0-1.0", ID: "SPDXRef-DOCUMENT",
		Name:      b.name,
		Namespace: fmt.Sprintf("https://%s/sbom/%s-%s", b.info.Main.Path, b.name, sum),
		Creation:  creation{Created: b.created().Format(time.RFC3339), Creators: []string{"Tool: hack/image"}},
		Packages:  []module{own},
		Relationships: []relationship{
			{From: "SPDXRef-DOCUMENT", Kind: "DESCRIBES", To: own.ID},
		},
	}
	standard := debug.Module{Path: "stdlib", Version: strings.TrimPrefix(b.info.GoVersion, "go")}
	for i, dep := range append([]*debug.Module{&standard}, b.info.Deps...) {
		m := describe(fmt.Sprintf("SPDXRef-Module-%d", i), dep)
		d.Packages = append(d.Packages, m)
		d.Relationships = append(d.Relationships, relationship{From: own.ID, Kind: "DEPENDS_ON", To: m.ID})
	}
	text, err := json.MarshalIndent(d, "", "  ")
	return append(text, '\n'), err
}

// describe names a module as vulnerability scanners look it up. A replaced module has the name of its replacement.
func describe(id string, m *debug.Module) module {
	if m.Replace != nil {
		m = m.Replace
	}
	described := module{
		ID: id, Name: m.Path, Version: m.Version, Location: nothing,
		References: []reference{{
			Category: "PACKAGE-MANAGER", Type: "purl", Locator: "pkg:golang/" + m.Path + "@" + strings.ReplaceAll(m.Version, "+", "%2B"),
		}},
	}
	if m.Sum != "" {
		described.Source = "go.sum: " + m.Sum
	}
	return described
}
