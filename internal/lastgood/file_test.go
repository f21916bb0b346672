package lastgood

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// killedVariable makes the test binary the process that TestKilledWhileSaving kills. It saves killedFile in the
// variable's folder.
const (
	killedVariable = "LASTGOOD_KILLED"
	killedFile     = "world"
)

func TestMain(m *testing.M) {
	if os.Getenv(killedVariable) != "" {
		saveForever()
	}
	os.Exit(m.Run())
}

// textOf returns a text that contains its number, and bytes that do not compress well.
func textOf(n int) string {
	bulk := make([]byte, 20_000)
	random := rand.NewChaCha8([32]byte{byte(n)})
	_, _ = random.Read(bulk)
	return fmt.Sprintf("text %d\n%x\n", n, bulk)
}

func writer(text string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	}
}

func load(f *File) (string, error) {
	var text []byte
	err := f.Load(func(r io.Reader) (err error) {
		text, err = io.ReadAll(r)
		return err
	})
	return string(text), err
}

// metric returns the value of a metric without labels.
func metric(t *testing.T, f *File, name string) float64 {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(f)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == name {
			return family.GetMetric()[0].GetGauge().GetValue() + family.GetMetric()[0].GetCounter().GetValue()
		}
	}
	t.Fatalf("there is no metric %s", name)
	return 0
}

func newFile(t *testing.T, log io.Writer) *File {
	t.Helper()
	return New(filepath.Join(t.TempDir(), "below", "world"), slog.New(slog.NewTextHandler(log, nil)))
}

func TestSaveAndLoad(t *testing.T) {
	f := newFile(t, io.Discard)
	if _, err := load(f); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("before anything was saved: got %v, want that there is no file", err)
	}
	for n := range 3 {
		f.Save(writer(textOf(n)))
		if got, err := load(f); err != nil || got != textOf(n) {
			t.Errorf("text %d: got %d bytes and %v", n, len(got), err)
		}
	}
	files, err := os.ReadDir(filepath.Dir(f.path))
	if err != nil || len(files) != 1 {
		t.Errorf("got %d files and %v, want one file", len(files), err)
	}
	info, err := os.Stat(f.path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got mode %v and %v, want that only its owner reads it", info.Mode(), err)
	}
	if got := metric(t, f, "mizzen_state_bytes"); got != float64(info.Size()) {
		t.Errorf("got a size of %v, want %d", got, info.Size())
	}
	if metric(t, f, "mizzen_state_saved_timestamp_seconds") == 0 {
		t.Error("the time of the save is not shown")
	}
}

// TestDamage: a file is used as it was written or not at all, whichever byte is wrong and wherever the file ends.
func TestDamage(t *testing.T) {
	f := newFile(t, io.Discard)
	f.Save(writer("all that is known\n"))
	whole, err := os.ReadFile(f.path)
	if err != nil {
		t.Fatal(err)
	}
	refused := func(what string, raw []byte) {
		t.Helper()
		if err := os.WriteFile(f.path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		if text, err := load(f); err == nil {
			t.Errorf("%s: got %q, want an error", what, text)
		}
	}
	for i := range whole {
		refused(fmt.Sprintf("cut after %d bytes", i), whole[:i])
		flipped := bytes.Clone(whole)
		flipped[i] ^= 1 << (i % 8)
		refused(fmt.Sprintf("bit of byte %d", i), flipped)
	}
	refused("more behind it", append(bytes.Clone(whole), 0))
	refused("zeros, as after a crash of the machine", make([]byte, len(whole)))
}

func TestOtherForm(t *testing.T) {
	f := newFile(t, io.Discard)
	f.Save(writer("text"))
	raw, err := os.ReadFile(f.path)
	if err != nil {
		t.Fatal(err)
	}
	// A complete file of another format: what encode writes with another header.
	later := resum(bytes.Replace(raw, []byte("good 1"), []byte("good 2"), 1))
	if err := os.WriteFile(f.path, later, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := load(f); err == nil || !strings.Contains(err.Error(), "last good 2") {
		t.Errorf("got %v, want an error that names the format", err)
	}
}

// TestKilledWhileSaving kills a process at random moments while it saves: the file is always complete afterwards.
func TestKilledWhileSaving(t *testing.T) {
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	last := -1
	for range 25 {
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), killedVariable+"=1")
		cmd.Dir = dir
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// The process writes a byte at each of many points inside a save. After a random number of them it is killed.
		_, _ = io.CopyN(io.Discard, out, 20+rand.Int64N(100))
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		text, err := load(New(filepath.Join(dir, killedFile), slog.New(slog.DiscardHandler)))
		if err != nil {
			t.Fatalf("after a kill: %v", err)
		}
		var n int
		if _, err := fmt.Sscanf(text, "text %d", &n); err != nil || text != textOf(n) {
			t.Fatalf("after a kill: got %.20q of %d bytes, want a complete text", text, len(text))
		}
		last = max(last, n)
	}
	if last <= 0 {
		t.Errorf("the last text found is %d: no text was replaced", last)
	}
}

