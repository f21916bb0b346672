package serving_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot/snapshottest"
	"github.com/mizzen-mesh/mizzen/test/seeds"
)

// TestWildcardEqualsFromScratch plays random histories of objects to Envoys that subscribe to all clusters and, for their egress, to all
// scopes. After every step each has exactly the names and bytes that a new Snapshot of the same objects lists for it.
func TestWildcardEqualsFromScratch(t *testing.T) {
	for seed := range seeds.Of(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { playWildcard(t, rand.New(rand.NewPCG(seed, 1))) })
		})
	}
}

func playWildcard(t *testing.T, r *rand.Rand) {
	t.Helper()
	store := serving.NewStore(serving.Options{})
	store.Publish(snapshottest.Load(t, nil))
	proxies := []*proxy{newProxy(t, store, "demo"), newProxy(t, store, "shop"), newProxy(t, store, "shop/front")}
	objects, last := map[string]string{}, store.Current().World()
	for range 30 {
		mutate(r, objects)
		last = share(last, snapshottest.Load(t, slices.Collect(maps.Values(objects))))
		store.Publish(last)
		scratch := snapshot.New(snapshottest.Load(t, slices.Collect(maps.Values(objects))))
		<-time.After(time.Minute) // Removals wait.
		synctest.Wait()
		for _, p := range proxies {
			p.settle()
			p.check(t, scratch)
		}
	}
}

// proxy subscribes to all clusters and scopes by the incremental protocol, and keeps the versions of what it was sent.
type proxy struct {
	node     *corev3.Node
	session  *serving.Session
	received map[snapshot.Type]map[string]string
}

// wildcards are the types of which a proxy subscribes to all names.
var wildcards = []snapshot.Type{snapshot.ClusterType, snapshot.ScopeType}

func newProxy(t *testing.T, store *serving.Store, id string) *proxy {
	t.Helper()
	n := node(id)
	n.UserAgentName, n.UserAgentVersionType = "envoy", nil
	n.Metadata.Fields["EGRESS"] = structpb.NewStringValue("127.0.0.1:15001")
	p := &proxy{node: n, session: store.Open(serving.ClientInfoOf(n, "", ""), nil), received: map[snapshot.Type]map[string]string{}}
	t.Cleanup(p.session.Close)
	for _, of := range wildcards {
		p.received[of] = map[string]string{}
		p.session.DeltaRequest(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: string(of)})
	}
	p.settle()
	return p
}

func (p *proxy) settle() {
	for r := p.session.Next(); r != nil; r = p.session.Next() {
		for _, v := range r.Resources {
			p.received[r.Type][v.Name] = v.Version
		}
		for _, name := range r.Removed {
			delete(p.received[r.Type], name)
		}
		p.session.DeltaRequest(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: string(r.Type), ResponseNonce: r.Nonce})
	}
}

func (p *proxy) check(t *testing.T, scratch *snapshot.Snapshot) {
	t.Helper()
	client := snapshot.ClientOf(p.node, "")
	for _, of := range wildcards {
		want := map[string]string{}
		for _, name := range scratch.Names(of, client) {
			want[name] = scratch.Resource(of, name, client).Version
		}
		if !maps.Equal(p.received[of], want) {
			t.Fatalf("the proxy of %s has %v, from scratch %v", p.node.GetId(), p.received[of], want)
		}
	}
}
