package bootstrap

import (
	"errors"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// Connection is how a client secures its connection to the control plane, and how it authenticates there. The zero
// Connection is plaintext, which every gRPC library supports; the control plane then identifies a pod by its address.
type Connection struct {
	// TLS encrypts the connection.
	TLS bool
	// Authorities is a file with the authorities for the control plane's certificate; empty means the system roots of
	// the client's machine.
	Authorities string
	// Certificate and Key are files with the client's certificate and key; both are empty if it has none.
	Certificate, Key string
	// Token is a file with a service account token.
	Token string
}

// proves reports whether the client proves its identity. Then the node need not state it.
func (c Connection) proves() bool { return c.Token != "" || c.Certificate != "" }

// The names of kinds of credentials in gRPC.
const (
	plaintext = "insecure"
	encrypted = "tls"
	tokenFile = "jwt_token_file" //nolint:gosec // a name
)

type credential struct {
	Type   string           `json:"type"`
	Config *connectionFiles `json:"config,omitempty"`
}

// connectionFiles are the files of all kinds of credentials; each kind reads only some of them.
type connectionFiles struct {
	Certificate string `json:"certificate_file,omitempty"`
	Key         string `json:"private_key_file,omitempty"`
	Authorities string `json:"ca_certificate_file,omitempty"`
	Token       string `json:"jwt_token_file,omitempty"`
}

// credentials returns the credentials of the channel, and of each call. It fails on files that a client would reject
// or not send.
func (c Connection) credentials() (channel, call []credential, err error) {
	files := connectionFiles{Certificate: c.Certificate, Key: c.Key, Authorities: c.Authorities}
	switch {
	case !c.TLS && c != Connection{}:
		return nil, nil, errors.New("certificates and tokens are for an encrypted connection: without TLS the client would not send them")
	case (c.Certificate == "") != (c.Key == ""):
		return nil, nil, errors.New("the client's certificate and its key belong together")
	case !c.TLS:
		return []credential{{Type: plaintext}}, nil, nil
	}
	channel = []credential{{Type: encrypted}}
	if files != (connectionFiles{}) {
		channel[0].Config = &files
	}
	if c.Token != "" {
		call = []credential{{Type: tokenFile, Config: &connectionFiles{Token: c.Token}}}
	}
	return channel, call, nil
}

// nodeIdentity returns what the client's node states about the client. If the client proves its identity, the node
// states nothing that the proof contains, unless Options set it. A node ID in Mizzen's form would be compared with
// the proof, and the name of a machine may differ from the name of its pod.
func (o Options) nodeIdentity() (id, cluster, namespace string) {
	if o.Connection.proves() && o.Namespace == "" {
		return orDefault(o.NodeID, orDefault(o.Hostname, "client")), o.Labels["app"], ""
	}
	namespace = orDefault(o.Namespace, DefaultNamespace)
	return orDefault(o.NodeID, NodeID(namespace, o.Hostname)), clusterName(namespace, o.Labels["app"]), namespace
}

// complete reports whether a locality has the parts above each part that it has.
func complete(l mesh.Locality) bool {
	return (l.Zone == "" || l.Region != "") && (l.SubZone == "" || l.Zone != "")
}
