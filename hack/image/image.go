package main

import (
	"archive/tar"
	"bytes"
	"encoding/pem"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// nonroot is a user and group that no image and no host uses. It is a number because an empty image has no names of
// users.
const nonroot = "65532:65532"

// file is an entry of a layer. A directory has no content.
type file struct {
	name    string
	mode    int64
	content []byte
	// link is the file that this one is a symbolic link to.
	link string
}

// readFiles reads the file, or the directory with all that is in it, that is named as SOURCE:DESTINATION. The destination is a path in the image,
// such as /agent.jar.
func readFiles(text string) ([]file, error) {
	source, destination, ok := strings.Cut(text, ":")
	root, absolute := strings.CutPrefix(destination, "/")
	if !ok || !absolute || !fs.ValidPath(root) || root == "." {
		return nil, fmt.Errorf("%q is not SOURCE:DESTINATION with an absolute path in the image", text)
	}
	var files []file
	err := filepath.WalkDir(source, func(at string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		below, err := filepath.Rel(source, at)
		if err != nil {
			return err
		}
		name := path.Join(root, filepath.ToSlash(below))
		if entry.IsDir() {
			files = append(files, file{name: name + "/", mode: 0o755})
			return nil
		}
		f, err := readFile(at, name)
		files = append(files, f)
		return err
	})
	return files, err
}

// readFile reads a file, or the file that it is a link to. Everybody may read it, and execute it if its owner may.
func readFile(source, name string) (file, error) {
	info, err := os.Stat(source)
	if err != nil {
		return file{}, err
	}
	mode := int64(0o644)
	if info.Mode()&0o100 != 0 {
		mode = 0o755
	}
	content, err := os.ReadFile(source)
	return file{name: name, mode: mode, content: content}, err
}

// image returns an image with layers for what changes at different times, so that a new version of the binary does not
// change the other layers. links are other names of the binary, and files are what else the image has.
func (b binary) image(links []string, files []file) (v1.Image, error) {
	programs := withBeside([]binary{b})
	for _, program := range programs {
		if err := program.check(); err != nil {
			return nil, err
		}
	}
	base := []file{
		{name: "etc/", mode: 0o755},
		{name: "etc/ssl/", mode: 0o755},
		{name: "etc/ssl/certs/", mode: 0o755},
		{name: "etc/ssl/certs/ca-certificates.crt", mode: 0o644, content: authorities()},
		{name: "tmp/", mode: 0o1777},
	}
	var own []file
	for _, program := range programs {
		own = append(own, file{name: program.name, mode: 0o755, content: program.content})
	}
	for _, link := range links {
		own = append(own, file{name: link, mode: 0o777, link: b.name})
	}
	var layers []v1.Layer
	for _, files := range [][]file{base, files, own} {
		if len(files) == 0 {
			continue
		}
		l, err := layer(files)
		if err != nil {
			return nil, err
		}
		layers = append(layers, l)
	}
	image, err := mutate.AppendLayers(mutate.MediaType(empty.Image, types.OCIManifestSchema1), layers...)
	if err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	platform := b.platform()
	config.OS, config.Architecture, config.Created = platform.OS, platform.Architecture, v1.Time{Time: b.created()}
	config.Config = v1.Config{Entrypoint: []string{"/" + b.name}, User: nonroot, WorkingDir: "/", Labels: b.labels()}
	image, err = mutate.ConfigFile(image, config)
	if err != nil {
		return nil, err
	}
	return mutate.ConfigMediaType(image, types.OCIConfigJSON), nil
}

// layer packs files with the owner root and a time in 1970.
func layer(files []file) (v1.Layer, error) {
	var packed bytes.Buffer
	w := tar.NewWriter(&packed)
	for _, f := range files {
		header := &tar.Header{Name: f.name, Mode: f.mode, Size: int64(len(f.content)), ModTime: time.Unix(0, 0), Typeflag: tar.TypeReg}
		switch {
		case f.link != "":
			header.Typeflag, header.Linkname = tar.TypeSymlink, f.link
		case f.content == nil:
			header.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.content); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(packed.Bytes())), nil
	}, tarball.WithMediaType(types.OCILayer), tarball.WithCompressedCaching)
}

// authorities returns the authorities that Mozilla trusts, in the version of go.mod rather than of this machine.
// Authorities that are trusted only for older certificates are left out, because a file cannot express that.
func authorities() []byte {
	var text bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			text.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}))
		}
	}
	return text.Bytes()
}
