package bootstrap

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// DefaultRefresh is the default of Certificates.Refresh. A renewed certificate, and a new authority, is in use at most
// that long after its files are replaced.
const DefaultRefresh = time.Minute

// DefaultProvider is the name of the provider of a client's own certificate.
const DefaultProvider = "default"

// Certificates are the files of one certificate provider, in PEM. The client reloads them, so they may be renewed.
type Certificates struct {
	// Certificate and Key are the client's certificate and key; both are empty if it has none.
	Certificate, Key string
	// Roots are the authorities that the client trusts.
	Roots string
	// Refresh is how often the client reloads the files; DefaultRefresh if zero.
	Refresh time.Duration
}

type provider struct {
	Plugin string      `json:"plugin_name"`
	Config fileWatcher `json:"config"`
}

type fileWatcher struct {
	Certificate string `json:"certificate_file,omitempty"`
	Key         string `json:"private_key_file,omitempty"`
	Roots       string `json:"ca_certificate_file"`
	Refresh     string `json:"refresh_interval"`
}

// hasCertificate reports whether one of the providers has a certificate, and not only authorities.
func hasCertificate(all map[string]Certificates) bool {
	for _, c := range all {
		if c.Certificate != "" {
			return true
		}
	}
	return false
}

// providersOf returns nil for no providers. It fails if a client would reject the bootstrap.
func providersOf(all map[string]Certificates) (map[string]provider, error) {
	if len(all) == 0 {
		return nil, nil
	}
	providers := map[string]provider{}
	for name, c := range all {
		refresh := c.Refresh
		if refresh == 0 {
			refresh = DefaultRefresh
		}
		switch {
		case mesh.MakeProviders(name) == "":
			return nil, fmt.Errorf("a certificate provider cannot be called %q: a name is not empty and has no comma", name)
		case c.Roots == "":
			return nil, fmt.Errorf("the certificate provider %q needs authorities to trust", name)
		case (c.Certificate == "") != (c.Key == ""):
			return nil, fmt.Errorf("the certificate provider %q needs both a certificate and its key, or neither", name)
		case refresh < time.Second:
			return nil, errors.New("certificates are read again after a second at the earliest")
		}
		providers[name] = provider{Plugin: "file_watcher", Config: fileWatcher{
			Certificate: c.Certificate, Key: c.Key, Roots: c.Roots,
			// All languages read a duration in this form: whole seconds.
			Refresh: strconv.FormatInt(int64(refresh/time.Second), 10) + "s",
		}}
	}
	return providers, nil
}
