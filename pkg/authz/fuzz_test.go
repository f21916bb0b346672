package authz_test

import (
	"math/rand/v2"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/mizzen-mesh/mizzen/pkg/authz"
	"github.com/mizzen-mesh/mizzen/pkg/clientrules"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/inbound"
	"github.com/mizzen-mesh/mizzen/test/seeds"
)

// bytes makes random numbers from bytes, so that a fuzzer that changes a byte changes a choice. After the last byte the
// numbers are random.
type bytes struct {
	data []byte
	rest *rand.PCG
}

// Uint64 implements rand.Source.
func (b *bytes) Uint64() uint64 {
	if len(b.data) == 0 {
		return b.rest.Uint64()
	}
	first := uint64(b.data[0])
	b.data = b.data[1:]
	return first * 0x0101010101010101
}

// FuzzRules translates random policies for servers in all languages. A real server must accept the rules, and it must
// give the evaluator's verdict. No verdict allows what Istio denies, and no rule is one that languages read differently.
func FuzzRules(f *testing.F) {
	for i := range seeds.Of(40) {
		seed := make([]byte, 200)
		for k, r := 0, rand.NewPCG(i, 0); k < len(seed); k++ {
			seed[k] = byte(r.Uint64())
		}
		f.Add(seed)
	}
	server := newRealServer(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		r := random{rand.New(&bytes{data, rand.NewPCG(1, uint64(len(data)))})}
		in := r.input()
		deny, allow := inbound.Rules(nil, in)
		if again, same := inbound.Rules(nil, in); !proto.Equal(deny, again) || !proto.Equal(allow, same) {
			t.Error("the same policies gave different rules")
		}
		routes := inbound.Routes(inbound.Input{Port: in.Port, Kind: mesh.GRPCGo, Security: mesh.ServerMTLS, Policies: in.Policies}, inbound.TranslatePolicy)
		for _, finding := range clientrules.Check(routes.Name, routes.Message, clientrules.ServersOf(mesh.GRPCGo)) {
			t.Errorf("%s\n%s", finding, describe(in, authz.Call{}))
		}
		if err := server.update(t, []rules{{deny, allow}}); err != nil {
			t.Fatalf("a real server refuses the rules: %v\n%s", err, describe(in, authz.Call{}))
		}
		engine, err := authz.New(deny, allow)
		if err != nil {
			t.Fatalf("%v\n%s", err, describe(in, authz.Call{}))
		}
		for range 4 {
			call := r.call()
			v := engine.Evaluate(call)
			if allowed := server.allows(t, call, 0); allowed != v.Allowed {
				t.Errorf("a real server allows %v, but the verdict is %+v\n%s", allowed, v, describe(in, call))
			}
			if !in.Secure {
				call.Authenticated, call.Principals = false, nil
			}
			if v.Allowed && !istioAllows(in, call) {
				t.Errorf("Istio denies, but the verdict is %+v\n%s", v, describe(in, call))
			}
		}
	})
}
