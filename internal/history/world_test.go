package history_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mizzen-mesh/mizzen/internal/history"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
	"github.com/mizzen-mesh/mizzen/pkg/watch/files"
)

// TestWorlds makes the World of a generation: its rules, with the endpoints of now.
func TestWorlds(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("service.yaml", service("cart", 80))
	write("rule.yaml", rule("cart", 5))
	write("slice.yaml", slice("cart", "10.0.0.1"))
	source := files.NewSource(dir, watch.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	worlds, done := watch.NewWorlds(), make(chan error, 1)
	go func() { done <- source.Run(ctx, worlds) }()

	r := newRecorder(t, history.InMemory)
	r.Store = history.New(history.Options{Source: source})
	first := r.recordWorld(<-worlds)
	write("rule.yaml", rule("cart", 7))
	second := r.recordWorld(<-worlds)
	write("slice.yaml", slice("cart", "10.0.0.2"))
	r.recordWorld(<-worlds)
	if first == second {
		t.Fatal("the edit makes no generation")
	}

	id, then, err := r.Snapshot(ctx, "previous")
	if err != nil || id != first {
		t.Fatalf("got %s, %v, want %s", id, err, first)
	}
	set, _ := then.World().Endpoints.Get("cart.shop.svc.cluster.local")
	if set == nil || len(set.Endpoints) != 1 || set.Endpoints[0].Address != "10.0.0.2" {
		t.Errorf("the endpoints are %+v, want the one of now", set)
	}
	client := snapshot.ClientOf(nil, "")
	for host, want := range map[string]int{"": 1, "cart": 1, "web": 0} {
		found, err := r.CompareResources(ctx, first, second, host, client)
		if err != nil {
			t.Fatal(err)
		}
		if len(found.Changes) != want {
			t.Fatalf("host %q: %d resources differ, want %d: %+v", host, len(found.Changes), want, found.Changes)
		}
		if want == 0 {
			continue
		}
		change := found.Changes[0]
		if change.Resource.Type != "RouteConfiguration" || !strings.Contains(change.Before, "5s") || !strings.Contains(change.After, "7s") || change.Verb != "update" {
			t.Errorf("host %q: got %+v", host, change)
		}
	}
	if _, err := r.CompareResources(ctx, "g-00", second, "", client); err == nil {
		t.Error("a generation that is not kept is compared")
	}
	if _, _, err := history.New(history.Options{}).Snapshot(ctx, "current"); err == nil {
		t.Error("a Store without a source makes Worlds")
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err := source.Rebuild(ctx, watch.Configuration{}); err == nil {
		t.Error("a source that ended makes Worlds")
	}
}

// TestWorldsOfARollout: the World of a generation has its rules for all clients, although a part of them followed a change first.
func TestWorldsOfARollout(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	annotated := func(timeout int) string {
		return strings.Replace(rule("cart", timeout), "name: cart", "annotations: {mizzen.dev/rollout: \"10%,5m\"}, name: cart", 1)
	}
	write("service.yaml", service("cart", 80))
	write("rule.yaml", annotated(5))
	write("slice.yaml", slice("cart", "10.0.0.1"))
	source := files.NewSource(dir, watch.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	worlds, done := watch.NewWorlds(), make(chan error, 1)
	go func() { done <- source.Run(ctx, worlds) }()
	r := newRecorder(t, history.InMemory)
	r.Store = history.New(history.Options{Source: source})
	first := r.recordWorld(<-worlds)
	write("rule.yaml", annotated(7))
	second := r.recordWorld(<-worlds)
	for _, ids := range [][2]string{{first, second}, {second, first}} {
		found, err := r.CompareResources(ctx, ids[0], ids[1], "", snapshot.ClientOf(nil, ""))
		if err != nil {
			t.Fatal(err)
		}
		if len(found.Changes) == 0 {
			t.Errorf("no resource differs from %s to %s, want the route", ids[0], ids[1])
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
