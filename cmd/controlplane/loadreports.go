package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// loadReportsFlag says about which hosts clients report their load.
type loadReportsFlag struct{ mode mesh.LoadReports }

var _ pflag.Value = (*loadReportsFlag)(nil)

// loadReportsModes are the values of --load-reports, and loadReportsOrder their order in texts.
var (
	loadReportsModes = map[string]mesh.LoadReports{"off": mesh.LoadReportsOff, "limits": mesh.LoadReportsLimits, "all": mesh.LoadReportsAll}
	loadReportsOrder = []string{"off", "limits", "all"}
)

// Set parses the flag's text.
func (f *loadReportsFlag) Set(text string) error {
	mode, ok := loadReportsModes[text]
	if !ok {
		return fmt.Errorf("it is one of %s", strings.Join(loadReportsOrder, ", "))
	}
	f.mode = mode
	return nil
}

// String returns the flag's text.
func (f *loadReportsFlag) String() string {
	return loadReportsOrder[slices.IndexFunc(loadReportsOrder, func(text string) bool { return loadReportsModes[text] == f.mode })]
}

// Type returns the form of the flag for its help.
func (f *loadReportsFlag) Type() string { return strings.Join(loadReportsOrder, "|") }
