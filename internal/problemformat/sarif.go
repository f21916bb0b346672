package problemformat

import (
	"net/url"
	"path/filepath"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// The part of SARIF 2.1.0 that is used: https://docs.oasis-open.org/sarif/sarif/v2.1.0.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool    sarifTool     `json:"tool"`
		Results []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		InformationURI string      `json:"informationUri"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID               string    `json:"id"`
		ShortDescription sarifText `json:"shortDescription"`
		Help             sarifText `json:"help"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		Level     string          `json:"level"`
		Message   sarifText       `json:"message"`
		Locations []sarifLocation `json:"locations"`
	}
	sarifLocation struct {
		Physical *sarifPhysical `json:"physicalLocation,omitempty"`
		Logical  []sarifLogical `json:"logicalLocations"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   *sarifRegion  `json:"region,omitempty"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine int `json:"startLine"`
	}
	sarifLogical struct {
		FullyQualifiedName string `json:"fullyQualifiedName"`
	}
)

// sarif returns a log with one run, which has a rule for each Problem code.
func sarif(problems []mesh.Problem) sarifLog {
	run := sarifRun{
		Tool:    sarifTool{sarifDriver{Name: "mizzen", InformationURI: "https://github.com/mizzen-mesh/mizzen"}},
		Results: []sarifResult{},
	}
	for _, c := range mesh.Codes() {
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{string(c.Code), sarifText{c.Meaning}, sarifText{c.Remedy}})
	}
	for _, p := range problems {
		run.Results = append(run.Results, sarifResult{
			RuleID: string(p.Code), Level: level(p.Severity), Message: sarifText{p.Object.String() + " " + message(p)},
			Locations: []sarifLocation{location(p)},
		})
	}
	return sarifLog{Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{run}}
}

func level(s mesh.Severity) string {
	if s == mesh.Info {
		return "note"
	}
	return string(s)
}

func location(p mesh.Problem) sarifLocation {
	name := p.Object.String()
	if p.Field != "" {
		name += " " + p.Field
	}
	l := sarifLocation{Logical: []sarifLogical{{name}}}
	if file, line := position(p); file != "" {
		l.Physical = &sarifPhysical{Artifact: sarifArtifact{(&url.URL{Path: filepath.ToSlash(file)}).String()}}
		if line > 0 {
			l.Physical.Region = &sarifRegion{line}
		}
	}
	return l
}
