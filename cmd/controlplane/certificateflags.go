package main

import (
	"path"
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
func (f *certificateFlags) providers(cmd *cobra.Command) (map[string]bootstrap.Certificates, error) {
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
