package resolve

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// stubDNS is a DNS server on UDP and TCP. answer returns the addresses of a name, without its final dot, and the code.
type stubDNS struct {
	address string
	answer  func(name string) ([]netip.Addr, uint32, dnsmessage.RCode)
	mu      sync.Mutex
	asked   []string
}

func newStubDNS(t *testing.T, answer func(name string) ([]netip.Addr, uint32, dnsmessage.RCode)) *stubDNS {
	t.Helper()
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", packets.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	s := &stubDNS{address: packets.LocalAddr().String(), answer: answer}
	var group sync.WaitGroup
	group.Go(func() {
		buffer := make([]byte, 4096)
		for {
			n, from, err := packets.ReadFrom(buffer)
			if err != nil {
				return
			}
			if reply := s.reply(t, buffer[:n], maxUDP); reply != nil {
				_, _ = packets.WriteTo(reply, from)
			}
		}
	})
	group.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			var length [2]byte
			if _, err := io.ReadFull(conn, length[:]); err == nil {
				query := make([]byte, binary.BigEndian.Uint16(length[:]))
				_, _ = io.ReadFull(conn, query)
				reply := s.reply(t, query, 1<<16-1)
				_, _ = conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...))
			}
			_ = conn.Close()
		}
	})
	t.Cleanup(func() {
		_ = packets.Close()
		_ = listener.Close()
		group.Wait()
	})
	return s
}

// reply answers a query; nil for a server that does not answer. An answer above limit is cut.
func (s *stubDNS) reply(t *testing.T, query []byte, limit int) []byte {
	var p dnsmessage.Parser
	header, err := p.Start(query)
	if err != nil {
		t.Error(err)
		return nil
	}
	q, err := p.Question()
	if err != nil {
		t.Error(err)
		return nil
	}
	s.mu.Lock()
	s.asked = append(s.asked, q.Name.String())
	s.mu.Unlock()
	addresses, ttl, code := s.answer(strings.TrimSuffix(q.Name.String(), "."))
	if ttl == silent {
		return nil
	}
	build := func(truncated bool) []byte {
		b := dnsmessage.NewBuilder(nil, dnsmessage.Header{ID: header.ID, Response: true, RCode: code, Truncated: truncated})
		b.EnableCompression()
		alias := dnsmessage.MustNewName("alias.example.org.")
		_ = b.StartQuestions()
		_ = b.Question(q)
		_ = b.StartAnswers()
		if len(addresses) > 0 && !truncated {
			_ = b.CNAMEResource(dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: ttl + 100}, dnsmessage.CNAMEResource{CNAME: alias})
			for _, ip := range addresses {
				switch {
				case ip.Is4() && q.Type == dnsmessage.TypeA:
					_ = b.AResource(dnsmessage.ResourceHeader{Name: alias, Class: q.Class, TTL: ttl}, dnsmessage.AResource{A: ip.As4()})
				case ip.Is6() && q.Type == dnsmessage.TypeAAAA:
					_ = b.AAAAResource(dnsmessage.ResourceHeader{Name: alias, Class: q.Class, TTL: ttl}, dnsmessage.AAAAResource{AAAA: ip.As16()})
				}
			}
		}
		out, err := b.Finish()
		if err != nil {
			t.Error(err)
		}
		return out
	}
	if out := build(false); len(out) <= limit {
		return out
	}
	return build(true)
}

// silent is the TTL of a server that does not answer.
const silent = 1<<32 - 1

func addressesOf(n int) []netip.Addr {
	var all []netip.Addr
	for i := range n {
		all = append(all, netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}))
	}
	return all
}

// TestLookup asks a server for names of all kinds.
func TestLookup(t *testing.T) {
	six := []netip.Addr{netip.MustParseAddr("2001:db8::1")}
	stub := newStubDNS(t, func(name string) ([]netip.Addr, uint32, dnsmessage.RCode) {
		switch name {
		case "two.example.com":
			return append(addressesOf(2), six...), 7, 0
		case "six.example.com":
			return six, 1, 0
		case "many.example.com":
			return addressesOf(4000), 30, 0
		case "failing.example.com":
			return nil, 0, dnsmessage.RCodeServerFailure
		case "silent.example.com":
			return nil, silent, 0
		}
		return nil, 0, dnsmessage.RCodeNameError
	})
	gone, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = gone.Close() // nothing answers at its address any more
	d := DNS{Servers: []string{gone.LocalAddr().String(), stub.address}}
	for name, want := range map[string]struct {
		addresses int
		ttl       time.Duration
		missing   bool
		says      string
	}{
		"two.example.com": {addresses: 2, ttl: 7 * time.Second}, "six.example.com": {addresses: 1, ttl: time.Second},
		"many.example.com": {addresses: 4000, ttl: 30 * time.Second}, "absent.example.com": {missing: true},
		"failing.example.com": {says: "ServerFailure"}, "silent.example.com": {says: "does not answer"}, "a..b": {says: "zero length"},
	} {
		got, err := d.Lookup(t.Context(), name)
		failed := want.missing || want.says != ""
		if len(got.Addresses) != want.addresses || !failed && (err != nil || got.TTL != want.ttl) || want.missing != errors.Is(err, ErrNoSuchName) ||
			want.says != "" && (err == nil || !strings.Contains(err.Error(), want.says)) {
			t.Errorf("%s: got %d addresses for %v, %v, want %+v", name, len(got.Addresses), got.TTL, err, want)
		}
	}
	stub.mu.Lock()
	defer stub.mu.Unlock()
	for _, name := range stub.asked {
		if !strings.HasSuffix(name, ".example.com.") {
			t.Errorf("the server was asked for %q, want absolute names", name)
		}
	}
}
