package files

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
	"github.com/mizzen-mesh/mizzen/pkg/watch/internal/watchtest"
)

// startFile runs the Source of a folder until the test ends.
func startFile(t *testing.T, dir string) watch.Worlds {
	t.Helper()
	return startFeed(t, New(dir, watch.Options{}), watch.Options{})
}

func startFeed(t *testing.T, feed watch.Feed, o watch.Options) watch.Worlds {
	t.Helper()
	out := watch.NewWorlds()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- watch.NewSource(feed, o).Run(ctx, out) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	return out
}

// await receives Worlds until wanted returns true for one of them.
func await(t *testing.T, worlds watch.Worlds, what string, wanted func(*mesh.World) bool) *mesh.World {
	t.Helper()
	deadline := time.After(time.Minute)
	var last *mesh.World
	for {
		select {
		case w := <-worlds:
			if wanted(w) {
				return w
			}
			last = w
		case <-deadline:
			if last != nil {
				t.Fatalf("no World in which %s; the last has hosts %q and problems %q", what, last.Services.Hosts(), watchtest.ProblemLines(last))
			}
			t.Fatalf("no World in which %s", what)
		}
	}
}

// hosts reports whether the World has exactly these Services of the default namespace.
func hosts(names ...string) func(*mesh.World) bool {
	return func(w *mesh.World) bool {
		for _, name := range names {
			if watchtest.Get(w.Services, name+".default.svc.cluster.local") == nil {
				return false
			}
		}
		return w.Services.Len() == len(names)
	}
}

func serviceYAML(name string) string {
	return "apiVersion: v1\nkind: Service\nmetadata: {name: " + name + "}\nspec: {ports: [{port: 1}]}\n"
}

func TestFileFollowsTheFolder(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.yaml", serviceYAML("a"))
	worlds := startFile(t, dir)
	first := await(t, worlds, "a exists", hosts("a"))

	write(t, dir, "sub/deep/b.yaml", serviceYAML("b"))
	second := await(t, worlds, "b exists in a new folder", hosts("a", "b"))
	if second.Revision <= first.Revision {
		t.Errorf("got revision %d after %d", second.Revision, first.Revision)
	}
	if a := "a.default.svc.cluster.local"; watchtest.Get(first.Services, a) != watchtest.Get(second.Services, a) {
		t.Error("the Service a has another pointer, though it did not change")
	}
	write(t, dir, "sub/deep/b.yaml", serviceYAML("c"))
	await(t, worlds, "c replaces b", hosts("a", "c"))

	// Editors write the new text under another name, then rename the file.
	write(t, dir, ".a.yaml.swp", serviceYAML("d"))
	if err := os.Rename(filepath.Join(dir, ".a.yaml.swp"), filepath.Join(dir, "a.yaml")); err != nil {
		t.Fatal(err)
	}
	await(t, worlds, "d replaces a", hosts("c", "d"))

	if err := os.RemoveAll(filepath.Join(dir, "sub")); err != nil {
		t.Fatal(err)
	}
	await(t, worlds, "c is gone", hosts("d"))
}

func TestFileFollowsObjectsThatMove(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.yaml", serviceYAML("a"))
	worlds := startFile(t, dir)
	ref := mesh.Ref{Kind: "Service", Namespace: "default", Name: "a"}
	at := func(want string) func(*mesh.World) bool {
		return func(w *mesh.World) bool { return w.Sources[ref].At("") == want }
	}
	before := await(t, worlds, "a is at line 1", at("a.yaml:1"))
	write(t, dir, "a.yaml", "# A comment.\n"+serviceYAML("a"))
	after := await(t, worlds, "a is at line 2", at("a.yaml:2"))
	if !at("a.yaml:1")(before) || len(after.Changed) > 0 {
		t.Errorf("the earlier World was changed, or the later one lists %v as changed", after.Changed)
	}
}

func TestFileBrokenFileKeepsObjects(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.yaml", serviceYAML("a")+"---\n"+serviceYAML("b"))
	worlds := startFile(t, dir)
	await(t, worlds, "both exist", hosts("a", "b"))

	write(t, dir, "a.yaml", serviceYAML("a")+"---\nkind: [\n---\n"+serviceYAML("c"))
	w := await(t, worlds, "the valid documents are read and b is kept", hosts("a", "b", "c"))
	if len(w.Problems) != 1 || w.Problems[0].Code != mesh.CodeUnreadable || w.Problems[0].Source != "a.yaml:6" {
		t.Errorf("got problems %q, want one that a.yaml cannot be read", watchtest.ProblemLines(w))
	}
	write(t, dir, "a.yaml", serviceYAML("a"))
	w = await(t, worlds, "only a is left", hosts("a"))
	if len(w.Problems) != 0 {
		t.Errorf("got problems %q after the file was corrected", watchtest.ProblemLines(w))
	}
}

