package serving

import "time"

// answerTimeout is how long a client may leave a response unanswered after a request that answers an older one.
const answerTimeout = time.Second

// expectAnswer takes the last response for ignored if the client does not answer it in a while, although it goes on requesting.
//
// gRPC Java 1.53 and 1.60 ignore a response of a type of which it subscribes to nothing at that moment: a Service was deleted, its listener led
// nowhere, and the response about its routes came too late. All its later requests for the type have the nonce before it. Without an end to the
// wait it would be sent no resource of that type on that stream, ever. It holds nothing of the type by then, so it is sent all that it requests. A client that
// was only slow gets that twice. The caller holds Session.mu.
func (sub *subscription) expectAnswer() {
	if sub.answerTimer != nil {
		return
	}
	s, nonce := sub.session, sub.nonce
	sub.answerTimer = time.AfterFunc(answerTimeout, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if sub.answerTimer == nil || s.closed || sub.nonce != nonce {
			return
		}
		sub.stopExpecting()
		for _, r := range sub.inFlight {
			sub.dropped(r.propagations)
		}
		sub.inFlight, sub.nonce = nil, ""
		sub.forgetSent()
		sub.requestServed()
	})
}

// subscribedAgain says whether the client has let go of all that it was sent, without a request that says so. gRPC Java 1.46 and gRPC Node do not tell
// that they give up the last name of a type. When they take it up again, their request is the same as the one before it, or has no nonce.
// Nothing else makes a gRPC client send such a request. The caller holds Session.mu.
func (sub *subscription) subscribedAgain(req *Request, same bool) bool {
	if !sub.session.client.Kind.IsGRPC() || sub.answered == "" || req.Refusal != nil {
		return false
	}
	return req.Nonce == "" || same && req.Nonce == sub.answered
}

// forgetSent takes all names for new ones. What the client refused stays refused. The caller holds Session.mu.
func (sub *subscription) forgetSent() {
	for _, e := range sub.entries {
		e.sent, e.removalSent = nil, false
	}
}

// stopExpecting ends the wait. The caller holds Session.mu.
func (sub *subscription) stopExpecting() {
	if sub.answerTimer != nil {
		sub.answerTimer.Stop()
		sub.answerTimer = nil
	}
}
