//go:build interop

package interop

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/mizzen-mesh/mizzen/test/authority"
)

// prober calls a server without xDS, in any way that an attacker might. It keeps one channel.
type prober struct {
	channel *grpc.ClientConn
	// connections counts them.
	connections atomic.Int32
}

// credentialsOf are credentials of a client. Without files it has no certificate. It accepts any server: the servers are what is tested.
func credentialsOf(files *authority.Files) credentials.TransportCredentials {
	config := &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}
	if files != nil {
		// The certificate is sent whatever authorities the server names.
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			pair := files.Pair()
			return &pair, nil
		}
	}
	return credentials.NewTLS(config)
}

// plaintext are the credentials of a client without TLS.
func plaintext() credentials.TransportCredentials { return insecure.NewCredentials() }

// origin is what a prober claims and where it connects from; both may be empty.
type origin struct{ authority, source string }

// newProber makes a prober of an address.
func newProber(t *testing.T, address string, creds credentials.TransportCredentials, from origin) *prober {
	t.Helper()
	p := &prober{}
	dialer := net.Dialer{}
	if from.source != "" {
		dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(from.source)}
	}
	p.channel = must(grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(creds), grpc.WithDefaultCallOptions(grpc.ForceCodec(raw{})),
		grpc.WithAuthority(orElse(from.authority, "echo.demo")),
		grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) {
			p.connections.Add(1)
			return dialer.DialContext(ctx, "tcp", address)
		})))(t)
	t.Cleanup(func() { _ = p.channel.Close() })
	return p
}

// probe is one call.
type probe struct {
	Method  string
	Headers map[string]string
}

// defaults of a call.
const (
	callTimeout = 20 * time.Second
	watchMethod = "/interop.Echo/Watch"
)

// call makes one call. The verdict is the call's status.
func (p *prober) call(c probe) (served, *status.Status) {
	ctx, cancel := context.WithTimeout(c.context(context.Background()), callTimeout)
	defer cancel()
	var body []byte
	var a served
	err := p.channel.Invoke(ctx, orElse(c.Method, defaultMethod), []byte{}, &body)
	if err == nil && strings.HasPrefix(orElse(c.Method, defaultMethod), "/interop.") {
		err = json.Unmarshal(body, &a)
	}
	return a, status.Convert(err)
}

func (c probe) context(ctx context.Context) context.Context {
	return metadata.NewOutgoingContext(ctx, metadata.New(c.Headers))
}

// code makes one call and returns its status code.
func (p *prober) code(c probe) codes.Code {
	_, s := p.call(c)
	return s.Code()
}

// awaitCode calls until a call ends with that status.
func (p *prober) awaitCode(c probe, want codes.Code) error {
	return eventually(func() error {
		_, got := p.call(c)
		if got.Code() != want {
			p.channel.ResetConnectBackoff()
			return fmt.Errorf("got %v %q, want %v", got.Code(), got.Message(), want)
		}
		return nil
	})
}

// eventually repeats a check until it succeeds, or returns its last error.
func eventually(check func() error) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); ; <-tick.C {
		err := check()
		if err == nil || time.Now().After(end) {
			return err
		}
	}
}

// watched is a call that stays open.
type watched struct {
	// beats counts its messages. err is set before ended is closed.
	beats atomic.Int32
	ended chan struct{}
	err   error
}

// watch opens a stream, and returns when its first message is there.
func (p *prober) watch(t *testing.T) (*watched, error) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	t.Cleanup(stop)
	w := &watched{ended: make(chan struct{})}
	stream, err := p.channel.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, watchMethod)
	if err != nil {
		return nil, fmt.Errorf("open a stream: %w", err)
	}
	var message []byte
	if err := errors.Join(stream.SendMsg([]byte{}), stream.CloseSend(), stream.RecvMsg(&message)); err != nil {
		return nil, fmt.Errorf("open a stream: %w", err)
	}
	go func() {
		defer close(w.ended)
		for w.err == nil {
			if w.err = stream.RecvMsg(&message); w.err == nil {
				w.beats.Add(1)
			}
		}
	}()
	return w, nil
}

// alive fails unless the stream goes on.
func (w *watched) alive() error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for before, end := w.beats.Load(), time.Now().Add(patience); ; {
		select {
		case <-w.ended:
			return fmt.Errorf("the stream ended: %w", w.err)
		case <-tick.C:
		}
		if w.beats.Load() > before+1 {
			return nil
		}
		if time.Now().After(end) {
			return errors.New("the stream is open, and no messages come")
		}
	}
}

// knocks are calls in the background, each on a connection of its own.
type knocks struct {
	stop func() error
}

// knock calls a server repeatedly as web. No call may fail.
func knock(s *stage, m *member) *knocks {
	s.t.Helper()
	creds := credentialsOf(s.mesh.Pod("shop", "web"))
	stopped, ended, calls := make(chan struct{}), make(chan error, 1), 0
	go func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stopped:
				ended <- nil
				return
			case <-tick.C:
			}
			p := newProber(s.t, m.local(), creds, origin{})
			_, got := p.call(probe{})
			_ = p.channel.Close()
			if calls++; got.Code() != codes.OK {
				ended <- fmt.Errorf("call %d, each on its own connection: %w", calls, got.Err())
				return
			}
		}
	}()
	return &knocks{stop: sync.OnceValue(func() error {
		close(stopped)
		err := <-ended
		if calls == 0 && err == nil {
			err = errors.New("no call was made")
		}
		return err
	})}
}

// awaitLeaf waits until a server presents the certificate that its files have.
func (m *member) awaitLeaf() error {
	want := m.files.Pair().Certificate[0]
	return eventually(func() error {
		connection, err := tls.Dial("tcp", m.local(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
		if err != nil {
			return err
		}
		defer connection.Close()
		if !bytes.Equal(connection.ConnectionState().PeerCertificates[0].Raw, want) {
			return errors.New("the new certificate is not presented")
		}
		return nil
	})
}
