//go:build linux

// Program envoy is a client of hack/mizzen-conformance: it runs an Envoy, and makes each call through the Envoy's listener.
//
//	envoy PROGRAM API-TYPE
//
// PROGRAM is Envoy's binary, and API-TYPE is GRPC or DELTA_GRPC. All of the Envoy's listeners and clusters come from the control plane in GRPC_XDS_BOOTSTRAP_CONFIG.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

type command struct {
	Target, Method   string
	Count, Parallel  int
	Spacing, Timeout float64
}

type outcome struct {
	Code codes.Code `json:"code"`
	Text string     `json:"text"`
	Body string     `json:"body"`
	MS   int64      `json:"ms"`
}

// raw is a codec that passes the bytes of messages through.
type raw struct{}

func (raw) Name() string                { return "proto" }
func (raw) Marshal(any) ([]byte, error) { return nil, nil }
func (raw) Unmarshal(data []byte, v any) error {
	*v.(*[]byte) = append([]byte(nil), data...)
	return nil
}

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: envoy PROGRAM API-TYPE")
	}
	dir, err := os.MkdirTemp("", "mizzen-envoy-")
	if err != nil {
		log.Fatal(err)
	}
	err = run(dir)
	_ = os.RemoveAll(dir)
	if err != nil {
		log.Fatal(err)
	}
}

func run(dir string) error {
	config, err := bootstrap(os.Getenv("GRPC_XDS_BOOTSTRAP_CONFIG"), os.Args[2])
	if err != nil {
		return err
	}
	admin := filepath.Join(dir, "admin")
	proxy := exec.Command(os.Args[1], "--config-yaml", config, "--admin-address-path", admin, "--disable-hot-restart", "--concurrency", "1", "--log-level", "error")
	proxy.Stdout, proxy.Stderr = os.Stderr, os.Stderr
	runtime.LockOSThread() // the Envoy ends with the thread that started it
	proxy.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := proxy.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		_ = proxy.Wait()
		close(ended)
	}()
	defer func() {
		_ = proxy.Process.Kill()
		<-ended
	}()
	c := caller{conns: map[string]*grpc.ClientConn{}}
	for c.admin == "" {
		text, err := os.ReadFile(admin)
		if err == nil {
			c.admin = strings.TrimSpace(string(text))
		}
		select {
		case <-ended:
			return errors.New("the Envoy ended")
		case <-time.After(10 * time.Millisecond):
		}
	}
	return c.serve(os.Stdin, os.Stdout)
}

// bootstrap is that of an Envoy with the control plane and the node of a bootstrap of gRPC.
func bootstrap(text, api string) (string, error) {
	var grpc struct {
		Servers []struct {
			URI string `json:"server_uri"`
		} `json:"xds_servers"`
		Node map[string]any `json:"node"`
	}
	if err := json.Unmarshal([]byte(text), &grpc); err != nil || len(grpc.Servers) == 0 {
		return "", fmt.Errorf("GRPC_XDS_BOOTSTRAP_CONFIG has no server: %w", err)
	}
	host, port, _ := strings.Cut(grpc.Servers[0].URI, ":")
	const plane = "control-plane"
	type object = map[string]any
	socket := func(host string, port any) object {
		return object{"socket_address": object{"address": host, "port_value": port}}
	}
	source := object{"ads": object{}, "resource_api_version": "V3"}
	config, err := json.Marshal(object{
		"node": grpc.Node, "admin": object{"address": socket("127.0.0.1", 0)},
		"dynamic_resources": object{
			"cds_config": source, "lds_config": source,
			"ads_config": object{
				"api_type": api, "transport_api_version": "V3", "set_node_on_first_message_only": true,
				"grpc_services": []any{object{"envoy_grpc": object{"cluster_name": plane}}},
			},
		},
		"static_resources": object{"clusters": []any{object{
			"name": plane, "type": "STATIC", "connect_timeout": "1s",
			"typed_extension_protocol_options": object{"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": object{
				"@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions", "explicit_http_config": object{"http2_protocol_options": object{}},
			}},
			"load_assignment": object{"cluster_name": plane, "endpoints": []any{object{"lb_endpoints": []any{object{"endpoint": object{"address": socket(host, port)}}}}}},
		}}},
	})
	return string(config), err
}

// caller has a connection to each address of a listener.
type caller struct {
	admin string
	conns map[string]*grpc.ClientConn
}

// serve makes the calls of commands.
func (c *caller) serve(commands io.Reader, outcomes io.Writer) error {
	in, out := json.NewDecoder(commands), json.NewEncoder(outcomes)
	_ = out.Encode(0)
	for {
		var cmd command
		if err := in.Decode(&cmd); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil || cmd.Parallel > 1 {
			return fmt.Errorf("got %+v and %w, want a command for calls in turn", cmd, err)
		}
		all := make([]outcome, cmd.Count)
		for i := range all {
			all[i] = c.call(cmd)
			<-time.After(seconds(cmd.Spacing))
		}
		_ = out.Encode(all)
	}
}

func seconds(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }

func (c *caller) call(cmd command) outcome {
	begun := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), seconds(cmd.Timeout))
	defer cancel()
	var body []byte
	conn, err := c.conn(ctx, strings.TrimPrefix(cmd.Target, "xds:///"))
	if err == nil {
		err = conn.Invoke(ctx, cmd.Method, nil, &body, grpc.ForceCodec(raw{}))
	}
	s := status.Convert(err)
	return outcome{s.Code(), s.Message(), string(body), time.Since(begun).Milliseconds()}
}

// conn is the connection to a listener, by its name. Where none is, nothing accepts connections.
func (c *caller) conn(ctx context.Context, listener string) (*grpc.ClientConn, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.admin+"/listeners", nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		address, found := strings.CutPrefix(strings.TrimSpace(line), listener+"::")
		if !found {
			continue
		}
		if c.conns[address] == nil {
			if c.conns[address], err = grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials())); err != nil {
				return nil, err
			}
		}
		return c.conns[address], nil
	}
	return nil, status.Errorf(codes.Unavailable, "the Envoy has no listener %q", listener)
}
