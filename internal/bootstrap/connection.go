package bootstrap

import (
	"errors"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// Connection is how a client protects its connection to the control plane, and how it proves there who it is. The zero Connection
// is plaintext, which every gRPC library knows; there, a pod is known by its address.
type Connection struct {
	// TLS encrypts.
	TLS bool
	// Authorities is a file with those that the control plane's certificate must be of; empty is what the client's machine trusts.
	Authorities string
	// Certificate and Key are files with the client's own; both are empty where it shows none.
	Certificate, Key string
	// Token is a file with a service account token.
	Token string
}

// proves says whether the client brings a proof of who it is: then it need not say so itself.
func (c Connection) proves() bool { return c.Token != "" || c.Certificate != "" }

// The names by which gRPC knows kinds of credentials.
const (
	plaintext = "insecure"
	encrypted = "tls"
	tokenFile = "jwt_token_file" //nolint:gosec // a name
)

type credential struct {
	Type   string           `json:"type"`
	Config *connectionFiles `json:"config,omitempty"`
}

// connectionFiles are what the kinds of credentials read; each reads its own.
type connectionFiles struct {
	Certificate string `json:"certificate_file,omitempty"`
	Key         string `json:"private_key_file,omitempty"`
	Authorities string `json:"ca_certificate_file,omitempty"`
	Token       string `json:"jwt_token_file,omitempty"`
}

// credentials are those of the channel, and those of each call. It fails on what a client would refuse, or leave out.
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

// nodeIdentity is what a client says of itself: nothing that the proof says already, unless it was told to. An id of Mizzen's form
// would be compared with the proof, and the name of a machine need not be that of a pod.
func (o Options) nodeIdentity() (id, cluster, namespace string) {
	if o.Connection.proves() && o.Namespace == "" {
		return orDefault(o.NodeID, orDefault(o.Hostname, "client")), o.Labels["app"], ""
	}
	namespace = orDefault(o.Namespace, DefaultNamespace)
	return orDefault(o.NodeID, NodeID(namespace, o.Hostname)), clusterName(namespace, o.Labels["app"]), namespace
}

// complete says whether a locality names no part without the one above it.
func complete(l mesh.Locality) bool {
	return (l.Zone == "" || l.Region != "") && (l.SubZone == "" || l.Zone != "")
}
