package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is a server that was started for a run.
type process struct {
	cmd    *exec.Cmd
	ended  chan struct{}
	log    *tail
	stdin  io.WriteCloser
	stdout *bufio.Reader
}

// newProcess prepares a command. The end of its log is kept, and printed if the process ends too early.
func newProcess(name string, args ...string) *process {
	p := &process{cmd: exec.Command(name, args...), ended: make(chan struct{}), log: &tail{}} //nolint:gosec // the user's choice
	p.cmd.Stderr = p.log
	// The kernel ends it if this process ends.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return p
}

// pipes connects to the process's input and output. Without it, the output goes to the log.
func (p *process) pipes() error {
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		return err
	}
	stdout, err := p.cmd.StdoutPipe()
	p.stdin, p.stdout = stdin, bufio.NewReader(stdout)
	return err
}

func (p *process) start() error {
	if p.stdout == nil {
		p.cmd.Stdout = p.log
	}
	if err := p.cmd.Start(); err != nil {
		return err
	}
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait() // the log contains the reason
	}()
	return nil
}

// over reports whether the process has ended. Then its log may be read.
func (p *process) over() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// stop asks the process to end, and kills it if it does not.
func (p *process) stop() {
	const patience = 10 * time.Second
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	timer := time.AfterFunc(patience, func() { _ = p.cmd.Process.Kill() })
	defer timer.Stop()
	<-p.ended
}

// tail keeps the end of a log.
type tail struct{ text []byte }

func (t *tail) String() string { return string(t.text) }

func (t *tail) Write(b []byte) (int, error) {
	const longest = 4 << 10
	t.text = append(t.text, b...)
	t.text = t.text[max(0, len(t.text)-longest):]
	return len(b), nil
}

// freeAddress returns a loopback address on which nothing listens.
func freeAddress(ctx context.Context) (string, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String(), nil
}

// fill replaces the placeholders in the words of a command by values.
func fill(command string, values map[string]string) ([]string, error) {
	words := strings.Fields(command)
	for i, word := range words {
		for name, value := range values {
			word = strings.ReplaceAll(word, "{"+name+"}", value)
		}
		words[i] = word
	}
	if len(words) == 0 {
		return nil, errors.New("-exec is empty")
	}
	return words, nil
}

// loadAverages returns the load averages of the machine over one, five and fifteen minutes.
func loadAverages() string {
	b, err := os.ReadFile("/proc/loadavg")
	if fields := strings.Fields(string(b)); err == nil && len(fields) > 2 {
		return strings.Join(fields[:3], " ")
	}
	return "unknown"
}

// residentKB reads VmRSS or VmHWM of a process.
func residentKB(pid int, field string) (int, error) {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, field+":"); ok {
			return strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(value), " kB"))
		}
	}
	return 0, fmt.Errorf("process %d has no %s", pid, field)
}
