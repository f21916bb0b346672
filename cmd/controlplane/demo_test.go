package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// demoRun runs a command line until it or the context ends. seen also gets what it prints.
type demoRun func(ctx context.Context, t *testing.T, seen io.Writer, args ...string) outcome

// until is a writer that calls a function once a text was written to it.
type until struct {
	text string
	then func()
	all  bytes.Buffer
}

func (u *until) Write(p []byte) (int, error) {
	u.all.Write(p)
	if bytes.Contains(u.all.Bytes(), []byte(u.text)) {
		u.then()
	}
	return len(p), nil
}

// TestDemo runs the demo inside of the program, and the two programs that are released.
func TestDemo(t *testing.T) {
	program := buildPrograms(t)
	for way, run := range map[string]demoRun{
		"inside": func(ctx context.Context, _ *testing.T, seen io.Writer, args ...string) outcome {
			var stdout, stderr bytes.Buffer
			code := execute(ctx, args, stdio{in: strings.NewReader(""), out: io.MultiWriter(&stdout, seen), err: &stderr})
			return outcome{code, stdout.String(), stderr.String()}
		},
		"beside": func(ctx context.Context, t *testing.T, seen io.Writer, args ...string) outcome {
			return runProgram(ctx, t, seen, program, args...)
		},
	} {
		t.Run(way, func(t *testing.T) {
			for name, test := range map[string]func(*testing.T, demoRun){
				"as stated": demoGoesAsStated, "not as stated": demoNotAsStated, "signal": demoEndsByASignal, "usage": demoUsage,
			} {
				t.Run(name, func(t *testing.T) {
					t.Setenv("TMPDIR", t.TempDir())
					test(t, run)
					if left, err := filepath.Glob(filepath.Join(os.Getenv("TMPDIR"), "mizzen-demo-*")); err != nil || len(left) > 0 {
						t.Errorf("got files %v (%v) at the end, want none", left, err)
					}
				})
			}
		})
	}
	demoFindsItsProgram(t, program)
	demoToldWhenItsProgramFails(t, program)
}

// buildPrograms builds both programs into a folder, and returns the path of the first.
func buildPrograms(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{programName, "controlplane-demo"} {
		build := exec.CommandContext(t.Context(), "go", "build", "-tags", "grpcnotrace,nodemo", "-o", filepath.Join(dir, name), "../"+name)
		if said, err := build.CombinedOutput(); err != nil {
			t.Fatalf("build %s: %v\n%s", name, err, said)
		}
	}
	return filepath.Join(dir, programName)
}

// runProgram runs a program, and sends it SIGTERM when ctx ends.
func runProgram(ctx context.Context, t *testing.T, seen io.Writer, program string, args ...string) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdout, cmd.Stderr = io.MultiWriter(&stdout, seen), &stderr
	cmd.Cancel, cmd.WaitDelay = func() error { return cmd.Process.Signal(syscall.SIGTERM) }, time.Minute
	if err := cmd.Run(); cmd.ProcessState == nil || errors.Is(err, exec.ErrWaitDelay) {
		t.Fatalf("run %s: %v", program, err)
	}
	return outcome{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

func demoGoesAsStated(t *testing.T, run demoRun) {
	got := run(t.Context(), t, io.Discard, "demo", "--step", "1500ms")
	if got.code != exitOK || got.err != "" {
		t.Errorf("got exit code %d and %q on standard error, want 0 and nothing", got.code, got.err)
	}
	for _, want := range []string{"[4/4]   reached the client after ", " 0 failed.\n", "demo -> greeter   v1 ", "   the same\n", "demo -> greeter   v2 ", "   the calls go on, and are reported each second\n"} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("got no %q", want)
		}
	}
	if t.Failed() {
		t.Logf("output:\n%s", got.stdout)
	}
}

// demoNotAsStated: in a step of a nanosecond no request is answered.
func demoNotAsStated(t *testing.T, run demoRun) {
	got := run(t.Context(), t, io.Discard, "demo", "--step", "1ns")
	if want := "controlplane: the demo did not go as stated\n"; got.code != exitFailure || got.err != want {
		t.Errorf("got exit code %d and %q on standard error, want 1 and %q", got.code, got.err, want)
	}
	if want := "NOT AS STATED: no request was answered"; !strings.Contains(got.stdout, want) {
		t.Errorf("got no %q in\n%s", want, got.stdout)
	}
}

func demoEndsByASignal(t *testing.T, run demoRun) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if got := run(ctx, t, &until{text: "[1/4]", then: cancel}, "demo", "--interactive", "--step", "1h"); got.code != exitOK || got.err != "" || !strings.Contains(got.stdout, "[1/4]") {
		t.Errorf("got exit code %d and %q on standard error, want 0 and nothing:\n%s", got.code, got.err, got.stdout)
	}
}

func demoUsage(t *testing.T, run demoRun) {
	help := run(t.Context(), t, io.Discard, "demo", "--help")
	golden(t, "help/demo.txt", help.stdout)
	got := run(t.Context(), t, io.Discard, "demo", "--step", "0s")
	if want := "controlplane: --step must be more than 0\nRun 'controlplane demo --help' for usage.\n"; got.code != exitUsage || got.err != want {
		t.Errorf("got exit code %d and %q, want 2 and %q", got.code, got.err, want)
	}
}

// demoFindsItsProgram: the second program may also be in PATH; and without it the demo says what to do, and starts nothing.
func demoFindsItsProgram(t *testing.T, program string) {
	t.Helper()
	elsewhere := t.TempDir()
	t.Setenv("PATH", elsewhere)
	if err := os.Rename(filepath.Join(filepath.Dir(program), "controlplane-demo"), filepath.Join(elsewhere, "controlplane-demo")); err != nil {
		t.Fatal(err)
	}
	if got := runProgram(t.Context(), t, io.Discard, program, "demo", "--step", "1ns"); !strings.Contains(got.stdout, "[1/4]") {
		t.Errorf("in PATH: got exit code %d, %q and %q, want a demo", got.code, got.stdout, got.err)
	}
	t.Setenv("PATH", "")
	got := runProgram(t.Context(), t, io.Discard, program, "demo")
	if want := "controlplane: the demo needs the program controlplane-demo, which is neither at " + program + "-demo nor in PATH: "; got.code != exitFailure || got.stdout != "" || !strings.HasPrefix(got.err, want) {
		t.Errorf("without it: got exit code %d, %q and %q, want 1 and %q", got.code, got.stdout, got.err, want)
	}
}

// demoToldWhenItsProgramFails: no end of the second program is silent, whether it is killed or is another one.
func demoToldWhenItsProgramFails(t *testing.T, program string) {
	t.Helper()
	second := filepath.Join(filepath.Dir(program), "controlplane-demo")
	for script, want := range map[string]string{
		"kill -9 $$":                    "signal: killed",
		"exit 2":                        "exit status 2",
		"exit 1":                        "exit status 1",
		"exit 99":                       "exit status 99",
		"echo 'it says why'>&2; exit 1": "",
	} {
		if err := os.WriteFile(second, []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		got := runProgram(t.Context(), t, io.Discard, program, "demo")
		told := "controlplane: the demo ended early: " + second + ": " + want + "\n"
		if want == "" {
			told = "it says why\n"
		}
		if got.code != exitFailure || got.err != told {
			t.Errorf("%s: got exit code %d and %q on standard error, want 1 and %q", script, got.code, got.err, told)
		}
	}
}
