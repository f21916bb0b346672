package ads

import (
	"slices"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	statuspb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

func readySession(t testing.TB) *serving.Session {
	t.Helper()
	store := serving.NewStore(serving.Options{})
	store.Publish(&mesh.World{Domain: "cluster.local"})
	session := store.Open(serving.ClientInfoOf(nil, "", ""), nil)
	t.Cleanup(session.Close)
	return session
}

// FuzzRequest compares how the codec reads a request with how the protobuf library decodes the same bytes.
func FuzzRequest(f *testing.F) {
	for _, m := range []*discoveryv3.DiscoveryRequest{
		{},
		{TypeUrl: string(snapshot.ClusterType), ResourceNames: []string{"b", "a", ""}, VersionInfo: "1", ResponseNonce: "2"},
		{TypeUrl: "other", Node: &corev3.Node{Id: "one"}, ErrorDetail: &statuspb.Status{Code: 3, Message: "no"}},
		{ResourceLocators: []*discoveryv3.ResourceLocator{{Name: "a"}}},
	} {
		b, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(append(b, b...))
		f.Add(b[:len(b)/2])
	}
	f.Add(protowire.AppendVarint(protowire.AppendTag(nil, 3, protowire.VarintType), 7))
	f.Add(protowire.AppendBytes(protowire.AppendTag(nil, 3, protowire.BytesType), []byte{0xff}))
	session := readySession(f)
	session.Request(&serving.Request{Type: snapshot.RouteType, Names: []string{"a", "c"}})
	f.Fuzz(func(t *testing.T, b []byte) {
		var want discoveryv3.DiscoveryRequest
		refused := proto.Unmarshal(b, &want)
		got := sotwRequest{session: session}
		err := got.parse(slices.Clone(b))
		if refused == nil && err != nil {
			t.Fatalf("got %v for a valid message", err)
		}
		if err != nil || refused != nil {
			return // an error in the node or in a field that is not read does not matter
		}
		if string(got.Type) != want.GetTypeUrl() || got.Version != want.GetVersionInfo() || got.Nonce != want.GetResponseNonce() ||
			!slices.Equal(got.Names, want.GetResourceNames()) || (got.Refusal == nil) != (want.GetErrorDetail() == nil) {
			t.Errorf("got %v, want %v", got.Request, &want)
		}
	})
}

// TestRequestsAreReadAlike reads several requests into the same memory, as a stream does.
func TestRequestsAreReadAlike(t *testing.T) {
	req := sotwRequest{session: readySession(t)}
	for _, names := range [][]string{{"a", "b", "c"}, {"d"}, nil, {"a", "b", "c", "d", "e"}} {
		b, err := proto.Marshal(&discoveryv3.DiscoveryRequest{TypeUrl: string(snapshot.RouteType), ResourceNames: names, ResponseNonce: "7"})
		if err != nil {
			t.Fatal(err)
		}
		if err := req.parse(b); err != nil {
			t.Fatal(err)
		}
		clear(b) // as the next user of the buffer does
		if !slices.Equal(req.Names, names) || req.Nonce != "7" {
			t.Errorf("got %q and nonce %q, want %q and 7", req.Names, req.Nonce, names)
		}
		req.session.Request(&req.Request)
	}
}
