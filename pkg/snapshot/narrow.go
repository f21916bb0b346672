package snapshot

import (
	"maps"
	"math/rand/v2"
	"time"
)

// A client that gives up a name needs no answer and gets none. But it keeps a version that stands for the name too; were it
// to lose its stream and take the name up again, it would return with a version that promises what it has let go, and be
// sent nothing. So a while after its subscription became smaller, a client is told the version of what is left. The
// response holds no route or endpoint. The while leaves room for the next real response to say it, and is spread, so
// that a change which made many clients give up a name does not have them all answered at once. Listeners need none of this:
// whoever returns is sent them anyway.
const (
	confirmAfter  = 10 * time.Second
	confirmSpread = 10 * time.Second
)

// ask changes what the subscription stands for, and forgets what the client drops by that. It says whether it dropped
// anything it held.
func (sub *subscription) ask(names map[string]struct{}, wildcard bool) (narrowed bool) {
	store := sub.session.store
	store.mu.Lock()
	store.follow(sub, maps.Clone(names), wildcard)
	store.mu.Unlock()
	if wildcard {
		return false
	}
	sub.session.mu.Lock()
	defer sub.session.mu.Unlock()
	for name := range sub.held {
		if _, ok := names[name]; !ok {
			delete(sub.held, name)
			narrowed = true
		}
	}
	return narrowed
}

// confirmLater sees to it that the client is told the version of its smaller subscription, unless it hears it before.
func (sub *subscription) confirmLater() {
	store := sub.session.store
	store.mu.Lock()
	defer store.mu.Unlock()
	if sub.confirm != nil {
		return
	}
	after := confirmAfter + rand.N(confirmSpread) //nolint:gosec // spreads load; nothing secret depends on it
	sub.confirm = time.AfterFunc(after, func() {
		store.mu.Lock()
		defer store.mu.Unlock()
		switch {
		case sub.confirm == nil:
		case sub.armed != nil:
			sub.fire()
		default: // a request is being served at this moment
			sub.confirm.Reset(time.Second)
		}
	})
}

// confirmed forgets to tell: a response has said it, or there is nobody left to tell. The caller holds Store.mu.
func (sub *subscription) confirmed() {
	if sub.confirm != nil {
		sub.confirm.Stop()
		sub.confirm = nil
	}
}
