package cluster

import "testing"

// NotInShort skips a test with -short, which is for every merge: the test takes long, and what it is about seldom changes.
func NotInShort(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("not with -short: make e2e runs it")
	}
}
