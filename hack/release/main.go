// Command release makes everything that a release consists of, in one directory: archives of the binary for each platform, images,
// lists of the modules in each binary, the Java agent, the Helm chart, Istio's definitions, the notes, and checksums of them all.
//
// A release is made of a commit and of nothing else: the commit is checked out anew, and its version is a tag there. Go stamps the
// binaries with that version, and the images, the lists and `controlplane version` read it from them. The same commit and the same
// versions of Go and the JDK therefore give the same bytes, on any machine.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/semver"
)

// options are the flags of the command line.
type options struct {
	version   string
	dist      string
	platforms string
	image     string
	// most is the maximum size of the binary for linux/amd64 in bytes, and others that for other platforms; 0 means no limit.
	most, others int64
	// flags are the flags of the compiler.
	flags []string
}

// everywhere are the platforms of a complete release.
const everywhere = "linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64"

func main() {
	var o options
	flag.Usage = func() {
		_, _ = fmt.Fprintln(flag.CommandLine.Output(), "release [flags] -- [flags of go build]")
		flag.PrintDefaults()
	}
	flag.StringVar(&o.version, "version", "", "`version` of the release, such as v0.2.0")
	flag.StringVar(&o.dist, "dist", "dist", "`directory` to write; an earlier release in it is replaced")
	flag.StringVar(&o.platforms, "platforms", everywhere, "`platforms` of the archives; those of Linux get images, too")
	flag.StringVar(&o.image, "image", "ghcr.io/mizzen-mesh/controlplane", "`name` of the image without its tag, which is the version")
	flag.Int64Var(&o.most, "most", 0, "maximum number of `bytes` of the binary for linux/amd64; 0 means no limit")
	flag.Int64Var(&o.others, "others", 0, "maximum number of `bytes` of the other binaries; 0 means no limit")
	flag.Parse()
	o.flags = flag.Args()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// run makes a release. The directory does not change until the release is complete.
func run(ctx context.Context, o options) error {
	if err := checkVersion(o.version); err != nil {
		return err
	}
	platforms, err := parsePlatforms(o.platforms)
	if err != nil {
		return err
	}
	if err := checkDist(o.dist); err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "mizzen-release-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }()
	src, err := checkout(ctx, filepath.Join(work, "source"), o.version)
	if err != nil {
		return err
	}
	r := &release{options: o, platforms: platforms, source: src, work: work, out: filepath.Join(work, "dist")}
	if err := os.Mkdir(r.out, 0o755); err != nil { //nolint:gosec // what is released is for everybody
		return err
	}
	for _, step := range []func(context.Context) error{
		r.notes, r.compile, r.agent, r.sboms, r.archives, r.images, r.definitions, r.chart, r.checksums,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return replace(o.dist, r.out)
}

// release is a release that is being made.
type release struct {
	options

	platforms []platform
	source    source
	// work is a temporary directory, and out the one in it that becomes the release.
	work, out string
	// jar is the path of the Java agent; empty if the commit has none.
	jar string
}

// name is the first part of the names of a release's files.
func (r *release) name(suffix string) string { return "mizzen-" + r.version + suffix }

// checkVersion accepts a text that is a version of a Go module, a tag of an image and, without its v, a version of a chart.
func checkVersion(version string) error {
	switch {
	case version == "":
		return errors.New("name a version: make release VERSION=v0.2.0")
	case semver.IsValid("v" + version):
		return fmt.Errorf("write v%s: a version starts with v", version)
	case semver.Canonical(version) != version:
		return fmt.Errorf("%q is not a version such as v0.2.0 or v0.2.0-rc.1", version)
	}
	return nil
}

// platform is an operating system and an architecture.
type platform struct{ os, arch string }

// String returns the form in file names, such as linux-amd64.
func (p platform) String() string { return p.os + "-" + p.arch }

// file is the name of a program's file on the platform.
func (p platform) file(program string) string {
	if p.os == "windows" {
		return program + ".exe"
	}
	return program
}

func parsePlatforms(text string) ([]platform, error) {
	var platforms []platform
	for name := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ',' || r == ' ' }) {
		p := platform{}
		p.os, p.arch, _ = strings.Cut(name, "/")
		if !slices.Contains(strings.Fields(everywhere), name) {
			return nil, fmt.Errorf("there is no release for %q: the platforms are %s", name, everywhere)
		}
		platforms = append(platforms, p)
	}
	if len(platforms) == 0 {
		return nil, fmt.Errorf("name a platform: %s", everywhere)
	}
	return platforms, nil
}
