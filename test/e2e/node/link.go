package node

import (
	"context"
	"testing"
)

// Link connects two clusters: their nodes and pods reach each other, and so do pods and the other API
// server. It returns a function that removes the link, which the end of the test does at the latest.
func (c *Cluster) Link(t *testing.T, to *Cluster) (unlink func()) {
	t.Helper()
	return c.between(t, to, "link", "unlink")
}

// Cut drops every packet between this cluster and the API server of another, in both directions, and of connections that are
// open, too. Other packets pass. It returns a function that ends this, which the end of the test does at the latest.
func (c *Cluster) Cut(t *testing.T, from *Cluster) (mend func()) {
	t.Helper()
	return c.between(t, from, "cut", "mend")
}

// Stop stops the process of the API server: its connections stay, and nothing is answered. It returns a function that lets it
// continue, which the end of the test does at the latest.
func (c *Cluster) Stop(t *testing.T) (carryOn func()) {
	t.Helper()
	return c.undoable(t, []string{"stop"}, []string{"continue"})
}

func (c *Cluster) between(t *testing.T, other *Cluster, do, undo string) func() {
	t.Helper()
	return c.undoable(t, []string{do, c.state, other.state}, []string{undo, c.state, other.state})
}

// undoable runs a command of node.sh, and returns what runs its opposite once.
func (c *Cluster) undoable(t *testing.T, do, undo []string) func() {
	t.Helper()
	if err := script(t.Context(), c.state, do...); err != nil {
		t.Fatal(err)
	}
	undone := false
	undoOnce := func() {
		if undone {
			return
		}
		undone = true
		if err := script(context.Background(), c.state, undo...); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(undoOnce)
	return undoOnce
}
