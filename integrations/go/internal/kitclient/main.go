// Kitclient makes the calls that hack/mizzen-conformance asks for: xds.Client finds where each goes, and gRPC for Go makes it, as a
// framework would.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/mizzen-mesh/mizzen/integrations/go/xds"
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
	mesh, err := xds.NewClient(xds.Options{})
	if err != nil {
		log.Fatal(err)
	}
	c := caller{mesh, map[string]*grpc.ClientConn{}}
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	_ = out.Encode(0)
	for {
		var cmd command
		if err := in.Decode(&cmd); errors.Is(err, io.EOF) {
			mesh.Close()
			return
		} else if err != nil || cmd.Parallel > 1 {
			log.Fatalf("got %+v and %v, want a command for calls in turn", cmd, err)
		}
		outcomes := make([]outcome, cmd.Count)
		for i := range outcomes {
			outcomes[i] = c.call(cmd)
			<-time.After(seconds(cmd.Spacing))
		}
		_ = out.Encode(outcomes)
	}
}

func seconds(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }

// caller has a connection to each endpoint.
type caller struct {
	mesh  *xds.Client
	conns map[string]*grpc.ClientConn
}

func (c caller) call(cmd command) outcome {
	begun := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), seconds(cmd.Timeout))
	defer cancel()
	var body []byte
	err := c.mesh.Do(ctx, xds.Call{Host: strings.TrimPrefix(cmd.Target, "xds:///"), Path: cmd.Method}, func(ctx context.Context, to xds.Target) xds.Outcome {
		conn := c.conns[to.Address]
		if conn == nil {
			var err error
			if conn, err = grpc.NewClient(to.Address, grpc.WithTransportCredentials(insecure.NewCredentials())); err != nil {
				return xds.Outcome{Err: err, Unreached: true}
			}
			c.conns[to.Address] = conn
		}
		err := conn.Invoke(ctx, cmd.Method, nil, &body, grpc.ForceCodec(raw{}))
		return xds.Outcome{Err: err, Code: status.Code(err)}
	})
	s := status.Convert(err)
	return outcome{s.Code(), s.Message(), string(body), time.Since(begun).Milliseconds()}
}
