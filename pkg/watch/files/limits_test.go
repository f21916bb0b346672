package files

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/watch"
)

// TestVeryManyDocuments: a file of markers has no documents, and of very many documents the first are read. What is kept of each would
// take gigabytes.
func TestVeryManyDocuments(t *testing.T) {
	read := func(text string) parsed {
		return newParser(watch.Options{}.WithDefaults()).parse("objects.yaml", []byte(text), inFolder)
	}
	for name, text := range map[string]string{
		"bare": "---\n", "with a comment": "--- # a comment\n", "between comments": "# a comment\n---\n\n",
	} {
		got := read(strings.Repeat(text, 1000) + serviceYAML("a") + strings.Repeat(text, 1000) + serviceYAML("b") + "---\n")
		if len(got.chunks) != 2 || len(got.objects) != 2 || len(got.problems) != 0 {
			t.Errorf("markers, %s: got %d documents, %d objects, %v, want the two objects", name, len(got.chunks), len(got.objects), got.problems)
		}
	}
	if got := read("%YAML 1.1\n---\n" + serviceYAML("a")); len(got.objects) != 1 || got.objects[0].Source.Line != 3 {
		t.Errorf("with a directive: got %+v, want the object in line 3", got)
	}
	const last = "---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: last, namespace: demo}\n"
	got := read(strings.Repeat("---\na\n", maxDocuments) + last)
	if len(got.chunks) != maxDocuments || !got.incomplete || len(got.objects) != 1 || !got.objects[0].Closed {
		t.Fatalf("got %d documents, incomplete: %t, %d objects, want the first %d, and the policy after them closed", len(got.chunks), got.incomplete, len(got.objects), maxDocuments)
	}
	p := got.problems[len(got.problems)-1]
	if want := fmt.Sprintf("objects.yaml:%d", 2*maxDocuments+1); !strings.HasPrefix(p.Message, "The file has more than") || p.Source != want {
		t.Errorf("got %+v, want that the file has too many documents, at %s", p, want)
	}
}

// TestVeryManyClosed: a text that cannot be parsed closes each of its objects once, in a time that is linear in its size: eight times
// the objects take no more than three times that much longer. Quadratic, it would be eight times.
func TestVeryManyClosed(t *testing.T) {
	const few, many = 4_000, 32_000
	if one, all := timeOfClosed(t, few), timeOfClosed(t, many); all > one*many/few*3 {
		t.Errorf("%d objects took %v, and %d took %v", few, one, many, all)
	}
}

// timeOfClosed returns the shortest of three times in which so many objects are closed.
func timeOfClosed(t *testing.T, objects int) time.Duration {
	t.Helper()
	var text strings.Builder
	for i := range objects {
		fmt.Fprintf(&text, "apiVersion: x\nkind: AuthorizationPolicy\nmetadata: {name: p%d}\n", i/2)
	}
	text.WriteString("\t: [")
	shortest := time.Duration(math.MaxInt64)
	for range 3 {
		begin := time.Now()
		got := newParser(watch.Options{}.WithDefaults()).parse("objects.yaml", []byte(text.String()), inFolder)
		shortest = min(shortest, time.Since(begin))
		if len(got.objects) != objects/2 {
			t.Fatalf("got %d objects, want %d", len(got.objects), objects/2)
		}
	}
	return shortest
}

// TestPipe: what is neither a file nor a folder is not opened, which could last forever, and is reported.
func TestPipe(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"pipe.yaml", "pipe"} {
		if err := syscall.Mkfifo(filepath.Join(dir, name), 0o600); err != nil {
			t.Skip(err)
		}
	}
	if err := os.Symlink("/dev/zero", filepath.Join(dir, "zero.yaml")); err != nil {
		t.Fatal(err)
	}
	world, err := Load(watch.Options{}, dir)
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, p := range world.Problems {
		told = append(told, filepath.Base(p.Object.Name))
		if !strings.HasPrefix(p.Message, "It cannot be read: it is neither a file nor a folder.") {
			t.Errorf("got %q", p.Message)
		}
	}
	if !slices.Equal(told, []string{"pipe.yaml", "zero.yaml"}) {
		t.Errorf("got Problems of %q, want of those with the ending of objects", told)
	}
}
