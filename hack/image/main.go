// Command image makes container images of static Go binaries, without Docker, a base image or a registry.
//
// An image contains the binary, a second program beside it, the certificates of public authorities and the files that are named, and runs as an unprivileged user. The
// platform, time and commit come from the build information of the binary. So the same binary gives the same image,
// byte for byte.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

func main() {
	var o output
	flag.StringVar(&o.name, "name", "", "`name` of the image, such as example.org/app:v1")
	flag.StringVar(&o.layout, "layout", "", "write an OCI layout with all platforms to this `directory`")
	flag.StringVar(&o.tar, "tar", "", "write the image of this machine's platform as a `file` for docker load or ctr images import")
	flag.StringVar(&o.sbom, "sbom", "", "write what each binary is made of to this `directory`, as SPDX; alone, of binaries for any platform")
	flag.StringVar(&o.links, "links", "", "other `names` of the binary in the image, with commas between them")
	flag.StringVar(&o.beside, "beside", "", "`name` of a second program, which lies beside each binary and comes into its image")
	flag.Func("file", "add a file or a directory of any platform to the image, as `SOURCE:DESTINATION`; it may be repeated", func(text string) error {
		files, err := readFiles(text)
		o.files = append(o.files, files...)
		return err
	})
	flag.Parse()
	if err := run(o, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

// run writes the images of the binaries, one for each platform, and what each binary is made of, which needs no name.
func run(o output, binaries []string) error {
	if len(binaries) == 0 {
		return errors.New("name at least one binary")
	}
	all := make([]binary, len(binaries))
	for i, path := range binaries {
		var err error
		if all[i], err = open(path, o.beside); err != nil {
			return err
		}
	}
	if o.sbom != "" {
		if err := writeSBOMs(o.sbom, all); err != nil {
			return err
		}
	}
	if o.layout == "" && o.tar == "" {
		return nil
	}
	return o.images(all)
}

func (o output) images(binaries []binary) error {
	tag, err := name.NewTag(o.name, name.StrictValidation)
	if err != nil {
		return fmt.Errorf("-name: %w", err)
	}
	all := make([]made, len(binaries))
	for i, b := range binaries {
		image, err := b.image(strings.FieldsFunc(o.links, func(r rune) bool { return r == ',' }), o.files)
		if err != nil {
			return err
		}
		all[i] = made{binary: b, image: image}
	}
	return o.write(tag, all)
}
