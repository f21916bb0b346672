package bootstrap

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// DefaultRefresh is how often certificates are read again unless told otherwise.
const DefaultRefresh = 10 * time.Minute

// Certificates are the files of one certificate provider, in PEM. The client reads them again and again, so they may be renewed.
type Certificates struct {
	// Certificate and Key are the client's own; both are empty where it shows none.
	Certificate, Key string
	// Roots are the authorities that it trusts.
	Roots string
	// Refresh is how often they are read; DefaultRefresh when zero.
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

// providersOf is nil for no providers. It fails on what a client would refuse to start with.
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
			// The form that all languages read: whole seconds.
			Refresh: strconv.FormatInt(int64(refresh/time.Second), 10) + "s",
		}}
	}
	return providers, nil
}
