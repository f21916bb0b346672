package main

import (
	"github.com/spf13/cobra"

	"github.com/mizzen-mesh/mizzen/internal/bootstrap"
)

// systemAuthorities is the value of --tls-ca that means the system roots of the client's machine.
const systemAuthorities = "system"

// connectionFlags define how a client connects to the control plane. The files need not exist yet, nor on this machine.
type connectionFlags struct{ authorities, folder, token string }

func (f *connectionFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.authorities, "tls-ca", "", "connect over TLS, and verify the control plane by the certificate authorities in this file: `FILE|system`; system uses the system roots of the client's machine")
	flags.StringVar(&f.folder, "tls-client-certificate", "", "`DIR` with the certificate and key that the client sends to the control plane, named as in --certificate-layout")
	flags.StringVar(&f.token, "token", "", "`FILE` with the service account token that the client sends to the control plane")
}

// connection returns the connection that the flags define.
func (f *connectionFlags) connection(cmd *cobra.Command, std stdio, certificates *certificateFlags) (bootstrap.Connection, error) {
	c := bootstrap.Connection{TLS: f.authorities != ""}
	var err error
	if c.Token, err = std.absolute("--token", f.token); err != nil {
		return c, err
	}
	if f.authorities != systemAuthorities {
		if c.Authorities, err = std.absolute("--tls-ca", f.authorities); err != nil {
			return c, err
		}
	}
	if f.folder != "" {
		folder, err := std.absolute("--tls-client-certificate", f.folder)
		if err != nil {
			return c, err
		}
		files, ok := certificates.files(folder)
		if !ok {
			return c, usageErrorf(cmd, "unknown --certificate-layout %q: it is one of kubernetes, istio", certificates.layout)
		}
		c.Certificate, c.Key = files.Certificate, files.Key
	}
	if !c.TLS && (c.Token != "" || c.Certificate != "") {
		return c, usageErrorf(cmd, "--token and --tls-client-certificate need --tls-ca: a client shows them over TLS only")
	}
	return c, nil
}