// A mounted ConfigMap is a folder of links through ..data, which is replaced as a whole.
func TestFileConfigMapSwap(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "..2026_1/a.yaml", serviceYAML("a"))
	link := func(target, name string) {
		t.Helper()
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	link("..2026_1", "..data")
	link("..data/a.yaml", "a.yaml")
	worlds := startFile(t, dir)
	w := await(t, worlds, "a exists", hosts("a"))
	if len(w.Problems) != 0 {
		t.Errorf("got problems %q, want none: the file is read once", watchtest.ProblemLines(w))
	}
	write(t, dir, "..2026_2/a.yaml", serviceYAML("b"))
	link("..2026_2", "..data_tmp")
	if err := os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "..2026_1")); err != nil {
		t.Fatal(err)
	}
	await(t, worlds, "b replaces a", hosts("b"))
}

func TestFileFolderIsALinkThatIsSwapped(t *testing.T) {
	parent := t.TempDir()
	write(t, parent, "one/a.yaml", serviceYAML("a"))
	write(t, parent, "two/a.yaml", serviceYAML("b"))
	current, next := filepath.Join(parent, "current"), filepath.Join(parent, "next")
	if err := os.Symlink("one", current); err != nil {
		t.Fatal(err)
	}
	worlds := startFile(t, current)
	await(t, worlds, "a exists", hosts("a"))
	if err := os.Symlink("two", next); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, current); err != nil {
		t.Fatal(err)
	}
	await(t, worlds, "b replaces a", hosts("b"))
	write(t, parent, "two/a.yaml", serviceYAML("c"))
	await(t, worlds, "the new folder is watched", hosts("c"))
}

func TestFileVanishedFolderFreezes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "objects")
	write(t, dir, "a.yaml", serviceYAML("a"))
	worlds := startFile(t, dir)
	await(t, worlds, "a exists", hosts("a"))
	if err := os.Rename(dir, dir+".away"); err != nil {
		t.Fatal(err)
	}
	await(t, worlds, "a exists and the folder is a Problem", func(w *mesh.World) bool {
		return hosts("a")(w) && len(w.Problems) == 1 && strings.Contains(w.Problems[0].Message, "cannot be read")
	})
	write(t, dir+".away", "b.yaml", serviceYAML("b"))
	if err := os.Rename(dir+".away", dir); err != nil {
		t.Fatal(err)
	}
	w := await(t, worlds, "the folder is read again", hosts("a", "b"))
	if len(w.Problems) != 0 {
		t.Errorf("got problems %q after the folder came back", watchtest.ProblemLines(w))
	}
}

// TestFileTruncateThenWrite writes a file as an editor that truncates it first. Its objects never vanish.
func TestFileTruncateThenWrite(t *testing.T) {
	dir := t.TempDir()
	path := write(t, dir, "a.yaml", serviceYAML("a"))
	feed := New(dir, watch.Options{})
	feed.deletionDelay = time.Minute // longer than any machine makes the editor take
	worlds := startFeed(t, feed, watch.Options{})
	await(t, worlds, "a exists", hosts("a"))
	for range 5 {
		if err := os.Truncate(path, 0); err != nil {
			t.Fatal(err)
		}
		write(t, dir, "a.yaml", serviceYAML("a"))
	}
	write(t, dir, "b.yaml", serviceYAML("b"))
	await(t, worlds, "b exists", func(w *mesh.World) bool {
		if watchtest.Get(w.Services, "a.default.svc.cluster.local") == nil {
			t.Error("a vanished")
		}
		return hosts("a", "b")(w)
	})
}

func TestFileWantsAFolder(t *testing.T) {
	err := New(filepath.Join(t.TempDir(), "absent"), watch.Options{}).Run(t.Context(), watch.NewInbox())
	if err == nil {
		t.Error("got no error for a folder that does not exist")
	}
}

