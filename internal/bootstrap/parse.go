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
	// Fallbacks are the control planes that follow the first, which are connected to alike.
	Fallbacks []string
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
	s := Server{URI: doc.Servers[0].URI}
	for i := range doc.Servers {
		one := &doc.Servers[i]
		encrypts, authorities, err := one.check()
		if err != nil {
			return s, err
		}
		if i == 0 {
			s.TLS, s.Authorities = encrypts, authorities
			continue
		}
		if encrypts != s.TLS || authorities != s.Authorities {
			return s, fmt.Errorf("its channel_creds for %s differ from those for %s", one.URI, s.URI)
		}
		s.Fallbacks = append(s.Fallbacks, one.URI)
	}
	if doc.Node.ID == "" {
		return s, errors.New("its node has no id")
	}
	for _, name := range doc.Node.Metadata.Providers {
		if doc.Providers[name].Config.Certificate != "" {
			s.Providers = append(s.Providers, name)
		}
	}
	return s, nil
}

// check reads how a client connects to one control plane. It fails on what clients reject.
func (s *server) check() (encrypts bool, authorities string, err error) {
	if s.URI == "" {
		return false, "", errors.New("it has no server_uri")
	}
	if err := CheckTarget(s.URI); err != nil {
		return false, "", fmt.Errorf("server_uri %w", err)
	}
	// A client uses the first credentials of a type that it knows. All know these two.
	for _, c := range s.Creds {
		switch c.Type {
		case encrypted:
			if c.Config != nil {
				authorities = c.Config.Authorities
			}
			return true, authorities, nil
		case plaintext:
			return false, "", nil
		}
	}
	return false, "", fmt.Errorf("its channel_creds have neither %s nor %s", plaintext, encrypted)
}
