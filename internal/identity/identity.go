package identity

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// Proof is the kind of proof of a client's identity.
type Proof string

// The kinds of proof, strongest first.
const (
	Token       Proof = "token"
	Certificate Proof = "certificate"
	Address     Proof = "address"
	// Unverified means that there is no proof: the identity in the client's node is accepted.
	Unverified Proof = "claim"
)

// Identity is the identity of a client. The zero Identity means that only the client's node is known.
type Identity struct {
	Proof                     Proof
	Namespace, ServiceAccount string
	// Pod is nil if the proof does not name a pod, such as a certificate.
	Pod *mesh.Pod
	// Expires is the time at which the proof expires; zero if it does not.
	Expires time.Time
}

// Pods looks up existing pods: those of a remote cluster, or of the cluster of the control plane if the name is empty.
type Pods interface {
	PodByName(cluster, namespace, name string) (*mesh.Pod, bool)
	PodByAddress(ip string) (*mesh.Pod, bool)
	// WorkloadAt finds a WorkloadEntry, which is a machine outside of Kubernetes.
	WorkloadAt(namespace, account, ip string) (*mesh.Pod, bool)
}

// Options are the settings of an Authenticator.
type Options struct {
	// Pods are the pods of the newest World.
	Pods Pods
	// Tokens verifies tokens; nil if there is no API server that issues them.
	Tokens *Tokens
	// TrustDomain is the trust domain of accepted SPIFFE IDs, such as cluster.local.
	TrustDomain string
	// TrustDomainAliases are other ones whose SPIFFE IDs are the same identities.
	TrustDomainAliases []string
	// AllowUnverified accepts the identity in the node of a client without a proof, as for a folder of files. An
	// invalid proof is rejected nevertheless.
	AllowUnverified bool
}

// Authenticator authenticates clients. It is safe for concurrent use.
type Authenticator struct {
	o Options
	// lookups has an entry for each client that waits for its pod.
	lookups chan struct{}
}

// New makes an Authenticator.
func New(o Options) *Authenticator { return &Authenticator{o, make(chan struct{}, maxPodLookups)} }

// errNoProof rejects a client that sends no proof.
var errNoProof = errors.New("the client has no proof of its identity: its address does not belong to a pod that is known (a pod on its node's network has none), " +
	"so it needs a service account token or a client certificate, over TLS; gRPC sends the token of its bootstrap only where " +
	"GRPC_EXPERIMENTAL_XDS_BOOTSTRAP_CALL_CREDS=true is set")

// Identify returns the identity of the client of a stream, by the first proof that the client sends. The error is a
// gRPC status. The caller compares the identity with the client's node by Admit.
func (a *Authenticator) Identify(ctx context.Context) (Identity, error) {
	id, err := a.authenticate(ctx)
	if err != nil {
		return Identity{}, status.Error(codes.Unauthenticated, err.Error())
	}
	return id, nil
}

// Admit returns the client that claimed describes, with the identity that was proved. It fails with a gRPC status if
// the node contradicts the proof.
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

// A client may connect before the control plane knows its pod. podLookupTimeout is how long a client waits for its
// pod, and podLookupInterval is how often the pod is looked up meanwhile.
const (
	podLookupTimeout  = 3 * time.Second
	podLookupInterval = 100 * time.Millisecond
	// maxPodLookups is the maximum number of clients that wait at the same time. The pod of a further client is
	// looked up once: unknown clients cannot take up the slots of streams.
	maxPodLookups = 512
)

// lookUpPod calls find until it finds a pod, ctx ends, or podLookupTimeout is over.
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

// apply replaces what the client states about itself by what is proved. If the proof names no pod, labels, node and
// locality come from the client's node: they only select among what its namespace may receive.
func (id Identity) apply(client mesh.Client) mesh.Client {
	if id.Proof == Unverified || id.Proof == "" {
		return client
	}
	client.Namespace = id.Namespace
	if id.Pod == nil {
		return client
	}
	client.Cluster = id.Pod.Ref.Cluster
	client.Labels, client.Node, client.Addresses = id.Pod.Labels, id.Pod.Node, strings.Join(id.Pod.Addresses, ",")
	if id.Pod.Locality != (mesh.Locality{}) {
		client.Locality = id.Pod.Locality
	}
	return client
}

// Name is the name of the client in logs and lists: the pod, or else the service account; empty if nothing is proved.
func (id Identity) Name() string {
	switch {
	case id.Pod != nil:
		return mesh.InCluster(strings.ToLower(id.Pod.Ref.Kind)+"/"+id.Pod.Ref.Namespace+"/"+id.Pod.Ref.Name, id.Pod.Ref.Cluster)
	case id.Namespace != "":
		return "serviceaccount/" + id.Namespace + "/" + id.ServiceAccount
	}
	return ""
}
