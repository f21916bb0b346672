package kit

import (
	"fmt"
	"sync"
	"time"
)

// Check is one thing that an xDS client must do.
type Check struct {
	// ID names it, and Area is what it is about.
	ID, Area string
	// About is what the client must do, and Rule is where that is written.
	About, Rule string
	// of are the clients to which it applies.
	of  subscribers
	run func(*trial)
}

// subscribers are clients by what they subscribe to.
type subscribers int

const (
	everyClient subscribers = iota
	// byName are those that subscribe to the Listeners and clusters that they need, as gRPC does.
	byName
	// byWildcard are those that subscribe to all Listeners and clusters, as Envoy does.
	byWildcard
)

// others are the clients to which a check does not apply.
func (s subscribers) others() string {
	if s == byName {
		return "clients that subscribe to everything"
	}
	return "clients that subscribe by name"
}

// Applies reports whether a check applies to a client that subscribes to all Listeners and clusters, or to one that does not.
func (c *Check) Applies(wildcard bool) bool {
	return c.of == everyClient || (c.of == byWildcard) == wildcard
}

// Result is how a client did in a check.
type Result struct {
	Check *Check
	// Miss is what was seen in place of what the rule says. It is empty if the check passed.
	Miss string
	// Skipped is set if the check does not apply to the client.
	Skipped bool
	// Note is what was seen where rules leave a choice.
	Note string
	// Client is the user agent in the client's node.
	Client string
	// Trace has a line for each request and response.
	Trace []string
	Took  time.Duration
}

// Checks returns the checks whose area or ID is named, or all of them if no name is given.
func Checks(names ...string) ([]*Check, error) {
	if len(names) == 0 {
		return all(), nil
	}
	var chosen []*Check
	for _, name := range names {
		found := false
		for _, c := range all() {
			if c.ID == name || c.Area == name {
				chosen, found = append(chosen, c), true
			}
		}
		if !found {
			return nil, fmt.Errorf("there is no check or area %q", name)
		}
	}
	return chosen, nil
}

// Options are how checks are run.
type Options struct {
	// Parallel is how many run at the same time.
	Parallel int
	// Patience is how long a client has for anything that it should do at once. It makes up for a busy machine.
	Patience time.Duration
	// Wildcard is set for a client that subscribes to all Listeners and clusters. Its Listeners have addresses.
	Wildcard bool
}

// Run has a client undergo checks, and returns the results in the order of the checks.
func Run(client Client, checks []*Check, o Options) []Result {
	results := make([]Result, len(checks))
	slots := make(chan struct{}, o.Parallel)
	var running sync.WaitGroup
	for i, c := range checks {
		running.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			if c.Applies(o.Wildcard) {
				results[i] = undergo(client, c, o)
			} else {
				results[i] = Result{Check: c, Skipped: true}
			}
		})
	}
	running.Wait()
	return named(results)
}

// named states the client also in results of checks in which it sent no request: it is the same in all of them.
func named(results []Result) []Result {
	client := ""
	for _, r := range results {
		client = max(client, r.Client)
	}
	for i := range results {
		results[i].Client = client
	}
	return results
}

// miss is what ends a check that is not passed.
type miss string

func undergo(client Client, c *Check, o Options) (result Result) {
	begun := time.Now()
	result.Check = c
	t, err := newTrial(client, o)
	if err != nil {
		result.Miss = err.Error()
		return result
	}
	func() {
		defer t.stop()
		defer func() {
			switch r := recover().(type) {
			case nil:
			case miss:
				t.missed(string(r))
			default:
				panic(r)
			}
		}()
		c.run(t)
	}()
	seen, _ := t.plane.seen()
	result.Miss, result.Note, result.Client, result.Trace, result.Took = t.miss, t.note, t.agent(), seen.lines(), time.Since(begun)
	return result
}
