package xds

import (
	"hash/fnv"
	"hash/maphash"
	"math"
	"strconv"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
)

// hashPolicy returns what of a call chooses its endpoint.
type hashPolicy struct {
	value    func(Call) (string, bool)
	terminal bool
}

// channelID is what gRPC hashes to have all calls of a channel go to one endpoint.
const channelID = "io.grpc.channel_id"

// readHashes reads the policies for parts of calls. Others, such as the caller's address, hash nothing.
func readHashes(policies []*routev3.RouteAction_HashPolicy) (out []hashPolicy, err error) {
	for _, p := range policies {
		value := func(Call) (string, bool) { return "", false }
		switch {
		case p.GetHeader() != nil:
			name := strings.ToLower(p.GetHeader().GetHeaderName())
			rewrite, err := readRewrite(nil, "", p.GetHeader().GetRegexRewrite())
			if err != nil {
				return nil, err
			}
			value = func(c Call) (string, bool) {
				v, ok := c.header(name)
				if rewrite != nil {
					v = rewrite(v)
				}
				return v, ok
			}
		case p.GetCookie() != nil:
			value = func(c Call) (string, bool) { return cookie(c, p.GetCookie().GetName()) }
		case p.GetFilterState().GetKey() == channelID:
			// A host of this process is the channel.
			value = func(c Call) (string, bool) {
				return strconv.FormatUint(maphash.String(seed, c.Host), 16), c.HTTP == nil
			}
		case p.GetQueryParameter() != nil:
			value = func(c Call) (string, bool) { return c.HTTP.parameter(p.GetQueryParameter().GetName()) }
		}
		out = append(out, hashPolicy{value, p.GetTerminal()})
	}
	return out, nil
}

// cookie returns the value of a cookie of the request.
func cookie(c Call, name string) (string, bool) {
	header, _ := c.header("cookie")
	for pair := range strings.FieldsFuncSeq(header, func(r rune) bool { return r == ';' || r == ',' }) {
		if key, value, ok := strings.Cut(strings.TrimSpace(pair), "="); ok && key == name {
			return strings.Trim(value, `"`), true
		}
	}
	return "", false
}

// hashOf is what chooses the endpoint of a call; 0 if nothing does.
func hashOf(policies []hashPolicy, c Call) (hash uint64) {
	for _, p := range policies {
		value, ok := p.value(c)
		if !ok {
			continue
		}
		hash = (hash<<1 | hash>>63) ^ mixed(value, 1)
		if p.terminal {
			break
		}
	}
	return hash
}

// mixed is FNV-1a, mixed so that similar texts are far apart.
func mixed(text string, seed uint64) uint64 {
	f := fnv.New64a()
	_, _ = f.Write([]byte(text))
	h := f.Sum64() ^ seed
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

// hashed chooses an endpoint by the hash of a call: the one with the highest of the numbers that the hash, the address and the
// weight make. If endpoints come or go, only their calls move. A ring does the same, and needs a size.
func (p *priority) hashed(hash uint64, usable func(*endpoint) bool) (best *endpoint) {
	highest := math.Inf(-1)
	for i, g := range p.groups {
		total := 0.0
		for _, w := range g.turns.weights {
			total += float64(w)
		}
		for k, e := range g.endpoints {
			if !usable(e) {
				continue
			}
			share := float64(p.turns.weights[i]) * float64(g.turns.weights[k]) / total
			chance := (float64(mixed(e.address, hash)>>11) + 0.5) / (1 << 53)
			if score := -share / math.Log(chance); score > highest {
				best, highest = e, score
			}
		}
	}
	return best
}
