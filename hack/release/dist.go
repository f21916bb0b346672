package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
)

// sums names the file with the checksums, as sha256sum writes and checks them.
const sums = "SHA256SUMS"

// write adds a file to the release.
func (r *release) write(name string, content []byte) error {
	return os.WriteFile(filepath.Join(r.out, name), content, plain) //nolint:gosec // the name of a chart is of the project's own
}

// checksums lists the files of the release.
func (r *release) checksums(context.Context) error {
	files, err := readFiles(os.DirFS(r.out), ".", "")
	if err != nil {
		return err
	}
	var list bytes.Buffer
	for _, f := range files {
		fmt.Fprintf(&list, "%x  %s\n", sha256.Sum256(f.content), f.name)
	}
	return r.write(sums, list.Bytes())
}

// checkDist refuses to replace a directory that is not an earlier release.
func checkDist(dir string) error {
	entries, err := os.ReadDir(dir)
	if os.IsNotExist(err) || err == nil && len(entries) == 0 {
		return nil
	}
	if err == nil {
		_, err = os.Stat(filepath.Join(dir, sums))
	}
	if err != nil {
		return fmt.Errorf("%s is not an earlier release and would be replaced: name another directory: %w", dir, err)
	}
	return nil
}

// replace moves the release into place, and removes an earlier release there.
func replace(dir, made string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	// The release may be on another file system.
	if err := os.CopyFS(dir, os.DirFS(made)); err != nil {
		return err
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, f := range files {
		info, err := f.Info()
		if err != nil {
			return err
		}
		say("%s (%d bytes)", filepath.Join(dir, f.Name()), info.Size())
	}
	return nil
}
