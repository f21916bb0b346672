package main

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mizzen-mesh/mizzen/internal/bootstrap"
)

// The values of --certificate-layout.
const (
	layoutKubernetes = "kubernetes"
	layoutIstio      = "istio"
)

// certificateFlags define a client's certificate providers. The files need not exist yet, nor on this machine.
type certificateFlags struct {
	folders, roots []string
	layout         string
	refresh        time.Duration
}

func (f *certificateFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringArrayVar(&f.folders, "certificates", nil,
		"`[NAME=]DIR` with the client's certificate, key and authorities, as the certificate provider NAME (default \"default\", for ISTIO_MUTUAL); may be repeated")
	flags.StringVar(&f.layout, "certificate-layout", layoutKubernetes,
		"names of the files in DIR: `kubernetes|istio`; tls.crt, tls.key, ca.crt or cert-chain.pem, key.pem, root-cert.pem")
	flags.StringArrayVar(&f.roots, "authorities", nil,
		"`NAME=FILE` with certificate authorities only, as the certificate provider NAME (\"system\" for SIMPLE without credentialName); may be repeated")
	flags.DurationVar(&f.refresh, "certificate-refresh", bootstrap.DefaultRefresh, "how often the client reloads the files")
}

// providers returns the providers that the flags define.
func (f *certificateFlags) providers(cmd *cobra.Command, std stdio) (map[string]bootstrap.Certificates, error) {
	all := map[string]bootstrap.Certificates{}
	add := func(name string, c bootstrap.Certificates) error {
		if _, twice := all[name]; twice {
			return usageErrorf(cmd, "there are two certificate providers named %q: each needs a different name", name)
		}
		c.Refresh = f.refresh
		all[name] = c
		return nil
	}
	for _, text := range f.folders {
		name, dir, named := strings.Cut(text, "=")
		if !named {
			name, dir = bootstrap.DefaultProvider, text
		}
		if name == "" || dir == "" {
			return nil, usageErrorf(cmd, "invalid --certificates %q: it has the form DIR or NAME=DIR", text)
		}
		dir, err := std.absolute("--certificates", dir)
		if err != nil {
			return nil, err
		}
		files, ok := f.files(dir)
		if !ok {
			return nil, usageErrorf(cmd, "unknown --certificate-layout %q: it is one of kubernetes, istio", f.layout)
		}
		if err := add(name, files); err != nil {
			return nil, err
		}
	}
	for _, text := range f.roots {
		name, file, _ := strings.Cut(text, "=")
		if name == "" || file == "" {
			return nil, usageErrorf(cmd, "invalid --authorities %q: it has the form NAME=FILE", text)
		}
		file, err := std.absolute("--authorities", file)
		if err != nil {
			return nil, err
		}
		if err := add(name, bootstrap.Certificates{Roots: file}); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (f *certificateFlags) files(dir string) (bootstrap.Certificates, bool) {
	switch f.layout {
	case layoutKubernetes:
		return bootstrap.Certificates{Certificate: path.Join(dir, "tls.crt"), Key: path.Join(dir, "tls.key"), Roots: path.Join(dir, "ca.crt")}, true
	case layoutIstio:
		return bootstrap.Certificates{
			Certificate: path.Join(dir, "cert-chain.pem"), Key: path.Join(dir, "key.pem"), Roots: path.Join(dir, "root-cert.pem"),
		}, true
	}
	return bootstrap.Certificates{}, false
}

// absolute returns the absolute path of a file or folder that a flag names. A library looks up a relative path in the working
// directory of the application, which is another one than the shell had in which the operator typed the path.
// What does not exist here is probably meant for another machine, where the operator's directory is wrong, so a line says so.
func (s stdio) absolute(flag, name string) (string, error) {
	if name == "" || path.IsAbs(name) || filepath.IsAbs(name) {
		return name, nil // also a path of another operating system's
	}
	absolute, err := filepath.Abs(name)
	if err != nil {
		return "", fmt.Errorf("find the working directory, which %s %s is relative to: %w", flag, name, err)
	}
	if _, err := os.Stat(absolute); os.IsNotExist(err) {
		s.printErr("%s %s does not exist here: the bootstrap names %s. For another machine, write the absolute path of the file there.\n", flag, name, absolute)
	}
	return absolute, nil
}
