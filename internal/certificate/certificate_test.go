package certificate

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// shake performs a handshake.
func shake(t *testing.T, server, client *tls.Config) error {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	serving := make(chan error, 1)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			serving <- err
			return
		}
		serving <- errors.Join(tls.Server(conn, server).HandshakeContext(t.Context()), conn.Close())
	}()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	err = tls.Client(conn, client).HandshakeContext(t.Context())
	// With TLS 1.3 the client's handshake ends before the server has verified the client's certificate.
	return errors.Join(err, conn.(*net.TCPConn).CloseWrite(), <-serving, conn.Close())
}

// pems returns a new certificate for "server" and its key.
func pems(t *testing.T) (certificate, key []byte) {
	t.Helper()
	s, err := NewSelfSigned([]string{"server"})
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(s.pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return s.Authority, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func write(t *testing.T, dir string, files map[string][]byte) {
	t.Helper()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func trusting(authority []byte) *tls.Config {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authority)
	return &tls.Config{RootCAs: pool, ServerName: "server", MinVersion: tls.VersionTLS12}
}

func TestSelfSigned(t *testing.T) {
	s, err := NewSelfSigned([]string{"server", "10.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	if err := shake(t, s.Config(), trusting(s.Authority)); err != nil {
		t.Errorf("a client that trusts it cannot connect: %v", err)
	}
	other, err := NewSelfSigned([]string{"server"})
	if err != nil {
		t.Fatal(err)
	}
	if err := shake(t, s.Config(), trusting(other.Authority)); err == nil {
		t.Error("a client that trusts another certificate can connect")
	}
}

func TestFolderIsReadAgain(t *testing.T) {
	dir := t.TempDir()
	first, key := pems(t)
	write(t, dir, map[string][]byte{certificateFile: first, keyFile: key})
	var log bytes.Buffer
	f, err := NewFolder(dir, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	f.now = func() time.Time { return now }
	check := func(authority []byte, when string) {
		t.Helper()
		if err := shake(t, f.Config(), trusting(authority)); err != nil {
			t.Errorf("%s: %v", when, err)
		}
	}
	check(first, "at first")

	second, key := pems(t)
	write(t, dir, map[string][]byte{certificateFile: second})
	now = now.Add(checkInterval)
	check(first, "in the middle of a change")
	if !strings.Contains(log.String(), "the previous one is used") {
		t.Errorf("nothing was logged: %s", log.String())
	}
	write(t, dir, map[string][]byte{keyFile: key})
	now = now.Add(checkInterval)
	check(second, "after the change")
}

func TestFolderWithAuthority(t *testing.T) {
	dir := t.TempDir()
	server, key := pems(t)
	client, clientKey := pems(t)
	write(t, dir, map[string][]byte{certificateFile: server, keyFile: key, authorityFile: client})
	f, err := NewFolder(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	stranger, strangerKey := pems(t)
	if err := shake(t, f.Config(), trusting(server)); err != nil {
		t.Errorf("a client without a certificate is rejected: %v", err)
	}
	show := func(certificate, key []byte) *tls.Config {
		pair, err := tls.X509KeyPair(certificate, key)
		if err != nil {
			t.Fatal(err)
		}
		config := trusting(server)
		config.Certificates = []tls.Certificate{pair}
		// Sent even if the server states that it would not accept it.
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
		return config
	}
	if err := shake(t, f.Config(), show(stranger, strangerKey)); err == nil {
		t.Error("a certificate of an unknown authority is accepted")
	}
	err = shake(t, f.Config(), show(client, clientKey))
	if err == nil || !strings.Contains(err.Error(), "incompatible key usage") {
		t.Errorf("got %v, want that a server's certificate is not accepted for a client", err)
	}
}

func TestInvalidFolder(t *testing.T) {
	certificate, key := pems(t)
	_, other := pems(t)
	tests := map[string]struct {
		files map[string][]byte
		want  string
	}{
		"empty":                {nil, "tls.crt"},
		"no key":               {map[string][]byte{certificateFile: certificate}, "tls.key"},
		"key of another":       {map[string][]byte{certificateFile: certificate, keyFile: other}, "private key does not match"},
		"authority of nothing": {map[string][]byte{certificateFile: certificate, keyFile: key, authorityFile: []byte("x")}, "ca.crt contains no certificate"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, test.files)
			if _, err := NewFolder(dir, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error with %q", err, test.want)
			}
		})
	}
}