func saveForever() {
	f := New(killedFile, slog.New(slog.DiscardHandler))
	for n := 0; ; n++ {
		f.Save(func(w io.Writer) error {
			text := textOf(n % 200)
			for len(text) > 0 {
				part := text[:min(len(text), 4000)]
				text = text[len(part):]
				if _, err := io.WriteString(w, part); err != nil {
					return err
				}
				_, _ = os.Stdout.WriteString(".")
			}
			return nil
		})
	}
}

// TestUnwritable makes saves fail: the previous text stays, one line is logged, and another one when saves work again.
func TestUnwritable(t *testing.T) {
	var log bytes.Buffer
	f := newFile(t, &log)
	f.Save(writer("before"))
	full := func(w io.Writer) error {
		_, _ = io.WriteString(w, "a part of what")
		return syscall.ENOSPC
	}
	f.Save(full)
	f.Save(full)
	if text, err := load(f); err != nil || text != "before" {
		t.Errorf("got %q and %v, want the previous text", text, err)
	}
	if _, err := os.Stat(Draft(f.path)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want that the temporary file is removed", err)
	}
	if got := metric(t, f, "mizzen_state_save_failures_total"); got != 2 {
		t.Errorf("got %v failures, want 2", got)
	}
	f.Save(writer("after"))
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], "cannot save") || !strings.Contains(lines[1], "saved again") {
		t.Errorf("got log lines %q, want one that it fails and one that it works", lines)
	}
}

// fullDisk makes the test binary the process of TestFullDisk.
const fullDisk = "MIZZEN_TEST_FULL_DISK"

// TestFullDisk has the kernel reject writes beyond a size, as a full disk does. That limit applies to a whole
// process, so it runs in another one.
func TestFullDisk(t *testing.T) {
	if os.Getenv(fullDisk) == "" {
		self := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestFullDisk$", "-test.v")
		self.Env = append(os.Environ(), fullDisk+"=1")
		if out, err := self.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: TestFullDisk") {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	f := newFile(t, io.Discard)
	f.Save(writer("before"))
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	small := limit
	small.Cur = 8 << 10
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &small); err != nil {
		t.Fatal(err)
	}
	f.Save(writer(textOf(1)))
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	if text, err := load(f); err != nil || text != "before" {
		t.Errorf("got %.20q and %v, want the previous text", text, err)
	}
	if got := metric(t, f, "mizzen_state_save_failures_total"); got != 1 {
		t.Errorf("got %v failures, want 1", got)
	}
}

func resum(raw []byte) []byte {
	body := raw[:len(raw)-sha256.Size]
	sum := sha256.Sum256(body)
	return slices.Concat(body, sum[:])
}

// TestDraft: each machine has one draft of a file, in its folder, that does not pass for another file.
func TestDraft(t *testing.T) {
	machine, err := os.Hostname()
	if err != nil {
		t.Skip(err)
	}
	if got, want := Draft("/state/clusters/b,last-good"), "/state/clusters/b,last-good."+machine+".new"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
