package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// The parts of a changelog in the form of Keep a Changelog: the heading of a version, a link to a file of the repository, and the
// links of versions at the end.
var (
	heading  = regexp.MustCompile(`(?m)^## \[([^\]]+)\].*\n`)
	relative = regexp.MustCompile(`\]\(([^):]+)\)`)
	footer   = regexp.MustCompile(`(?m)^\[[^\]]+\]: \S+$`)
)

// notes writes the version's section of the changelog. A trial without such a section gets the section [Unreleased].
func (r *release) notes(ctx context.Context) error {
	changelog, err := os.ReadFile(filepath.Join(r.source.dir, "CHANGELOG.md"))
	if err != nil {
		return err
	}
	section, ok := sectionOf(string(changelog), strings.TrimPrefix(r.version, "v"))
	if !ok {
		if r.source.tagged {
			return fmt.Errorf("CHANGELOG.md has no section [%s]: a release needs one", strings.TrimPrefix(r.version, "v"))
		}
		if section, ok = sectionOf(string(changelog), "Unreleased"); !ok {
			return fmt.Errorf("CHANGELOG.md has neither a section [%s] nor [Unreleased]", strings.TrimPrefix(r.version, "v"))
		}
		say("this is a trial: no tag %s, and its notes are those of [Unreleased]", r.version)
	}
	module, err := r.goTool(ctx, nil, "list", "-m")
	if err != nil {
		return err
	}
	files := "](https://" + module + "/blob/" + r.version + "/$1)"
	return r.write("release-notes.md", []byte(relative.ReplaceAllString(section, files)))
}

// sectionOf returns the text below a version's heading.
func sectionOf(changelog, version string) (string, bool) {
	changelog = footer.ReplaceAllString(changelog, "")
	all := heading.FindAllStringSubmatchIndex(changelog, -1)
	for i, at := range all {
		if changelog[at[2]:at[3]] != version {
			continue
		}
		end := len(changelog)
		if i+1 < len(all) {
			end = all[i+1][0]
		}
		text := strings.TrimSpace(changelog[at[1]:end])
		return text + "\n", text != ""
	}
	return "", false
}
