package identity

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// DefaultAudience is the audience that tokens must have by default.
const DefaultAudience = "mizzen.dev"

// leeway is the largest accepted difference between the clocks of the API server and the control plane.
const leeway = 10 * time.Second

// signatures are the algorithms with which API servers sign tokens.
var signatures = []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.ES256, jose.ES384, jose.ES512}

// Tokens verifies service account tokens with the keys of the API server that issues them. It is safe for concurrent use.
type Tokens struct {
	keys     *Keys
	audience string
	now      func() time.Time

	// mu protects remote: the keys of the API servers of remote clusters, by name. Many clusters have the same issuer, so
	// only its key tells which cluster has issued a token.
	mu     sync.Mutex
	remote map[string]*Keys
}

// NewTokens makes a verifier of tokens that have the audience.
func NewTokens(keys *Keys, audience string) *Tokens {
	return &Tokens{keys: keys, audience: audience, now: time.Now, remote: map[string]*Keys{}}
}

// FetchKeys fetches the keys before the first token is received.
func (t *Tokens) FetchKeys(ctx context.Context) error { return t.keys.Fetch(ctx) }

// SetRemote sets the keys of a remote cluster; nil accepts no tokens of it any more.
func (t *Tokens) SetRemote(cluster string, keys *Keys) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.remote[cluster] = keys; keys == nil {
		delete(t.remote, cluster)
	}
}

// find returns the key with that ID, its issuer, and the remote cluster that has it. The cluster of the control plane comes
// first. Keys that are known are looked up in all clusters before any API server is asked.
func (t *Tokens) find(ctx context.Context, id string) (key any, issuer, cluster string, err error) {
	t.mu.Lock()
	remote := maps.Clone(t.remote)
	t.mu.Unlock()
	names := slices.Sorted(maps.Keys(remote))
	if key, issuer := t.keys.lookUp(id); key != nil {
		return key, issuer, "", nil
	}
	for _, name := range names {
		if key, issuer := remote[name].lookUp(id); key != nil {
			return key, issuer, name, nil
		}
	}
	if key, issuer, err = t.keys.find(ctx, id); err == nil {
		return key, issuer, "", nil
	}
	for _, name := range names {
		if key, issuer, err := remote[name].find(ctx, id); err == nil {
			return key, issuer, name, nil
		}
	}
	return nil, "", "", err
}

// boundClaims are the claims about the pod to which a token is bound.
type boundClaims struct {
	Kubernetes struct {
		Namespace      string `json:"namespace"`
		ServiceAccount struct {
			Name string `json:"name"`
		} `json:"serviceaccount"`
		Pod struct {
			Name string `json:"name"`
			UID  string `json:"uid"`
		} `json:"pod"`
	} `json:"kubernetes.io"`
}

// verify returns the claims of a token if its signature is genuine, it has not expired, and it has the right audience, and the
// remote cluster that has issued it.
func (t *Tokens) verify(ctx context.Context, text string) (claims jwt.Claims, to boundClaims, cluster string, err error) {
	token, err := jwt.ParseSigned(text, signatures)
	if err != nil || len(token.Headers) != 1 {
		return claims, to, "", errors.New("the token cannot be read: it is not a signed service account token")
	}
	key, issuer, cluster, err := t.find(ctx, token.Headers[0].KeyID)
	if err != nil {
		return claims, to, "", err
	}
	if err := token.Claims(key, &claims, &to); err != nil {
		return claims, to, "", errors.New("the token is not signed by the API server")
	}
	switch err := claims.ValidateWithLeeway(jwt.Expected{Issuer: issuer, AnyAudience: jwt.Audience{t.audience}, Time: t.now()}, leeway); {
	case errors.Is(err, jwt.ErrInvalidAudience):
		return claims, to, "", fmt.Errorf("the token has the audience %q; request one with the audience %q", strings.Join(claims.Audience, ", "), t.audience)
	case errors.Is(err, jwt.ErrExpired):
		return claims, to, "", fmt.Errorf("the token expired at %s", claims.Expiry.Time().UTC().Format(time.RFC3339))
	case err != nil:
		return claims, to, "", fmt.Errorf("the token does not hold: %w", err)
	case claims.Expiry == nil:
		return claims, to, "", errors.New("the token never expires; use one that the kubelet projects into the pod")
	}
	return claims, to, cluster, nil
}

// byToken returns the identity of a token whose pod still exists.
func (a *Authenticator) byToken(ctx context.Context, from connection) (Identity, error) {
	switch {
	case a.o.Tokens == nil:
		return Identity{}, errors.New("the client sent a token, but the control plane serves no cluster that could have issued it")
	case !from.secure:
		return Identity{}, errors.New("the client sent a token over an unencrypted connection, where it can be read: use the TLS port")
	}
	claims, to, cluster, err := a.o.Tokens.verify(ctx, from.token)
	if err != nil {
		return Identity{}, err
	}
	k := to.Kubernetes
	if k.Pod.Name == "" || k.Pod.UID == "" {
		return a.ofMachine(ctx, from, k.Namespace, k.ServiceAccount.Name, claims.Expiry.Time())
	}
	pod, ok := a.lookUpPod(ctx, func() (*mesh.Pod, bool) {
		pod, ok := a.o.Pods.PodByName(cluster, k.Namespace, k.Pod.Name)
		return pod, ok && pod.UID == k.Pod.UID
	})
	if !ok {
		return Identity{}, fmt.Errorf("the pod %s/%s, to which the token is bound, does not exist", k.Namespace, k.Pod.Name)
	}
	id := ofPod(Token, pod)
	id.ServiceAccount, id.Expires = k.ServiceAccount.Name, claims.Expiry.Time()
	return id, nil
}
