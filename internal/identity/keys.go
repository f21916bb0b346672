package identity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/mizzen-mesh/mizzen/internal/lastgood"
)

// The paths at which an API server serves its issuer and its public keys.
const (
	issuerPath = "/.well-known/openid-configuration"
	keysPath   = "/openid/v1/jwks"
)

// fetchTimeout is the time in which an API server must return its keys.
const fetchTimeout = 5 * time.Second

// refetchInterval limits how often keys are fetched because a token names an unknown key: anyone can make such tokens.
const refetchInterval = 10 * time.Second

// Fetch reads a path of the API server.
type Fetch func(ctx context.Context, path string) ([]byte, error)

// Keys are the public keys of an API server, fetched when they are needed. They are also kept in a file, so that
// clients can be authenticated after a restart while the API server is unavailable. Keys is safe for concurrent use.
type Keys struct {
	fetch Fetch
	file  string
	now   func() time.Time

	// mu protects known. A lookup of a known key does not wait for a fetch.
	mu    sync.Mutex
	known keySet

	// fetching is locked while keys are fetched, so that concurrent callers fetch them once. It protects the fields
	// below.
	fetching sync.Mutex
	tried    time.Time
	// failed is the error of the last fetch.
	failed error
}

// keySet is what is kept of an API server. All of it is public.
type keySet struct {
	Issuer string             `json:"issuer"`
	Keys   jose.JSONWebKeySet `json:"keys"`
}

// NewKeys makes Keys with the content of the file, if there is any. An empty file name means that keys are not kept.
func NewKeys(fetch Fetch, file string) *Keys {
	k := &Keys{fetch: fetch, file: file, now: time.Now}
	if file == "" {
		return k
	}
	// If the file is missing or damaged, the keys are fetched.
	if text, err := os.ReadFile(file); err == nil {
		var kept keySet
		if json.Unmarshal(text, &kept) == nil {
			k.known = kept
		}
	}
	return k
}

// find returns the key with that ID, and its issuer.
func (k *Keys) find(ctx context.Context, id string) (any, string, error) {
	if key, issuer := k.lookUp(id); key != nil {
		return key, issuer, nil
	}
	failed := k.update(ctx, id)
	if key, issuer := k.lookUp(id); key != nil {
		return key, issuer, nil
	}
	if failed != nil {
		return nil, "", fmt.Errorf("the token cannot be verified: %w", failed)
	}
	return nil, "", errors.New("the token is signed with a key that is not the API server's")
}

func (k *Keys) lookUp(id string) (key any, issuer string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, key := range k.known.Keys.Key(id) {
		if key.Valid() && key.IsPublic() {
			return key.Key, k.known.Issuer
		}
	}
	return nil, ""
}

// update fetches the keys because of an unknown key ID, unless they were fetched within refetchInterval.
func (k *Keys) update(ctx context.Context, id string) error {
	k.fetching.Lock()
	defer k.fetching.Unlock()
	if key, _ := k.lookUp(id); key != nil {
		return nil // another caller has fetched it meanwhile
	}
	if k.tried.IsZero() || k.now().Sub(k.tried) >= refetchInterval {
		// Other clients need the keys, too, so the fetch continues if this client leaves.
		k.fetchNow(context.WithoutCancel(ctx))
	}
	return k.failed
}

// Fetch fetches the keys in advance, so that they are known if the API server becomes unavailable. It replaces the
// keys from the file, because one of them may have been revoked since.
func (k *Keys) Fetch(ctx context.Context) error {
	k.fetching.Lock()
	defer k.fetching.Unlock()
	k.fetchNow(ctx)
	return k.failed
}

func (k *Keys) fetchNow(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	k.tried = k.now()
	k.failed = k.refresh(ctx)
}

func (k *Keys) refresh(ctx context.Context) error {
	var next keySet
	for path, into := range map[string]any{issuerPath: &next, keysPath: &next.Keys} {
		text, err := k.fetch(ctx, path)
		if err != nil {
			return fmt.Errorf("fetch %s from the API server: %w", path, err)
		}
		if err := json.Unmarshal(text, into); err != nil {
			return fmt.Errorf("read %s of the API server: %w", path, err)
		}
	}
	k.mu.Lock()
	k.known = next
	k.mu.Unlock()
	return k.save(next)
}

// save writes the file atomically.
func (k *Keys) save(keys keySet) error {
	if k.file == "" {
		return nil
	}
	text, err := json.Marshal(keys)
	if err != nil {
		return fmt.Errorf("encode keys: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(k.file), 0o700); err != nil {
		return fmt.Errorf("keep keys: %w", err)
	}
	draft := lastgood.Draft(k.file)
	if err := os.WriteFile(draft, text, 0o600); err != nil {
		return fmt.Errorf("keep keys: %w", err)
	}
	if err := os.Rename(draft, k.file); err != nil {
		return fmt.Errorf("keep keys: %w", err)
	}
	return nil
}
