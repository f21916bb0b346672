package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// output defines what is written where. Empty fields are not written.
type output struct {
	name, layout, tar, sbom string
	// links are other names of the binary in the image, with commas between them.
	links string
	// beside is the name of a second program of each image.
	beside string
	// files are further files of the image.
	files []file
}

// made is a binary and its image.
type made struct {
	binary binary
	image  v1.Image
}

func (o output) write(tag name.Tag, all []made) error {
	if o.layout != "" {
		if err := writeLayout(o.layout, tag, all); err != nil {
			return err
		}
	}
	if o.tar != "" {
		return writeTar(o.tar, tag, all)
	}
	return nil
}

// writeLayout replaces a directory by an OCI layout: an index with the images of all platforms under one name.
func writeLayout(dir string, tag name.Tag, all []made) error {
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, m := range all {
		platform := m.binary.platform()
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add: m.image, Descriptor: v1.Descriptor{Platform: &platform},
		})
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	path, err := layout.Write(dir, empty.Index)
	if err != nil {
		return err
	}
	// Tools that copy a layout to a registry read the first of these names, containerd the second.
	err = path.AppendIndex(index, layout.WithAnnotations(map[string]string{
		"org.opencontainers.image.ref.name": tag.TagStr(),
		"io.containerd.image.name":          tag.Name(),
	}))
	if err != nil {
		return err
	}
	digest, err := index.Digest()
	if err != nil {
		return err
	}
	fmt.Printf("%s %s %s\n", dir, tag.Name(), digest)
	return nil
}

// writeTar writes the only image, or the image for this machine's platform.
func writeTar(path string, tag name.Tag, all []made) error {
	for _, m := range all {
		if len(all) > 1 && m.binary.setting("GOARCH") != runtime.GOARCH {
			continue
		}
		if err := tarball.WriteToFile(path, tag, m.image); err != nil {
			return err
		}
		fmt.Printf("%s %s %s\n", path, tag.Name(), m.binary.platform())
		return nil
	}
	return fmt.Errorf("-tar: there is no binary for %s", runtime.GOARCH)
}

func writeSBOMs(dir string, all []binary) error {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	for _, b := range withBeside(all) {
		document, err := sbom(b)
		if err != nil {
			return err
		}
		platform := b.platform()
		path := filepath.Join(dir, fmt.Sprintf("%s-%s-%s.spdx.json", b.name, platform.OS, platform.Architecture))
		if err := os.WriteFile(path, document, 0o600); err != nil {
			return err
		}
		fmt.Println(path)
	}
	return nil
}
