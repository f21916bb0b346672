package main

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"

	"sigs.k8s.io/yaml"
)

// chartVersions are the lines of Chart.yaml that a release replaces.
var chartVersions = regexp.MustCompile(`(?m)^(version|appVersion):.*$`)

// chart packs the Helm chart, if the commit has one, as helm does: in a directory of its name, with the release's version.
func (r *release) chart(context.Context) error {
	files, err := readFiles(os.DirFS(r.source.dir), "manifests/chart", "")
	if err != nil || len(files) == 0 {
		return err
	}
	version := strings.TrimPrefix(r.version, "v")
	var about struct{ Name, Version, AppVersion string }
	for i, f := range files {
		if f.name != "Chart.yaml" {
			continue
		}
		// Lines are replaced, so that comments stay.
		f.content = chartVersions.ReplaceAllFunc(f.content, func(line []byte) []byte {
			if strings.HasPrefix(string(line), "app") {
				return []byte("appVersion: " + r.version)
			}
			return []byte("version: " + version)
		})
		if err := yaml.Unmarshal(f.content, &about); err != nil {
			return fmt.Errorf("read Chart.yaml: %w", err)
		}
		files[i] = f
	}
	if about.Name == "" || about.Version != version || about.AppVersion != r.version {
		return fmt.Errorf("the chart needs a name, a version and an appVersion, each on a line of Chart.yaml: got %+v", about)
	}
	return r.pack(about.Name+"-"+version+".tgz", below(about.Name, files))
}
