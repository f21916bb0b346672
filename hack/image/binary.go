package main

import (
	"bytes"
	"debug/buildinfo"
	"debug/elf"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// binary is a static Go program, and its build information.
type binary struct {
	name    string
	content []byte
	info    *debug.BuildInfo
	// beside is a second program for the same image; nil if it has none.
	beside *binary
}

// open reads a binary, and the second program in its folder unless beside is empty.
func open(path, beside string) (binary, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return binary{}, err
	}
	info, err := buildinfo.Read(bytes.NewReader(content))
	if err != nil {
		return binary{}, fmt.Errorf("%s: %w", path, err)
	}
	b := binary{name: strings.TrimSuffix(filepath.Base(path), ".exe"), content: content, info: info}
	if beside != "" {
		second, err := open(filepath.Join(filepath.Dir(path), beside+strings.TrimPrefix(filepath.Base(path), b.name)), "")
		if err != nil {
			return binary{}, err
		}
		b.beside = &second
	}
	return b, nil
}

// withBeside returns the binaries, each followed by the program beside it.
func withBeside(all []binary) []binary {
	var programs []binary
	for _, b := range all {
		programs = append(programs, b)
		if b.beside != nil {
			programs = append(programs, *b.beside)
		}
	}
	return programs
}

// check reports why the program cannot run in an image. An empty image has no dynamic loader: a dynamic program would fail as
// if it did not exist.
func (b binary) check() error {
	program, err := elf.NewFile(bytes.NewReader(b.content))
	switch {
	case err != nil:
		return fmt.Errorf("%s is not a program for Linux: %w", b.name, err)
	case program.Section(".interp") != nil:
		return fmt.Errorf("%s is linked dynamically: build it with CGO_ENABLED=0", b.name)
	}
	return nil
}

// setting returns a build setting of the binary, such as GOARCH.
func (b binary) setting(key string) string {
	for _, s := range b.info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}

func (b binary) platform() v1.Platform {
	return v1.Platform{OS: b.setting("GOOS"), Architecture: b.setting("GOARCH")}
}

// created returns the time of the commit that was built, so that the time of the build does not matter. Without a
// commit it is 1970.
func (b binary) created() time.Time {
	at, err := time.Parse(time.RFC3339, b.setting("vcs.time"))
	if err != nil {
		return time.Unix(0, 0).UTC()
	}
	return at.UTC()
}

// labels returns the OCI annotations for the origin of the binary.
func (b binary) labels() map[string]string {
	labels := map[string]string{
		"org.opencontainers.image.title":   b.name,
		"org.opencontainers.image.version": b.info.Main.Version,
		"org.opencontainers.image.source":  "https://" + b.info.Main.Path,
		"org.opencontainers.image.created": b.created().Format(time.RFC3339),
	}
	if revision := b.setting("vcs.revision"); revision != "" {
		labels["org.opencontainers.image.revision"] = revision
	}
	return labels
}
