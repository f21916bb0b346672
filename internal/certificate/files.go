package certificate

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// The names of the files, as in cert-manager and Kubernetes.
const (
	certificateFile = "tls.crt"
	keyFile         = "tls.key"
	authorityFile   = "ca.crt"
)

// checkInterval is the shortest time between two checks of the files.
const checkInterval = 5 * time.Second

// Folder is a certificate in files that may be replaced. It is safe for concurrent use.
type Folder struct {
	dir    string
	logger *slog.Logger
	now    func() time.Time

	// mu protects the fields below.
	mu      sync.Mutex
	config  *tls.Config
	state   string
	checked time.Time
}

// NewFolder reads the certificate in a folder: tls.crt and tls.key, and ca.crt if client certificates are accepted.
func NewFolder(dir string, logger *slog.Logger) (*Folder, error) {
	f := &Folder{dir: dir, logger: logger, now: time.Now}
	config, err := f.read()
	if err != nil {
		return nil, err
	}
	f.config, f.state, f.checked = config, f.stat(), f.now()
	return f, nil
}

// Config returns the TLS configuration of a server. Each connection gets the newest certificate.
func (f *Folder) Config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{"h2"},
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return f.current(), nil },
	}
}

// current reloads the files if they changed. If they are invalid, as in the middle of a change, the previous ones
// stay in use.
func (f *Folder) current() *tls.Config {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.now().Sub(f.checked) < checkInterval {
		return f.config
	}
	f.checked = f.now()
	state := f.stat()
	if state == f.state {
		return f.config
	}
	config, err := f.read()
	if err != nil {
		f.logger.Warn("cannot read the new certificate; the previous one is used", "dir", f.dir, "error", err)
		return f.config
	}
	f.config, f.state = config, state
	f.logger.Info("loaded a new certificate", "dir", f.dir)
	return f.config
}

// stat identifies the state of the files without reading them.
func (f *Folder) stat() string {
	var state strings.Builder
	for _, name := range []string{certificateFile, keyFile, authorityFile} {
		if info, err := os.Stat(filepath.Join(f.dir, name)); err == nil {
			_, _ = fmt.Fprintln(&state, name, info.Size(), info.ModTime().UnixNano())
		}
	}
	return state.String()
}

func (f *Folder) read() (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(filepath.Join(f.dir, certificateFile), filepath.Join(f.dir, keyFile))
	if err != nil {
		return nil, fmt.Errorf("read the certificate: %w", err)
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2"}, Certificates: []tls.Certificate{pair}}
	text, err := os.ReadFile(filepath.Join(f.dir, authorityFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		// Clients authenticate by a token, or by their address.
		return config, nil
	case err != nil:
		return nil, fmt.Errorf("read the authority of clients: %w", err)
	}
	config.ClientCAs = x509.NewCertPool()
	if !config.ClientCAs.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s contains no certificate", filepath.Join(f.dir, authorityFile))
	}
	config.ClientAuth = tls.VerifyClientCertIfGiven
	return config, nil
}
