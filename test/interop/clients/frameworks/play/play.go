// Package play is what the clients of Go frameworks share: it reads commands and makes their calls over the framework's channel. The
// documentation of package interop describes what it reads and writes. The client in clients/go is another program, because it is
// also built with old versions of gRPC.
package play

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net"
	"os"
	"sync"
	"time"

	statusv3 "github.com/envoyproxy/go-control-plane/envoy/service/status/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/credentials/xds"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/xds/csds"
)

type command struct {
	Target   string            `json:"target"`
	Method   string            `json:"method"`
	Headers  map[string]string `json:"headers"`
	Count    int               `json:"count"`
	Parallel int               `json:"parallel"`
	Spacing  float64           `json:"spacing"`
	Timeout  float64           `json:"timeout"`
}

type outcome struct {
	Code uint32  `json:"code"`
	Text string  `json:"text"`
	Body string  `json:"body"`
	MS   float64 `json:"ms"`
}

// raw is a codec that passes the bytes of messages through.
type raw struct{}

func (raw) Name() string                { return "proto" }
func (raw) Marshal(any) ([]byte, error) { return nil, nil }
func (raw) Unmarshal(data []byte, v any) error {
	*v.(*[]byte) = append([]byte(nil), data...)
	return nil
}

// Dial is how an application of the framework makes a channel.
type Dial func(target string, creds credentials.TransportCredentials) (grpc.ClientConnInterface, error)

// Main reads commands until the input ends.
func Main(dial Dial) {
	channels := map[string]grpc.ClientConnInterface{}
	// If the control plane requires no encryption, calls are sent in plain text.
	creds, err := xds.NewClientCredentials(xds.ClientOptions{FallbackCreds: insecure.NewCredentials()})
	if err != nil {
		log.Fatalln("make xDS credentials:", err)
	}
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	if err := out.Encode(serveStatus()); err != nil {
		log.Fatalln("write the port:", err)
	}
	for {
		var c command
		if err := in.Decode(&c); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			log.Fatalln("read a command:", err)
		}
		if channels[c.Target] == nil {
			if channels[c.Target], err = dial(c.Target, creds); err != nil {
				log.Fatalln("dial:", err)
			}
		}
		if err := out.Encode(run(channels[c.Target], c)); err != nil {
			log.Fatalln("write the outcomes:", err)
		}
	}
}

// serveStatus starts the client status discovery service, and returns its port.
func serveStatus() int {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatalln("listen:", err)
	}
	states, err := csds.NewClientStatusDiscoveryServer()
	if err != nil {
		log.Fatalln("serve the state of the xDS client:", err)
	}
	server := grpc.NewServer()
	statusv3.RegisterClientStatusDiscoveryServiceServer(server, states)
	go func() { log.Fatalln(server.Serve(listener)) }()
	return listener.Addr().(*net.TCPAddr).Port
}

func run(channel grpc.ClientConnInterface, c command) []outcome {
	outcomes := make([]outcome, c.Count)
	for first := 0; first < c.Count; first += c.Parallel {
		var calls sync.WaitGroup
		for i := first; i < min(first+c.Parallel, c.Count); i++ {
			calls.Go(func() { outcomes[i] = call(channel, c) })
			<-time.After(seconds(c.Spacing))
		}
		calls.Wait()
	}
	return outcomes
}

func call(channel grpc.ClientConnInterface, c command) outcome {
	ctx := metadata.NewOutgoingContext(context.Background(), metadata.New(c.Headers))
	ctx, cancel := context.WithTimeout(ctx, seconds(c.Timeout))
	defer cancel()
	var body []byte
	start := time.Now()
	err := channel.Invoke(ctx, c.Method, nil, &body, grpc.ForceCodec(raw{}))
	s := status.Convert(err)
	return outcome{
		Code: uint32(s.Code()), Text: s.Message(), Body: string(body), MS: float64(time.Since(start)) / float64(time.Millisecond),
	}
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
