package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// source is a commit in a checkout of its own.
type source struct {
	dir  string
	time time.Time
	// tagged is set if the commit has the version as a tag in its repository. Otherwise the release is a trial.
	tagged bool
}

// checkout puts the commit of the working directory's repository into dir, where it has the version as its only tag.
func checkout(ctx context.Context, dir, version string) (source, error) {
	s := source{dir: dir}
	root, err := output(ctx, ".", "git", "rev-parse", "--show-toplevel")
	if err != nil {
		return s, fmt.Errorf("a release is made of a commit, and this is not a git checkout: %w", err)
	}
	git := func(args ...string) (string, error) { return output(ctx, root, "git", args...) }
	commit, err := git("rev-parse", "HEAD")
	if err != nil {
		return s, err
	}
	if changed, err := git("status", "--porcelain", "--untracked-files=no"); err != nil {
		return s, err
	} else if changed != "" {
		return s, fmt.Errorf("a release is made of a commit, and these files differ from it: commit or restore them\n%s", changed)
	}
	if untracked, err := git("ls-files", "--others", "--exclude-standard"); err != nil {
		return s, err
	} else if untracked != "" {
		say("these files are in no commit and not part of the release: %s", strings.Join(strings.Fields(untracked), " "))
	}
	// The tag may be missing: anyone may try a release.
	if tagged, err := git("rev-parse", "--verify", "--quiet", "refs/tags/"+version+"^{commit}"); err == nil {
		if s.tagged = tagged == commit; !s.tagged {
			return s, fmt.Errorf("the tag %s is another commit: git checkout %s", version, version)
		}
	}
	say("%s of commit %s", version, commit)
	for _, args := range [][]string{
		{"-C", root, "clone", "--quiet", "--shared", "--no-checkout", "--no-tags", root, dir},
		{"-C", dir, "-c", "advice.detachedHead=false", "checkout", "--quiet", commit},
		{"-C", dir, "-c", "tag.gpgSign=false", "tag", version},
	} {
		if _, err := output(ctx, ".", "git", args...); err != nil {
			return s, err
		}
	}
	seconds, err := git("log", "-1", "--format=%ct", commit)
	if err != nil {
		return s, err
	}
	unix, err := strconv.ParseInt(seconds, 10, 64)
	s.time = time.Unix(unix, 0).UTC()
	return s, err
}

// say prints a line of progress.
func say(format string, args ...any) { fmt.Printf("release: "+format+"\n", args...) }

// output runs a program and returns what it prints, without the last line's end.
func output(ctx context.Context, dir, name string, args ...string) (string, error) {
	return outputWith(ctx, dir, nil, name, args...)
}

// outputWith is output with additional environment variables.
func outputWith(ctx context.Context, dir string, env []string, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...) //nolint:gosec // the programs that make a release
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, stderr.String())
	}
	return strings.TrimSuffix(string(stdout), "\n"), nil
}
