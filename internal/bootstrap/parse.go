package bootstrap

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Server is what a client reads from a bootstrap about its control plane.
type Server struct {
	URI string
	// TLS is true if the connection is encrypted, and Authorities is the file with the authorities that the control
	// plane's certificate is verified by; empty means the client's own.
	TLS         bool
	Authorities string
	// Providers are the certificate providers that it both configures and declares, with a certificate.
	Providers []string
}

// ParseServer reads the control plane in a bootstrap. It fails on what clients reject.
func ParseServer(text []byte) (Server, error) {
	var doc document
	if err := json.Unmarshal(text, &doc); err != nil {
		return Server{}, fmt.Errorf("it is not JSON: %w", err)
	}
	if len(doc.Servers) == 0 {
		return Server{}, errors.New("it has no xds_servers")
	}
	first := doc.Servers[0]
	s := Server{URI: first.URI}
	if s.URI == "" {
		return s, errors.New("it has no server_uri")
	}
	if err := CheckTarget(s.URI); err != nil {
		return s, fmt.Errorf("server_uri %w", err)
	}
	if doc.Node.ID == "" {
		return s, errors.New("its node has no id")
	}
	for _, name := range doc.Node.Metadata.Providers {
		if doc.Providers[name].Config.Certificate != "" {
			s.Providers = append(s.Providers, name)
		}
	}
	// A client uses the first credentials of a type that it knows. All know these two.
	for _, c := range first.Creds {
		switch c.Type {
		case encrypted:
			if s.TLS = true; c.Config != nil {
				s.Authorities = c.Config.Authorities
			}
			return s, nil
		case plaintext:
			return s, nil
		}
	}
	return s, fmt.Errorf("its channel_creds have neither %s nor %s", plaintext, encrypted)
}
