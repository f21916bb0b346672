package identity

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// Proof is how a client proved who it is.
type Proof string

// The proofs, the strongest first.
const (
	Token       Proof = "token"
	Certificate Proof = "certificate"
	Address     Proof = "address"
	// Unverified is none: the client's own word, where the control plane is told to believe it.
	Unverified Proof = "claim"
)

// Identity is who a client is. The zero Identity is a client of which nothing is known but its own word.
type Identity struct {
	Proof                     Proof
	Namespace, ServiceAccount string
	// Pod is nil when the proof names none, as certificates do.
	Pod *mesh.Pod
	// Expires is when the proof does; zero when it does not.
	Expires time.Time
}

// Pods finds the pods that exist.
type Pods interface {
	PodByName(namespace, name string) (*mesh.Pod, bool)
	PodByAddress(ip string) (*mesh.Pod, bool)
}

// Options of an Authenticator.
type Options struct {
	// Pods are those of the newest World.
	Pods Pods
	// Tokens verifies tokens; nil when there is nobody to issue them.
	Tokens *Tokens
	// TrustDomain is that of the SPIFFE ids that are believed, such as cluster.local.
	TrustDomain string
	// AllowUnverified says that a client without a proof is who it says, as for a folder of files. A proof that is wrong is refused all
	// the same.
	AllowUnverified bool
}

// Authenticator proves who clients are. It is safe for concurrent use.
type Authenticator struct {
	o Options
	// lookups has a place for each client that is waited for.
	lookups chan struct{}
}

// New makes an Authenticator.
func New(o Options) *Authenticator { return &Authenticator{o, make(chan struct{}, maxPodLookups)} }

// errNoProof is for a client that offers nothing.
var errNoProof = errors.New("the client has no proof of its identity: its address does not belong to a pod that is known (a pod on its node's network has none), " +
	"so it needs a service account token or a client certificate, over TLS; gRPC sends the token of its bootstrap only where " +
	"GRPC_EXPERIMENTAL_XDS_BOOTSTRAP_CALL_CREDS=true is set")

// Identify returns who is at the other end of the stream, by the first proof that it offers. The error is a gRPC status.
// What the client says of itself later is to be compared with it, by Admit.
func (a *Authenticator) Identify(ctx context.Context) (Identity, error) {
	id, err := a.authenticate(ctx)
	if err != nil {
		return Identity{}, status.Error(codes.Unauthenticated, err.Error())
	}
	return id, nil
}

// Admit returns the client of a node that says nothing else than what was proved. The error is a gRPC status.
func (id Identity) Admit(node *corev3.Node, claimed mesh.Client) (mesh.Client, error) {
	if err := mismatch(id, node); err != nil {
		return mesh.Client{}, status.Error(codes.PermissionDenied, err.Error())
	}
	return id.apply(claimed), nil
}

func (a *Authenticator) authenticate(ctx context.Context) (Identity, error) {
	from := connectionOf(ctx)
	if from.bearer {
		return a.byToken(ctx, from)
	}
	if len(from.certificates) > 0 {
		return a.byCertificate(from)
	}
	if a.o.AllowUnverified {
		return Identity{Proof: Unverified}, nil
	}
	if pod, ok := a.lookUpPod(ctx, func() (*mesh.Pod, bool) { return a.o.Pods.PodByAddress(from.address) }); ok {
		return ofPod(Address, pod), nil
	}
	return Identity{}, fmt.Errorf("%w (it calls from %s)", errNoProof, from.address)
}

// A pod may call before the control plane has heard of it. How long that is waited for, and how often looked.
const (
	podLookupTimeout  = 3 * time.Second
	podLookupInterval = 100 * time.Millisecond
	// maxPodLookups is how many are waited for at once. Whoever comes on top is known or refused: strangers cannot fill the place
	// that streams have.
	maxPodLookups = 512
)

// lookUpPod looks for a pod until it is there, or long enough.
func (a *Authenticator) lookUpPod(ctx context.Context, find func() (*mesh.Pod, bool)) (*mesh.Pod, bool) {
	select {
	case a.lookups <- struct{}{}:
		defer func() { <-a.lookups }()
	default:
		return find()
	}
	ctx, cancel := context.WithTimeout(ctx, podLookupTimeout)
	defer cancel()
	again := time.NewTicker(podLookupInterval)
	defer again.Stop()
	for {
		if pod, ok := find(); ok {
			return pod, true
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return nil, false
		}
	}
}

func ofPod(proof Proof, pod *mesh.Pod) Identity {
	return Identity{Proof: proof, Namespace: pod.Ref.Namespace, ServiceAccount: pod.ServiceAccount, Pod: pod}
}

// apply writes what is proved over what the client says of itself. Of a proof without a pod, labels, node and locality stay
// the client's word: they choose among what its namespace may see anyway.
func (id Identity) apply(client mesh.Client) mesh.Client {
	if id.Proof == Unverified || id.Proof == "" {
		return client
	}
	client.Namespace = id.Namespace
	if id.Pod == nil {
		return client
	}
	client.Labels, client.Node = id.Pod.Labels, id.Pod.Node
	if id.Pod.Locality != (mesh.Locality{}) {
		client.Locality = id.Pod.Locality
	}
	return client
}

// Name is who it is, for logs and lists: the pod, or else the service account.
func (id Identity) Name() string {
	switch {
	case id.Pod != nil:
		return "pod/" + id.Pod.Ref.Namespace + "/" + id.Pod.Ref.Name
	case id.Namespace != "":
		return "serviceaccount/" + id.Namespace + "/" + id.ServiceAccount
	}
	return ""
}
