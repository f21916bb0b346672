package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// The modes of files in archives. The modes in the checkout depend on the umask.
const (
	plain      fs.FileMode = 0o644
	executable fs.FileMode = 0o755
)

// file is a file of an archive.
type file struct {
	name    string
	mode    fs.FileMode
	content []byte
	// link is the file that this one is a symbolic link to; empty for all others. A zip archive has none.
	link string
}

// along are the files and directories of the commit that each archive contains, with their names there. A directory that
// does not exist in the commit is left out.
var along = []struct{ from, to string }{
	{"LICENSE", "LICENSE"},
	{"README.md", "README.md"},
	{"CHANGELOG.md", "CHANGELOG.md"},
	{"docs/man", "man"},
}

// archives packs the binary of each platform, its demo, the Java agent beside it, and along, in a directory with the archive's name.
func (r *release) archives(ctx context.Context) error {
	files, err := r.completions(ctx)
	if err != nil {
		return err
	}
	for _, a := range along {
		found, err := readFiles(os.DirFS(r.source.dir), a.from, a.to)
		if err != nil {
			return err
		}
		files = append(files, found...)
	}
	if r.jar != "" {
		content, err := os.ReadFile(r.jar)
		if err != nil {
			return err
		}
		files = append(files, file{name: agentName, mode: plain, content: content})
	}
	for _, p := range r.platforms {
		var programs []file
		for _, program := range []string{command, demo} {
			content, err := os.ReadFile(filepath.Join(filepath.Dir(r.binary(p)), p.file(program)))
			if err != nil {
				return err
			}
			programs = append(programs, file{name: p.file(program), mode: executable, content: content})
		}
		name, extension := r.name("-"+p.String()), ".tar.gz"
		if p.os == "windows" {
			extension = ".zip"
		}
		if err := r.pack(name+extension, below(name, slices.Concat(programs, plugin(p), files))); err != nil {
			return err
		}
	}
	return nil
}

// plugins are the other names of the binary: kubectl runs the first for "kubectl mizzen", and the second to complete its words.
var plugins = []string{"kubectl-mizzen", "kubectl_complete-mizzen"}

// plugin returns the files by which kubectl finds the binary. Windows has no links without further rights, and runs a script.
func plugin(p platform) []file {
	if p.os == "windows" {
		return []file{{name: plugins[0] + ".cmd", mode: executable, content: []byte("@\"%~dp0" + command + ".exe\" %*\r\n")}}
	}
	var links []file
	for _, name := range plugins {
		links = append(links, file{name: name, mode: executable, link: command})
	}
	return links
}

// below puts files into a directory.
func below(dir string, files []file) []file {
	moved := make([]file, len(files))
	for i, f := range files {
		f.name = path.Join(dir, f.name)
		moved[i] = f
	}
	return moved
}

// readFiles returns a file, or the files of a directory sorted by name, under the given name. The result is empty if the path
// does not exist.
func readFiles(tree fs.FS, from, name string) ([]file, error) {
	var files []file
	err := fs.WalkDir(tree, from, func(at string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		relative, err := filepath.Rel(from, at)
		if err != nil {
			return err
		}
		content, err := fs.ReadFile(tree, at)
		files = append(files, file{name: path.Join(name, filepath.ToSlash(relative)), mode: plain, content: content})
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return files, err
}

// packers are the functions that write archives, by file name extension.
var packers = []struct {
	extension string
	pack      func(io.Writer, []file, time.Time) error
}{
	{".tar.gz", writeTarGz},
	{".tgz", writeTarGz},
	{".tar", writeTar},
	{".zip", writeZip},
}

// pack writes an archive. All its files have the time of the commit.
func (r *release) pack(name string, files []file) error {
	var archive bytes.Buffer
	for _, p := range packers {
		if strings.HasSuffix(name, p.extension) {
			if err := p.pack(&archive, files, r.source.time); err != nil {
				return err
			}
			break
		}
	}
	return r.write(name, archive.Bytes())
}

func writeTarGz(w io.Writer, files []file, modified time.Time) error {
	compressed, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return err
	}
	if err := writeTar(compressed, files, modified); err != nil {
		return err
	}
	return compressed.Close()
}

func writeTar(w io.Writer, files []file, modified time.Time) error {
	archive := tar.NewWriter(w)
	for _, f := range files {
		header := &tar.Header{
			Typeflag: tar.TypeReg, Name: f.name, Mode: int64(f.mode), Size: int64(len(f.content)), ModTime: modified, Format: tar.FormatPAX,
		}
		if f.link != "" {
			header.Typeflag, header.Linkname = tar.TypeSymlink, f.link
		}
		if err := archive.WriteHeader(header); err != nil {
			return err
		}
		if _, err := archive.Write(f.content); err != nil {
			return err
		}
	}
	return archive.Close()
}

func writeZip(w io.Writer, files []file, modified time.Time) error {
	archive := zip.NewWriter(w)
	for _, f := range files {
		header := &zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: modified}
		header.SetMode(f.mode)
		entry, err := archive.CreateHeader(header)
		if err != nil {
			return err
		}
		if _, err := entry.Write(f.content); err != nil {
			return err
		}
	}
	return archive.Close()
}
