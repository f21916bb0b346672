// Package provider has the pods that the Spring tests call: plain HTTP servers that answer what they received. A test
// can make them fail, delay, or refuse connections.
package provider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Answer is the body of a response.
type Answer struct {
	Pod     string            `json:"pod"`
	Version string            `json:"version"`
	Method  string            `json:"method"`
	Path    string            `json:"path"`
	Query   string            `json:"query"`
	Host    string            `json:"host"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
}

// Pod is a running server.
type Pod struct {
	// Name and Version are in every answer.
	Name, Version string

	mu     sync.Mutex // protects the fields below
	server *http.Server
	port   int
	served chan error
	faults []Fault
	always Fault
	seen   []Answer
}

// Fault is what goes wrong with a request. Without a status the request is answered.
type Fault struct {
	Delay  time.Duration
	Status int
	// Event is sent at once, as text/event-stream; the answer follows it.
	Event string
	// Until holds the request back until it is closed; nil does not.
	Until <-chan struct{}
}

// Start serves on a free port of 127.0.0.1.
func Start(name, version string) (*Pod, error) {
	p := &Pod{Name: name, Version: version}
	return p, p.Accept()
}

// Address returns the host and port; the port stays the same while the pod refuses connections.
func (p *Pod) Address() string { return fmt.Sprintf("127.0.0.1:%d", p.Port()) }

// Port returns the port.
func (p *Pod) Port() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.port
}

// Accept begins to serve.
func (p *Pod) Accept() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", p.port))
	if err != nil {
		return fmt.Errorf("start pod %s: %w", p.Name, err)
	}
	p.port = listener.Addr().(*net.TCPAddr).Port
	server, served := &http.Server{Handler: p, ReadHeaderTimeout: time.Minute}, make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	p.server, p.served = server, served
	return nil
}

// Refuse closes the listener and all connections: new ones are refused.
func (p *Pod) Refuse() error {
	p.mu.Lock()
	server, served := p.server, p.served
	p.server = nil
	p.mu.Unlock()
	if server == nil {
		return nil
	}
	return ended(server.Close(), served)
}

// Drain refuses new connections, and closes those that are open after their requests were answered.
func (p *Pod) Drain(ctx context.Context) error {
	p.mu.Lock()
	server, served := p.server, p.served
	p.server = nil
	p.mu.Unlock()
	return ended(server.Shutdown(ctx), served)
}

func ended(err error, served <-chan error) error {
	if serve := <-served; !errors.Is(serve, http.ErrServerClosed) {
		return errors.Join(err, serve)
	}
	return err
}

// Fail has faults for the next requests, one for each, and for all requests after them.
func (p *Pod) Fail(always Fault, next ...Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.always, p.faults = always, next
}

// Take returns the requests since the last time.
func (p *Pod) Take() []Answer {
	p.mu.Lock()
	defer p.mu.Unlock()
	seen := p.seen
	p.seen = nil
	return seen
}

// ServeHTTP answers what it received.
func (p *Pod) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	a := Answer{
		Pod: p.Name, Version: p.Version, Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery, Host: r.Host,
		Headers: map[string]string{}, Body: string(body),
	}
	for name, values := range r.Header {
		a.Headers[strings.ToLower(name)] = strings.Join(values, ",")
	}
	p.mu.Lock()
	p.seen = append(p.seen, a)
	fault := p.always
	if len(p.faults) > 0 {
		fault, p.faults = p.faults[0], p.faults[1:]
	}
	p.mu.Unlock()
	select {
	case <-time.After(fault.Delay):
	case <-r.Context().Done():
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Pod", p.Name)
	if fault.Event != "" {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = fmt.Fprintf(w, "data: %s\n\n", fault.Event)
		_ = http.NewResponseController(w).Flush()
	}
	if fault.Until != nil {
		select {
		case <-fault.Until:
		case <-r.Context().Done():
		}
	}
	if fault.Status != 0 {
		w.WriteHeader(fault.Status)
	}
	_ = json.NewEncoder(w).Encode(a)
}
