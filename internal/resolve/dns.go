package resolve

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

const (
	// timeout is how long one server may take for one question.
	timeout = 2 * time.Second
	// maxUDP is the size of answers over UDP, which no network fragments. Longer ones come over TCP.
	maxUDP = 1232
)

// DNS looks names up at servers, in order: the next one is asked if one does not answer. The standard library's resolver does
// not tell the TTL.
type DNS struct {
	// Servers are addresses with ports.
	Servers []string
}

// SystemDNS returns the servers of a file such as /etc/resolv.conf. Search lists have no effect: names are absolute.
func SystemDNS(path string) (DNS, error) {
	file, err := os.Open(path)
	if err != nil {
		return DNS{}, fmt.Errorf("read the DNS servers: %w", err)
	}
	defer func() { _ = file.Close() }() // it was only read
	var d DNS
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); len(fields) > 1 && fields[0] == "nameserver" {
			d.Servers = append(d.Servers, net.JoinHostPort(fields[1], "53"))
		}
	}
	if len(d.Servers) == 0 {
		return d, fmt.Errorf("%s names no DNS server", path)
	}
	return d, nil
}

// Lookup is a Lookup. It returns the IPv4 addresses of a name or, if it has none, the IPv6 addresses: it is not known whether
// clients reach both.
func (d DNS) Lookup(ctx context.Context, name string) (Answer, error) {
	var answer Answer
	var err error
	for _, family := range []dnsmessage.Type{dnsmessage.TypeA, dnsmessage.TypeAAAA} {
		if answer, err = d.ask(ctx, name, family); err != nil || len(answer.Addresses) > 0 {
			return answer, err
		}
	}
	return answer, ErrNoSuchName
}

// ask asks the servers for the records of one type.
func (d DNS) ask(ctx context.Context, name string, family dnsmessage.Type) (Answer, error) {
	full, err := dnsmessage.NewName(strings.TrimSuffix(name, ".") + ".")
	if err != nil {
		return Answer{}, fmt.Errorf("%q cannot be asked for: %w", name, err)
	}
	err = errors.New("there is no DNS server")
	for _, server := range d.Servers {
		var answer Answer
		if answer, err = askServer(ctx, server, full, family); err == nil || errors.Is(err, ErrNoSuchName) {
			return answer, err
		}
	}
	return Answer{}, err
}

func askServer(ctx context.Context, server string, name dnsmessage.Name, family dnsmessage.Type) (Answer, error) {
	id := uint16(rand.Uint32()) //nolint:gosec // the port is random, too, and what an attacker gains is bounded by usableOf
	question := dnsmessage.Question{Name: name, Type: family, Class: dnsmessage.ClassINET}
	builder := dnsmessage.NewBuilder(nil, dnsmessage.Header{ID: id, RecursionDesired: true})
	var options dnsmessage.ResourceHeader
	err := errors.Join(builder.StartQuestions(), builder.Question(question), builder.StartAdditionals(),
		options.SetEDNS0(maxUDP, dnsmessage.RCodeSuccess, false), builder.OPTResource(options, dnsmessage.OPTResource{}))
	if err != nil {
		return Answer{}, fmt.Errorf("write the question: %w", err)
	}
	query, err := builder.Finish()
	if err != nil {
		return Answer{}, fmt.Errorf("write the question: %w", err)
	}
	for _, network := range []string{"udp", "tcp"} {
		answer, truncated, err := exchange(ctx, network, server, query, id, question)
		if !truncated {
			return answer, err
		}
	}
	return Answer{}, fmt.Errorf("%s cuts its answer over TCP", server)
}

// exchange sends a query and reads the answer. truncated says that the answer was longer than a datagram.
func exchange(ctx context.Context, network, server string, query []byte, id uint16, question dnsmessage.Question) (a Answer, truncated bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, network, server)
	if err != nil {
		return a, false, fmt.Errorf("ask the DNS server: %w", err)
	}
	defer func() { _ = conn.Close() }()
	deadline, _ := ctx.Deadline()
	_ = conn.SetDeadline(deadline) // without one, the deadline of ctx still ends the dial
	if network == "tcp" {
		query = append(binary.BigEndian.AppendUint16(nil, uint16(len(query))), query...)
	}
	if _, err := conn.Write(query); err != nil {
		return a, false, fmt.Errorf("ask the DNS server: %w", err)
	}
	for {
		message, err := readMessage(conn, network)
		if err != nil {
			return a, false, fmt.Errorf("%s does not answer: %w", server, err)
		}
		var parser dnsmessage.Parser
		header, err := parser.Start(message)
		if err != nil || header.ID != id || !header.Response {
			continue // It answers another question.
		}
		if asked, err := parser.Question(); err != nil || !strings.EqualFold(asked.Name.String(), question.Name.String()) || asked.Type != question.Type {
			continue
		}
		if header.Truncated && network == "udp" {
			return a, true, nil
		}
		a, err = parse(&parser, header, server)
		return a, false, err
	}
}

func readMessage(conn net.Conn, network string) ([]byte, error) {
	if network == "udp" {
		buffer := make([]byte, maxUDP)
		n, err := conn.Read(buffer)
		return buffer[:n], err
	}
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return nil, err
	}
	buffer := make([]byte, binary.BigEndian.Uint16(length[:]))
	_, err := io.ReadFull(conn, buffer)
	return buffer, err
}

// parse reads the addresses of an answer, whatever aliases lead to them, and the shortest TTL.
func parse(p *dnsmessage.Parser, header dnsmessage.Header, server string) (Answer, error) {
	switch header.RCode {
	case dnsmessage.RCodeSuccess:
	case dnsmessage.RCodeNameError:
		return Answer{}, ErrNoSuchName
	default:
		return Answer{}, fmt.Errorf("%s answers %s", server, strings.TrimPrefix(header.RCode.String(), "RCode"))
	}
	a := Answer{TTL: maxRefresh}
	if err := p.SkipAllQuestions(); err != nil {
		return a, fmt.Errorf("read the answer of %s: %w", server, err)
	}
	for {
		head, err := p.AnswerHeader()
		if errors.Is(err, dnsmessage.ErrSectionDone) {
			return a, nil
		}
		if err != nil {
			return a, fmt.Errorf("read the answer of %s: %w", server, err)
		}
		a.TTL = min(a.TTL, time.Duration(head.TTL)*time.Second)
		switch head.Type {
		case dnsmessage.TypeA:
			var r dnsmessage.AResource
			if r, err = p.AResource(); err == nil {
				a.Addresses = append(a.Addresses, netip.AddrFrom4(r.A))
			}
		case dnsmessage.TypeAAAA:
			var r dnsmessage.AAAAResource
			if r, err = p.AAAAResource(); err == nil {
				a.Addresses = append(a.Addresses, netip.AddrFrom16(r.AAAA))
			}
		default:
			err = p.SkipAnswer()
		}
		if err != nil {
			return a, fmt.Errorf("read the answer of %s: %w", server, err)
		}
	}
}
