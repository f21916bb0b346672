// Not while fuzzing: all that is linked is instrumented for it, and these tests link a whole Kubernetes client.
//go:build !fuzzing

package translate_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
	"github.com/mizzen-mesh/mizzen/pkg/watch/files"
)

const behaviourService = `
apiVersion: v1
kind: Service
metadata: {name: echo, namespace: default}
spec: {ports: [{port: 80}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: echo, namespace: default}
spec:
  hosts: [echo]
  http:
`

// silentService has an endpoint that accepts connections and never answers. The port is a format verb.
const silentService = `
---
apiVersion: v1
kind: Service
metadata: {name: silent, namespace: default}
spec: {ports: [{port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: silent, namespace: default, labels: {kubernetes.io/service-name: silent}}
addressType: IPv4
ports: [{port: %d}]
endpoints: [{addresses: [127.0.0.1]}]
`

// behaviourRules answer with direct responses, which show the matched rule without a server: 403 becomes
// PERMISSION_DENIED, 401 UNAUTHENTICATED, 404 UNIMPLEMENTED.
const behaviourRules = `
  - match: [{headers: {X-User: {exact: ann}}}]
    directResponse: {status: 401}
  - match: [{uri: {prefix: /quiet.}, withoutHeaders: {x-user: {exact: bob}}}]
    directResponse: {status: 404}
  - match: [{uri: {exact: /echo.Echo/Say}}, {uri: {regex: "/echo\\.Echo/(Sing|Hum)"}}, {uri: {prefix: /LOUD.}, ignoreUriCase: true}]
    directResponse: {status: 403}
  - match: [{uri: {prefix: /moved.}}]
    redirect: {uri: /elsewhere}
  - match: [{uri: {prefix: /gone.}}]
    route: [{destination: {host: echo, subset: v9}}]
  - match: [{uri: {prefix: /slow.}}]
    timeout: 0.05s
    route: [{destination: {host: silent}}]
  - match: [{scheme: {exact: http}}, {queryParams: {q: {exact: a}}}, {headers: {"@request.auth.claims.sub": {exact: ann}}}, {sourceLabels: {app: a}}]
    directResponse: {status: 403}
  - match: [{headers: {content-type: {prefix: application/grpc}}}]
    directResponse: {status: 403}
  - match: [{uri: {prefix: /empty.}}]
    route: [{destination: {host: echo}}]
`

// TestBehaviour sends calls through a real client.
func TestBehaviour(t *testing.T) {
	tests := map[string]struct {
		method string
		header []string // keys and values
		want   codes.Code
		text   string // a part of the error
	}{
		"header, whatever the case of its name": {method: "/a.A/A", header: []string{"X-USER", "ann"}, want: codes.Unauthenticated},
		"another value of the header":           {method: "/a.A/A", header: []string{"x-user", "bob"}, want: codes.Unavailable, text: "no matched route"},
		"without a header: absent":              {method: "/quiet.Q/Q", want: codes.Unimplemented},
		"without a header: another value":       {method: "/quiet.Q/Q", header: []string{"x-user", "eve"}, want: codes.Unimplemented},
		"without a header: that value":          {method: "/quiet.Q/Q", header: []string{"x-user", "bob"}, want: codes.Unavailable, text: "no matched route"},
		"exact path":                            {method: "/echo.Echo/Say", want: codes.PermissionDenied},
		"path in another case":                  {method: "/echo.Echo/say", want: codes.Unavailable, text: "no matched route"},
		"expression":                            {method: "/echo.Echo/Hum", want: codes.PermissionDenied},
		"expression for the whole path":         {method: "/echo.Echo/Hummer", want: codes.Unavailable, text: "no matched route"},
		"prefix in any case":                    {method: "/loud.L/L", want: codes.PermissionDenied},
		"redirect fails":                        {method: "/moved.M/M", want: codes.Unavailable},
		"unknown subset fails":                  {method: "/gone.G/G", want: codes.Unavailable},
		"timeout":                               {method: "/slow.S/S", want: codes.DeadlineExceeded},
		"what cannot be matched is not":         {method: "/other.O/O", want: codes.Unavailable, text: "no matched route"},
		"gRPC for Go shows no content-type":     {method: "/other.O/P", want: codes.Unavailable, text: "no matched route"},
		"nobody is ready":                       {method: "/empty.E/E", want: codes.Unavailable},
	}
	objects := behaviourService + behaviourRules + fmt.Sprintf(silentService, listen(t))
	control := serve(t, load(t, objects), mesh.Client{Namespace: "default", Kind: mesh.GRPCGo})
	go control.ignoreVerdicts(t.Context())
	channel := control.dial(t, "echo")
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(t.Context(), test.header...), time.Minute)
			defer cancel()
			err := channel.Invoke(ctx, test.method, &emptypb.Empty{}, &emptypb.Empty{})
			if got := status.Code(err); got != test.want {
				t.Errorf("got %v, want %s", err, test.want)
			}
			if !strings.Contains(status.Convert(err).Message(), test.text) {
				t.Errorf("got %v, want an error that contains %q", err, test.text)
			}
		})
	}
}

// TestUnknownNames checks that calls to unknown names fail immediately, and that the error contains the name as it
// was dialed. grpc-go sets this error a moment after it lets the first call proceed, so the error of a first call
// may not contain the name.
func TestUnknownNames(t *testing.T) {
	control := serve(t, load(t, behaviourService+behaviourRules), mesh.Client{Namespace: "default", Kind: mesh.GRPCGo})
	go control.ignoreVerdicts(t.Context())
	for _, name := range []string{"nobody", "nobody.default:80", "echo:81", "echo:grpc", "nobody.example.com:443"} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			channel := control.dial(t, name)
			for named := false; !named; {
				err := channel.Invoke(ctx, "/a.A/A", &emptypb.Empty{}, &emptypb.Empty{})
				if status.Code(err) != codes.Unavailable {
					t.Fatalf("got %v, want Unavailable, with the name %q", err, name)
				}
				named = strings.Contains(status.Convert(err).Message(), `"`+name+`"`)
			}
		})
	}
}

// ignoreVerdicts receives the client's answers, so that the stream is not blocked.
func (c *control) ignoreVerdicts(ctx context.Context) {
	for {
		select {
		case <-c.verdicts:
		case <-ctx.Done():
			return
		}
	}
}

// listen returns the port of a listener that accepts connections and is not served.
func listen(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().(*net.TCPAddr).Port
}

func load(t *testing.T, text string) *snapshot.Snapshot {
	t.Helper()
	path := filepath.Join(t.TempDir(), "objects.yaml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	world, err := files.Load(watch.Options{}, path)
	if err != nil {
		t.Fatal(err)
	}
	return snapshot.New(world)
}
