//go:build interop

package interop

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/mizzen-mesh/mizzen/test/authority"
)

// policiesAreTooLarge edits policies so that their rules have more than the 4 MiB that gRPC takes, and denies every call by one of
// them. If the rules were sent, the stream would end, and the next one, too: the policies of before would stay in force.
func policiesAreTooLarge(s *stage) {
	accounts := strings.Repeat("cluster.local/ns/some-namespace/sa/"+strings.Repeat("x", 60)+",", 30_000)
	large := policy("large", "{action: DENY, rules: [{from: [{source: {principals: ["+accounts+"]}}]}]}")
	s.plane.put("objects.yaml", strictNamespace+large+strings.ReplaceAll(large, "large", "larger")+policy("denied", "{action: DENY, rules: [{}]}"))
	s.each(func(m *member) error { return s.web(m).awaitCode(probe{}, codes.PermissionDenied) })
	s.plane.put("objects.yaml", allow("web"))
	s.each(func(m *member) error { return s.web(m).awaitCode(probe{}, codes.OK) })
}

// hostileEdits edits files at random around a policy that denies a method, and around STRICT, while that method is called, also in
// plaintext. None of the edits lifts either. What else is allowed does not matter.
func hostileEdits(s *stage) {
	const denied, rounds = "/interop.Echo/Reset", 150
	guard := strictNamespace + policy("guard", "{action: DENY, rules: [{from: [{source: {serviceAccounts: [web]}}], to: [{operation: {paths: ["+denied+"]}}]}]}")
	r, name := rand.New(rand.NewPCG(1, 2)), "m.yaml"
	s.plane.put(name, guard)
	s.plane.put("objects.yaml", "")
	s.each(func(m *member) error { return s.web(m).awaitCode(probe{Method: denied}, codes.PermissionDenied) })
	stopped, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		s.each(func(m *member) error { return s.neverAnswers(m, denied, stopped) })
	}()
	file := func(name string) string { return filepath.Join(s.plane.dir, name) }
	noise := func() string { return policy(fmt.Sprintf("n%d", r.IntN(3)), noises[r.IntN(len(noises))]) }
	edits := []func(){
		func() { s.plane.write("z.yaml", noise()+noise()) },
		func() { s.plane.write(name, guard+noise()) },
		func() { s.plane.write(name, noise()+guard) },
		func() { s.plane.write(name, strings.Replace(guard, "rules:", "rule:", 1)) },
		func() { s.plane.write(name, guard[:len(guard)-4]) },
		func() { s.plane.write(name, guard+"---\n# \xff\n") },
		func() { s.plane.write(name, strings.ReplaceAll(guard, "Policy", "Polici")) },
		func() {
			s.plane.write("r.yaml", strings.ReplaceAll(strictNamespace, "namespace: shop", "namespace: istio-system"))
		},
		func() { _ = os.Remove(file("r.yaml")) },
		func() { _ = os.Remove(file("z.yaml")) },
		func() { // written in two parts
			text := noise() + noise()
			_ = os.WriteFile(file("z.yaml"), []byte(text[:r.IntN(len(text))]), 0o600)
			_ = os.WriteFile(file("z.yaml"), []byte(text), 0o600)
		},
		func() { // under another name
			next := []string{"a.yaml", "m.yaml", "zz.yaml"}[r.IntN(3)]
			_ = os.Rename(file(name), file(next))
			name = next
		},
	}
	for range rounds {
		edits[r.IntN(len(edits))]()
		<-time.After(time.Duration(r.IntN(60)) * time.Millisecond)
	}
	close(stopped)
	<-ended
	for _, left := range []string{"r.yaml", "z.yaml", name} {
		_ = os.Remove(file(left))
	}
	s.plane.put("objects.yaml", strictNamespace)
}

// noises are specs of policies, valid and broken.
var noises = []string{
	"{}", "{rules: [{}]}", "{action: DENY}", "{action: DENY, rules: null}", "{rules: [{from: [{source: {serviceAccounts: [web]}}]}]}", "{action: CUSTOM, rules: [{from: []}]}",
	"{action: AUDIT}", "{action: deny}", "{action: 1}", "[]", "null", "x: {", "{rules: [{frm: 1}]}", "{selector: {matchLabels: {a b: echo}}, action: DENY}",
	"{targetRefs: [{kind: Service, name: go}], rules: [{}]}", "{action: DENY, rules: [{to: [{operation: {paths: ['/a*b', '/{x}']}}]}]}",
}

// neverAnswers calls a method that is denied, also in plaintext, until it is stopped.
func (s *stage) neverAnswers(m *member, method string, stopped <-chan struct{}) error {
	web := s.web(m)
	for {
		select {
		case <-stopped:
			return nil
		default:
		}
		if got := web.code(probe{Method: method}); got == codes.OK {
			return errors.New("the method that is denied was answered")
		}
		p := newProber(s.t, m.local(), plaintext(), origin{})
		got := p.code(probe{})
		_ = p.channel.Close()
		if got != codes.Unavailable {
			return fmt.Errorf("a call in plaintext: got %v", got)
		}
	}
}

// headersAreNotText sends bytes that are no UTF-8 in a header whose presence is denied. No gRPC client does that, but any HTTP/2
// client can.
func headersAreNotText(s *stage) {
	const denied = "7" // PERMISSION_DENIED
	s.plane.put("objects.yaml", strictNamespace+policy("present", "{action: DENY, rules: [{when: [{key: 'request.headers[x-a]', values: ['*']}]}]}"))
	files := s.mesh.Pod("shop", "web")
	s.each(func(m *member) error {
		if err := s.web(m).awaitCode(probe{Headers: map[string]string{"x-a": "a"}}, codes.PermissionDenied); err != nil {
			return err
		}
		for header, want := range map[string]string{"": "0", "\xff\xfe": denied, "a\xff": denied, "é": denied} {
			got, err := m.rawCall(files, header)
			if err != nil {
				return fmt.Errorf("the header %q: %w", header, err)
			}
			if got != want {
				return fmt.Errorf("the header %q: got the status %s, want %s", header, got, want)
			}
		}
		return nil
	})
}

// rawCall calls a server without gRPC, on a new connection, and returns the status of gRPC. header is the value of x-a; empty for none.
func (m *member) rawCall(files *authority.Files, header string) (status string, err error) {
	config := &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{files.Pair()}}
	transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	empty := make([]byte, 5) // the length of a message without bytes
	req, err := http.NewRequest(http.MethodPost, "https://"+m.local()+defaultMethod, bytes.NewReader(empty))
	if err != nil {
		return "", err
	}
	req.Header = http.Header{"Content-Type": {"application/grpc"}, "Te": {"trailers"}}
	if header != "" {
		req.Header.Set("x-a", header)
	}
	res, err := (&http.Client{Transport: transport, Timeout: callTimeout}).Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return "", err
	}
	return orElse(res.Header.Get("grpc-status"), res.Trailer.Get("grpc-status")), nil
}
