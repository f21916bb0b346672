package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	certificatesv1 "k8s.io/api/certificates/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// apiServer keeps objects by their paths, as an API server does. Its only watch is silent.
type apiServer struct {
	mu      sync.Mutex
	version int
	objects map[string]runtime.Object
}

// newAPIServer starts an apiServer, and returns a kubeconfig for it.
func newAPIServer(t *testing.T) (kubeconfig string) {
	t.Helper()
	server := httptest.NewServer(&apiServer{objects: map[string]runtime.Object{}})
	t.Cleanup(server.Close)
	config := clientcmdapi.NewConfig()
	config.Clusters["test"] = &clientcmdapi.Cluster{Server: server.URL}
	config.Contexts["test"] = &clientcmdapi.Context{Cluster: "test"}
	config.CurrentContext = "test"
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// ServeHTTP implements http.Handler.
func (a *apiServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Get("watch") != "" {
		if r.URL.Query().Get("sendInitialEvents") != "" {
			a.write(w, http.StatusUnprocessableEntity, refusal(metav1.StatusReasonInvalid, http.StatusUnprocessableEntity))
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	path := r.URL.Path
	switch r.Method {
	case http.MethodGet:
		switch object := a.objects[path]; {
		case strings.HasSuffix(path, "/podcertificaterequests"):
			a.write(w, http.StatusOK, &certificatesv1.PodCertificateRequestList{ListMeta: metav1.ListMeta{ResourceVersion: "1"}})
		case object == nil:
			a.write(w, http.StatusNotFound, refusal(metav1.StatusReasonNotFound, http.StatusNotFound))
		default:
			a.write(w, http.StatusOK, object)
		}
	case http.MethodPost, http.MethodPut:
		body, err := io.ReadAll(r.Body)
		object, _, failed := scheme.Codecs.UniversalDeserializer().Decode(body, nil, nil)
		if err != nil || failed != nil {
			a.write(w, http.StatusBadRequest, refusal(metav1.StatusReasonBadRequest, http.StatusBadRequest))
			return
		}
		m, _ := meta.Accessor(object)
		if r.Method == http.MethodPost {
			path += "/" + m.GetName()
			if a.objects[path] != nil {
				a.write(w, http.StatusConflict, refusal(metav1.StatusReasonAlreadyExists, http.StatusConflict))
				return
			}
		}
		a.version++
		m.SetResourceVersion(strconv.Itoa(a.version))
		a.objects[path] = object
		a.write(w, http.StatusOK, object)
	}
}

func (*apiServer) write(w http.ResponseWriter, code int, object runtime.Object) {
	kinds, _, err := scheme.Scheme.ObjectKinds(object)
	if err == nil {
		object.GetObjectKind().SetGroupVersionKind(kinds[0])
	}
	var text bytes.Buffer
	_ = scheme.Codecs.LegacyCodec(object.GetObjectKind().GroupVersionKind().GroupVersion()).Encode(object, &text)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(text.Bytes())
}

func refusal(reason metav1.StatusReason, code int32) *metav1.Status {
	return &metav1.Status{Status: metav1.StatusFailure, Reason: reason, Code: code}
}

// startSign runs sign with an authority until the test ends, and returns when it has one in use.
func startSign(t *testing.T) (s *runningServe, stop func() outcome) {
	t.Helper()
	kubeconfig := newAPIServer(t)
	if made := command(t.Context(), "", "authority", "create", "--kubeconfig", kubeconfig); made.code != exitOK {
		t.Fatal(made.err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	stdout, in := io.Pipe()
	var stderr bytes.Buffer
	done := make(chan int, 1)
	go func() {
		done <- execute(ctx, []string{"sign", "--kubeconfig", kubeconfig, "--mizzen-namespace", defaultNamespace, "--admin-address", "127.0.0.1:0"},
			stdio{in: strings.NewReader(""), out: in, err: &stderr})
		in.Close()
	}()
	s = &runningServe{}
	lines := bufio.NewScanner(stdout)
	if !lines.Scan() {
		cancel()
		t.Fatalf("sign ended with exit code %d before it was ready:\n%s", <-done, stderr.String())
	}
	if _, err := fmt.Sscanf(lines.Text(), "ready admin=%s", &s.admin); err != nil {
		t.Errorf("got %q (%v), want the ready line", lines.Text(), err)
	}
	stop = sync.OnceValue(func() outcome { cancel(); return outcome{<-done, "", stderr.String()} })
	t.Cleanup(func() { stop() })
	// It signs within moments of its start; each answer takes a while, so this does not spin.
	for {
		_, text := get(t, s, "/metrics")
		if strings.Contains(text, "mizzen_signer_signing 1\n") {
			return s, stop
		}
	}
}

// TestSign: the command as a whole, from an authority that the other command makes.
func TestSign(t *testing.T) {
	s, stop := startSign(t)
	for path, want := range map[string]string{
		"/healthz": "ok\n", "/readyz": "ok\n", "/metrics": "mizzen_signer_leader 1\n", "/debug/pprof/": "goroutine",
	} {
		if code, text := get(t, s, path); code != http.StatusOK || !strings.Contains(text, want) {
			t.Errorf("%s: got %d, want 200 and %q", path, code, want)
		}
	}
	if got := stop(); got.code != exitOK || strings.Contains(got.err, "PRIVATE KEY") {
		t.Errorf("got exit code %d and\n%s", got.code, got.err)
	}
}

// TestAuthorityIsNotOverwritten, by a second create.
func TestAuthorityIsNotOverwritten(t *testing.T) {
	kubeconfig := newAPIServer(t)
	first := command(t.Context(), "", "authority", "create", "--kubeconfig", kubeconfig)
	second := command(t.Context(), "", "authority", "create", "--kubeconfig", kubeconfig)
	if first.code != exitOK || second.code != exitFailure || !strings.Contains(second.err, "exists and is not overwritten") {
		t.Errorf("got %+v, then %+v", first, second)
	}
}
