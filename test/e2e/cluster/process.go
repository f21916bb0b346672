package cluster

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// stopGrace is the time in which a process must end after SIGTERM.
const stopGrace = 10 * time.Second

// Process is a child process that can be restarted after it has ended, with the same arguments. It ends with the
// test. Its methods are not safe for concurrent use.
type Process struct {
	path string
	args []string
	log  string

	cmd  *exec.Cmd
	done chan struct{}
}

// NewProcess describes a process. Its output is appended to a file in dir. It is not started.
func NewProcess(dir, path string, args ...string) *Process {
	return &Process{path: path, args: args, log: filepath.Join(dir, filepath.Base(path)+".log")}
}

// Start runs the process, which must not be running.
func (p *Process) Start() error {
	output, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer output.Close()
	cmd := exec.Command(p.path, p.args...)
	cmd.Stdout, cmd.Stderr = output, output
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.name(), err)
	}
	done := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(done)
	}()
	p.cmd, p.done = cmd, done
	return nil
}

// Done is closed when the last started process has ended. It is nil before the first Start.
func (p *Process) Done() <-chan struct{} { return p.done }

// Terminate sends SIGTERM, kills the process if it does not end, and waits until it has ended.
func (p *Process) Terminate() {
	if p.cmd == nil {
		return
	}
	p.signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(stopGrace):
		p.Kill()
	}
}

// Kill ends the process with SIGKILL and waits until it has ended.
func (p *Process) Kill() {
	p.signal(syscall.SIGKILL)
	<-p.done
}

// Pause freezes the process (SIGSTOP): its connections stay open and it does not respond. Resume continues it.
func (p *Process) Pause() { p.signal(syscall.SIGSTOP) }

// Resume ends a Pause.
func (p *Process) Resume() { p.signal(syscall.SIGCONT) }

// Log returns the end of the process's output.
func (p *Process) Log() string {
	const enough = 3000
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-enough):])
}

func (p *Process) name() string { return filepath.Base(p.path) }

func (p *Process) signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) }

// Pid returns the ID of the last started process.
func (p *Process) Pid() int { return p.cmd.Process.Pid }