func TestFileKeepsVanishedEndpoints(t *testing.T) {
	for name, grace := range map[string]time.Duration{"kept": time.Hour, "the grace is over": 50 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, "service.yaml", watchtest.EchoService)
			path := write(t, dir, "slices.yaml", watchtest.Slices("ports: [{name: grpc, port: 1}]\nendpoints: [{addresses: [10.0.0.1]}, {addresses: [10.0.0.2]}]"))
			worlds := startFeed(t, New(dir, watch.Options{}), watch.Options{EmptyServiceGrace: grace})
			await(t, worlds, "two endpoints exist", func(w *mesh.World) bool { return w.EndpointCount() == 2 })
			if err := os.Rename(path, filepath.Join(dir, "slices.txt")); err != nil {
				t.Fatal(err)
			}
			if grace == time.Hour {
				await(t, worlds, "they are kept, with a Problem", func(w *mesh.World) bool { return w.EndpointCount() == 2 && watchtest.Vanished(w) })
			} else {
				await(t, worlds, "they are gone, and so is the Problem", func(w *mesh.World) bool { return w.EndpointCount() == 0 && !watchtest.Vanished(w) })
			}
		})
	}
}

// TestFolderLogsWhatCannotBeRead expects one log line for a file that cannot be read, one when it can be read again,
// and one for a folder without objects.
func TestFolderLogsWhatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	path := symlink(t, dir, "a.yaml", "a.yaml")
	var log bytes.Buffer
	r, err := New(dir, watch.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}).newRun(watch.NewInbox())
	if err != nil {
		t.Fatal(err)
	}
	defer r.watcher.Close()
	if err := r.begin(); err != nil {
		t.Fatal(err)
	}
	r.scanned = time.Time{}
	r.refresh(time.Now())
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	r.scanned = time.Time{}
	r.refresh(time.Now())
	for text, want := range map[string]int{"file cannot be read": 1, "file=a.yaml": 2, "file can be read again": 1, "the folder has no objects": 1} {
		if got := strings.Count(log.String(), text); got != want {
			t.Errorf("got %q %d times, want %d:\n%s", text, got, want, log.String())
		}
	}
}

// TestFolderLogsWhatIsNotYAML expects the same for a file that is not YAML any more. Its objects stay in effect.
func TestFolderLogsWhatIsNotYAML(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.yaml", serviceYAML("a"))
	var log bytes.Buffer
	r, err := New(dir, watch.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}).newRun(watch.NewInbox())
	if err != nil {
		t.Fatal(err)
	}
	defer r.watcher.Close()
	if err := r.begin(); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"kind: Service\n\tmetadata: {", "kind: Service\n\tmetadata: {{", serviceYAML("a")} {
		write(t, dir, "a.yaml", text)
		r.scanned = time.Time{}
		r.refresh(time.Now())
		if len(r.claims.claims) != 1 {
			t.Errorf("%q: got %d objects, want 1", text, len(r.claims.claims))
		}
	}
	for text, want := range map[string]int{"file cannot be read": 1, "file=a.yaml:2 ": 1, "The last good objects of the file stay in effect.": 1, "file can be read again": 1} {
		if got := strings.Count(log.String(), text); got != want {
			t.Errorf("got %q %d times, want %d:\n%s", text, got, want, log.String())
		}
	}
}

// TestFolderLogsEmptyNamespaces expects a log line that names the namespaces that are read and have no objects, and the
// others that have some.
func TestFolderLogsEmptyNamespaces(t *testing.T) {
	dir := t.TempDir()
	for _, namespace := range []string{"shop", "fin"} {
		write(t, dir, namespace+".yaml", strings.Replace(serviceYAML("a"), "name: a", "name: a, namespace: "+namespace, 1))
	}
	write(t, dir, "node.yaml", "apiVersion: v1\nkind: Node\nmetadata: {name: n}\n")
	for namespaces, want := range map[string]string{
		"nobody":         `namespaces=nobody found_namespaces=fin,shop`,
		"shop,nobody,no": `namespaces=nobody,no found_namespaces=fin,shop`,
		"shop":           "",
		"shop,fin":       "",
		"":               "",
	} {
		t.Run(namespaces, func(t *testing.T) {
			var log bytes.Buffer
			options := watch.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}
			if namespaces != "" {
				options.Namespaces = strings.Split(namespaces, ",")
			}
			r, err := New(dir, options).newRun(watch.NewInbox())
			if err != nil {
				t.Fatal(err)
			}
			defer r.watcher.Close()
			if err := r.begin(); err != nil {
				t.Fatal(err)
			}
			got := log.String()
			if want == "" && got != "" || !strings.Contains(got, want) || strings.Contains(got, "the folder has no objects\"") {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}
