package xds

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/credentials/jwt"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// The environment variables that name the bootstrap, which are gRPC's.
const (
	fileVariable = "GRPC_XDS_BOOTSTRAP"
	textVariable = "GRPC_XDS_BOOTSTRAP_CONFIG"
)

// UserAgent is the user_agent_name by which the control plane knows this client, HTTPUserAgent the one of a Client for plain
// HTTP, which is sent other resources, and Version the version of both.
const (
	UserAgent     = "mizzen-go"
	HTTPUserAgent = "mizzen-go-http"
	Version       = "0.1.0"
)

// Bootstrap is which control planes a client uses, and what it states about itself there.
type Bootstrap struct {
	servers []server
	node    *corev3.Node
}

// server is one control plane.
type server struct {
	target         string
	channel, calls []credential
}

// BootstrapFromEnvironment reads gRPC's bootstrap: the file that GRPC_XDS_BOOTSTRAP names, or else the text in
// GRPC_XDS_BOOTSTRAP_CONFIG.
func BootstrapFromEnvironment() (*Bootstrap, error) {
	if file := os.Getenv(fileVariable); file != "" {
		text, err := os.ReadFile(file) //nolint:gosec // the operator names the file
		if err != nil {
			return nil, fmt.Errorf("xds: read the bootstrap that %s names: %w", fileVariable, err)
		}
		return ParseBootstrap(text)
	}
	text := os.Getenv(textVariable)
	if text == "" {
		return nil, fmt.Errorf("xds: neither %s nor %s is set; `controlplane bootstrap` prints a bootstrap", fileVariable, textVariable)
	}
	return ParseBootstrap([]byte(text))
}

type document struct {
	Servers []struct {
		URI     string       `json:"server_uri"`
		Channel []credential `json:"channel_creds"`
		Calls   []credential `json:"call_creds"`
	} `json:"xds_servers"`
	Node json.RawMessage `json:"node"`
}

type credential struct {
	Type   string `json:"type"`
	Config files  `json:"config"`
}

// files are the files of all kinds of credentials; each kind reads only some of them.
type files struct {
	Certificate string `json:"certificate_file"`
	Key         string `json:"private_key_file"`
	Authorities string `json:"ca_certificate_file"`
	Token       string `json:"jwt_token_file"`
}

// ParseBootstrap reads a bootstrap in gRPC's form.
func ParseBootstrap(text []byte) (*Bootstrap, error) {
	var doc document
	if err := json.Unmarshal(text, &doc); err != nil {
		return nil, fmt.Errorf("xds: parse the bootstrap: %w", err)
	}
	b := &Bootstrap{node: &corev3.Node{}}
	if len(doc.Node) > 0 {
		if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(doc.Node, b.node); err != nil {
			return nil, fmt.Errorf("xds: parse the node of the bootstrap: %w", err)
		}
	}
	for _, s := range doc.Servers {
		if s.URI == "" {
			return nil, errors.New("xds: a server of the bootstrap has no server_uri")
		}
		b.servers = append(b.servers, server{s.URI, s.Channel, s.Calls})
		if _, err := b.servers[len(b.servers)-1].options(); err != nil {
			return nil, fmt.Errorf("xds: server %q of the bootstrap: %w", s.URI, err)
		}
	}
	if len(b.servers) == 0 {
		return nil, errors.New("xds: the bootstrap has no xds_servers")
	}
	return b, nil
}

// nodeOf is what a Client says about itself.
func (b *Bootstrap) nodeOf(http bool) *corev3.Node {
	node := proto.CloneOf(b.node)
	node.UserAgentName, node.UserAgentVersionType = UserAgent, &corev3.Node_UserAgentVersion{UserAgentVersion: Version}
	if http {
		node.UserAgentName = HTTPUserAgent
	}
	return node
}

// options reads the files of the credentials, so it is called for each connection. It uses the first channel credentials
// that are known, as gRPC does, and all call credentials.
func (s server) options() ([]grpc.DialOption, error) {
	transport, err := s.transport()
	if err != nil {
		return nil, err
	}
	options := []grpc.DialOption{grpc.WithTransportCredentials(transport)}
	for _, c := range s.calls {
		if c.Type != "jwt_token_file" || transport.Info().SecurityProtocol != "tls" {
			return nil, fmt.Errorf("call_creds %q cannot be used: they must be jwt_token_file, beside channel_creds tls", c.Type)
		}
		token, err := jwt.NewTokenFileCallCredentials(c.Config.Token)
		if err != nil {
			return nil, fmt.Errorf("call_creds: %w", err)
		}
		options = append(options, grpc.WithPerRPCCredentials(token))
	}
	return options, nil
}

func (s server) transport() (credentials.TransportCredentials, error) {
	for _, c := range s.channel {
		switch c.Type {
		case "insecure":
			return insecure.NewCredentials(), nil
		case "tls":
			config, err := c.Config.tls()
			if err != nil {
				return nil, fmt.Errorf("channel_creds: %w", err)
			}
			return credentials.NewTLS(config), nil
		}
	}
	return nil, errors.New("none of its channel_creds is insecure or tls")
}

// tls trusts the machine's authorities if no others are named.
func (f files) tls() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if f.Authorities != "" {
		text, err := os.ReadFile(f.Authorities)
		if err != nil {
			return nil, err
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%s has no certificate", f.Authorities)
		}
	}
	if f.Certificate != "" || f.Key != "" {
		pair, err := tls.LoadX509KeyPair(f.Certificate, f.Key)
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}
