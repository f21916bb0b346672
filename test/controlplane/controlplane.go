// Package controlplane builds and runs the control plane for tests and demos.
package controlplane

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// patience is how long a start may take on a busy machine.
const patience = 2 * time.Minute

// Build compiles the control plane into a folder and returns the program.
func Build(ctx context.Context, dir string) (string, error) {
	program := filepath.Join(dir, "controlplane")
	build := exec.CommandContext(ctx, "go", "build", "-tags", "grpcnotrace", "-o", program, "github.com/mizzen-mesh/mizzen/cmd/controlplane")
	if output, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the control plane: %w\n%s", err, output)
	}
	return program, nil
}

// Process is `controlplane serve`, running. It ends with its parent.
type Process struct {
	// XDS and Admin are its addresses.
	XDS, Admin string
	// Ready is the line that it printed when it was ready.
	Ready string

	cmd *exec.Cmd
	log *Buffer
	// rest is what is printed after the ready line. It is complete when read is closed.
	rest string
	read chan struct{}
}

// Start runs `controlplane serve` with these flags, and returns when it is ready. Its log goes to a buffer, too, which may
// have the log of an earlier process.
func Start(program string, log *Buffer, flags ...string) (*Process, error) {
	p := &Process{cmd: exec.Command(program, append([]string{"serve"}, flags...)...), log: log, read: make(chan struct{})}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	p.cmd.Stderr = log
	pipe, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("control plane: %w", err)
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("control plane: %w", err)
	}
	output := bufio.NewReader(pipe)
	late := time.AfterFunc(patience, func() { _ = p.cmd.Process.Kill() })
	p.Ready, err = output.ReadString('\n')
	late.Stop()
	if err == nil {
		_, err = fmt.Sscanf(p.Ready, "ready xds=%s admin=%s", &p.XDS, &p.Admin)
	}
	go func() {
		defer close(p.read)
		rest, _ := io.ReadAll(output)
		p.rest = string(rest)
	}()
	if err != nil {
		p.Kill()
		return nil, fmt.Errorf("control plane: got %q, want the ready line: %w\n%s", p.Ready, err, log)
	}
	return p, nil
}

// Kill ends the process as a crash would. The process may be nil or have ended.
func (p *Process) Kill() {
	if p == nil {
		return
	}
	_ = p.cmd.Process.Kill()
	<-p.read
	_ = p.cmd.Wait()
}

// Stop ends the process by SIGTERM. Then it must end with status 0, and must not have printed a second line.
func (p *Process) Stop() error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	<-p.read
	if err := p.cmd.Wait(); err != nil {
		return fmt.Errorf("control plane: got %w after SIGTERM, want status 0", err)
	}
	if p.rest != "" {
		return errors.New("control plane: got more output than the ready line: " + strings.TrimSpace(p.rest))
	}
	return nil
}

// Replace replaces a file of a folder that is served, in one step.
func Replace(dir, name, text string) error {
	draft := filepath.Join(dir, "."+name+".new") // hidden, so that it is not read
	if err := os.WriteFile(draft, []byte(text), 0o600); err != nil {
		return fmt.Errorf("write a file of the mesh: %w", err)
	}
	if err := os.Rename(draft, filepath.Join(dir, name)); err != nil {
		return fmt.Errorf("write a file of the mesh: %w", err)
	}
	return nil
}

// Buffer is a bytes.Buffer that a process may write to while it is read.
type Buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
