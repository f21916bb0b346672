package ads

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
	"github.com/mizzen-mesh/mizzen/pkg/watch/files"
)

var verbose = flag.Bool("scenario.v", false, "print each step of the scenarios")

// TestScenarios runs testdata/*.txtar. The comment of each file is a script with one command on each line; the files
// are objects. Lines that begin with # are comments. After each command the test waits until nothing happens any
// more, so that it can check that nothing was sent: a response that no line expects fails the scenario.
//
//	apply FILE…                          replace the World by the objects of these files
//	open STREAM [agent=NAME] [ns=NS] [account=NAME] [labels=KEY=VALUE,…] [provider=NAME] [header=USER_AGENT] [id=ID] [cluster=NAME] [delta]
//	ask STREAM TYPE [NAME…]              subscribe to exactly these names (delta: add these names)
//	drop STREAM TYPE NAME…               delta only: unsubscribe
//	resume STREAM TYPE FROM [NAME…]      the first request on a new stream, with the version that stream FROM has
//	expect STREAM TYPE [NAME…] [-NAME…]  one response arrived, with exactly these resources (delta: -NAME is removed)
//	contains STREAM TYPE TEXT            the resources of the last response contain TEXT
//	ack STREAM TYPE, nack STREAM TYPE TEXT…
//	quiet                                no unexpected response has arrived
//	same STREAM TYPE STREAM, differ STREAM TYPE STREAM   the versions of the last responses are, or are not, the same
//	problem TEXT, noproblem TEXT         one Problem, as a line, contains TEXT, or none does
//	shows LIST TEXT                      one item of the list of operators, clients, servers, policies or sync, as JSON, contains TEXT
//	wait DURATION                        wait in the scenario's own time, which passes immediately
//	close STREAM
//	drain                                the server begins to end its streams
//	goes STREAM                          the stream is still open
//	ended STREAM CODE                    the stream has ended with that status code
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			for _, f := range archive.Files {
				if err := os.WriteFile(filepath.Join(dir, f.Name), f.Data, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			synctest.Test(t, func(t *testing.T) { runScenario(t, dir, string(archive.Comment)) })
		})
	}
}

// scenario is a running scenario.
type scenario struct {
	t       *testing.T
	dir     string
	store   *serving.Store
	server  *discovery
	streams map[string]*actor
	drain   context.CancelFunc
}

func runScenario(t *testing.T, dir, script string) {
	drain, stop := context.WithCancel(t.Context())
	defer stop()
	store := serving.NewStore(serving.Options{})
	s := &scenario{
		t: t, dir: dir, store: store, streams: map[string]*actor{}, drain: stop,
		server: newDiscovery(drain, Options{Store: store, Logger: slog.New(slog.DiscardHandler)}),
	}
	defer func() {
		for _, a := range s.streams {
			a.close()
		}
	}()
	for i, line := range strings.Split(script, "\n") {
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		if *verbose {
			t.Logf("%d: %s", i+1, line)
		}
		if err := s.step(words[0], words[1:]); err != nil {
			t.Fatalf("line %d: %s: %v", i+1, line, err)
		}
		synctest.Wait()
	}
	if err := s.quiet(); err != nil {
		t.Errorf("at the end: %v", err)
	}
}

// quiet fails if a stream has a response that no line has expected.
func (s *scenario) quiet() error {
	for name, a := range s.streams {
		if got := a.unread(); got != "" {
			return fmt.Errorf("stream %s was sent %s", name, got)
		}
	}
	return nil
}

func (s *scenario) step(command string, args []string) error {
	switch command {
	case "apply":
		return s.apply(args)
	case "quiet":
		return s.quiet()
	case "wait":
		return wait(args[0])
	case "drain":
		s.drain()
		return nil
	case "problem", "noproblem", "shows":
		return s.look(command, args)
	}
	if len(args) == 0 {
		return fmt.Errorf("which stream?")
	}
	name, args := args[0], args[1:]
	if command == "open" {
		s.streams[name] = open(s.server, name, args)
		return nil
	}
	a := s.streams[name]
	if a == nil {
		return fmt.Errorf("no stream %s", name)
	}
	switch command {
	case "close":
		a.close()
		return nil
	case "ended":
		return a.ended(args[0])
	case "goes":
		return a.goes()
	}
	if len(args) == 0 {
		return fmt.Errorf("which type?")
	}
	t, ok := snapshot.TypeByShortName(args[0])
	if !ok {
		t = snapshot.Type(args[0])
	}
	return s.exchange(command, a, t, args[1:])
}

// look looks for a text in what operators see.
func (s *scenario) look(command string, args []string) error {
	var lines []string
	list, text := "problems", strings.Join(args, " ")
	if command == "shows" {
		list, text = args[0], strings.Join(args[1:], " ")
	}
	switch list {
	case "problems":
		for _, p := range s.store.Problems() {
			p.Source = "" // a temporary folder
			lines = append(lines, p.String())
		}
	case "servers":
		lines = asJSON(s.store.Servers())
	case "clients":
		lines = asJSON(s.store.Clients())
	case "policies":
		lines = asJSON(s.store.Policies())
	case "sync":
		lines = asJSON(s.store.ObjectSyncs())
	}
	found := slices.ContainsFunc(lines, func(line string) bool { return strings.Contains(line, text) })
	if found == (command == "noproblem") {
		return fmt.Errorf("there are:\n%s", strings.Join(lines, "\n"))
	}
	return nil
}

func asJSON[T any](items []T) []string {
	var lines []string
	for _, item := range items {
		line, err := json.Marshal(item)
		if err != nil {
			panic(err)
		}
		lines = append(lines, string(line))
	}
	return lines
}

func (s *scenario) exchange(command string, a *actor, t snapshot.Type, args []string) error {
	switch command {
	case "ask":
		return a.ask(t, args, nil)
	case "drop":
		return a.ask(t, nil, args)
	case "resume":
		return a.resume(t, s.streams[args[0]], args[1:])
	case "expect":
		return a.expect(t, args)
	case "contains":
		return a.contains(t, strings.Join(args, " "))
	case "ack":
		return a.ack(t)
	case "nack":
		return a.nack(t, strings.Join(args, " "))
	case "same", "differ":
		mine, theirs := a.last[t].version, s.streams[args[0]].last[t].version
		if (mine == theirs) != (command == "same") {
			return fmt.Errorf("versions are %s and %s", mine, theirs)
		}
		return nil
	}
	return fmt.Errorf("no such command")
}

func wait(text string) error {
	d, err := time.ParseDuration(text)
	<-time.After(d)
	return err
}

func (s *scenario) apply(names []string) error {
	paths := make([]string, len(names))
	for i, f := range names {
		paths[i] = filepath.Join(s.dir, f)
	}
	world, err := files.Load(watch.Options{Domain: "cluster.local", RootNamespace: "istio-system"}, paths...)
	if err != nil {
		return err
	}
	for _, p := range world.Problems {
		s.t.Log(p)
	}
	s.store.Publish(world)
	return nil
}

func sorted(names []string) []string { return slices.Sorted(slices.Values(names)) }
