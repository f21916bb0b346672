package snapshot

import (
	"fmt"
	"strconv"
	"strings"

	statuspb "google.golang.org/genproto/googleapis/rpc/status"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// answered takes the client's answer to the oldest response in flight: nil accepts it, anything else refuses it. The code of
// a refusal means nothing: clients differ in it.
func (sub *subscription) answered(refusal *statuspb.Status) {
	sub.session.mu.Lock()
	defer sub.session.mu.Unlock()
	if len(sub.inFlight) == 0 {
		return
	}
	batch := sub.inFlight[0].resources
	arrive(sub.inFlight[0].changes)
	sub.inFlight = sub.inFlight[1:]
	sub.session.store.stirred()
	if refusal == nil {
		for _, v := range batch {
			sub.accept(v)
		}
		return
	}
	counters, bad := sub.session.store.counters, blamed(batch, refusal.GetMessage())
	counters.refused(sub.t)
	for i, v := range batch {
		if bad[i] {
			sub.refuse(v, refusal.GetMessage())
		} else {
			// A client uses the good resources of a response that it refuses for a bad one.
			sub.accept(v)
		}
	}
	sub.session.store.logger.Warn("client refused resources", "type", sub.t.ShortName(), "node", sub.session.opener.NodeID,
		"agent", sub.session.client.Agent.String(), "agent_version", sub.session.client.Version, "reason", reason(refusal.GetMessage()))
}

func (sub *subscription) accept(v *Versioned) {
	if h := sub.held[v.Name]; h != nil {
		h.good = v
	}
}

// refuse parks the version of v for this stream: it is not sent to it again, and what was accepted before stays in use.
func (sub *subscription) refuse(v *Versioned, message string) {
	h := sub.held[v.Name]
	if h == nil {
		return
	}
	h.refused, h.reason = v.Version, reason(message)
	if h.sent != nil && h.sent.Version == v.Version {
		h.sent = h.good
	}
}

// reason bounds a client's message, which is kept for as long as the stream lives.
func reason(message string) string {
	const longest = 1000
	if len(message) > longest {
		message = message[:longest]
	}
	return strings.ToValidUTF8(strings.Clone(message), "")
}

// blamed says which resources of a refused response the client's message blames: those it names, or gives the index of, as
// each language does in its own way. If it blames none, all of them are.
func blamed(batch []*Versioned, message string) []bool {
	bad := make([]bool, len(batch))
	found := false
	for i, v := range batch {
		bad[i] = mentions(message, v.Name) || strings.Contains(message, "resource index "+strconv.Itoa(i)+":")
		found = found || bad[i]
	}
	if !found {
		for i := range bad {
			bad[i] = true
		}
	}
	return bad
}

// mentions says whether message has name in it, and not only as a part of a longer name.
func mentions(message, name string) bool {
	for from := 0; ; {
		i := strings.Index(message[from:], name)
		if i < 0 {
			return false
		}
		start, end := from+i, from+i+len(name)
		if (start == 0 || !inName(message[start-1])) && (end == len(message) || !inName(message[end]) || endsSentence(message[end:])) {
			return true
		}
		from = start + 1
	}
}

func inName(c byte) bool {
	return c == '.' || c == ':' || c == '|' || c == '-' || c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// endsSentence tells punctuation after a name from a name that goes on.
func endsSentence(rest string) bool {
	return (rest[0] == ':' || rest[0] == '.') && (len(rest) == 1 || !inName(rest[1]))
}

// refusals returns a Problem for each object of which some stream refuses what is current, with how many streams do.
func (s *Store) refusals() []mesh.Problem {
	type who struct {
		ref    mesh.Ref
		name   string
		agent  string
		reason string
	}
	current := s.Current()
	if current == nil {
		return nil
	}
	count := map[who]int{}
	for _, sub := range s.subscriptions() {
		for _, r := range sub.refused(current) {
			for _, ref := range r.refs(sub.t) {
				client := sub.session.client
				count[who{ref, sub.t.Name() + " " + r.Name, strings.TrimSpace(client.Agent.String() + " " + client.Version), r.reason}]++
			}
		}
	}
	problems := make([]mesh.Problem, 0, len(count))
	for w, n := range count {
		problems = append(problems, mesh.Problem{
			Code: mesh.CodeRefused, Severity: mesh.Error, Object: w.ref,
			Message: fmt.Sprintf("%d client(s) of %s refused %s and keep what they had: %s; edit the object to try again", n, w.agent, w.name, w.reason),
		})
	}
	return problems
}

// refusal is a current resource that a client said no to.
type refusal struct {
	*Versioned

	reason string
}

func (sub *subscription) refused(s *Snapshot) []refusal {
	sub.session.mu.Lock()
	parked := map[string]*holding{}
	for name, h := range sub.held {
		if h.refused != "" {
			parked[name] = &holding{refused: h.refused, reason: h.reason}
		}
	}
	sub.session.mu.Unlock()
	var refused []refusal
	for name, h := range parked {
		if v := s.Resource(sub.t, name, sub.session.client); v != nil && v.Version == h.refused {
			refused = append(refused, refusal{v, h.reason})
		}
	}
	return refused
}
