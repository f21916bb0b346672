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
	run         func(*trial)
}

// Result is how a client did in a check.
type Result struct {
	Check *Check
	// Miss is what was seen in place of what the rule says. It is empty if the check passed.
	Miss string
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
			results[i] = undergo(client, c, o.Patience)
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

func undergo(client Client, c *Check, patience time.Duration) (result Result) {
	begun := time.Now()
	result.Check = c
	t, err := newTrial(client, patience)
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
