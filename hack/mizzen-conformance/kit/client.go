package kit

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"
)

// Client starts the client under test.
type Client interface {
	// Start runs a client whose control plane is in a bootstrap of gRPC.
	Start(bootstrap string) (Running, error)
}

// Running is a client that runs. Its calls are made one command after the other.
type Running interface {
	// Call makes the calls of a command.
	Call(Command) ([]Outcome, error)
	// Stop ends it, and returns an error if it had ended before, or does not end.
	Stop() error
}

// Command is a line that a program reads: make Count calls, Parallel at a time, with Spacing seconds between their starts.
type Command struct {
	Target   string            `json:"target"`
	Method   string            `json:"method"`
	Headers  map[string]string `json:"headers,omitempty"`
	Count    int               `json:"count"`
	Parallel int               `json:"parallel"`
	Spacing  float64           `json:"spacing"`
	Timeout  float64           `json:"timeout"`
}

// Outcome is how a call ended. A program writes a line with an array of these after each Command.
type Outcome struct {
	// Code is the gRPC status code, and Text its message.
	Code int    `json:"code"`
	Text string `json:"text"`
	// Body is the response.
	Body string  `json:"body"`
	MS   float64 `json:"ms"`
}

// Program is a client that is a program.
type Program struct {
	// Argv is the program and its arguments, and Env is added to its environment. It runs in Dir.
	Argv, Env []string
	Dir       string
}

// Start runs the program. GRPC_XDS_BOOTSTRAP_CONFIG has its bootstrap.
func (p *Program) Start(bootstrap string) (Running, error) {
	cmd := exec.Command(p.Argv[0], p.Argv[1:]...) //nolint:gosec // the program that the caller names
	cmd.Dir = p.Dir
	cmd.Env = append(append(os.Environ(), "GRPC_XDS_BOOTSTRAP_CONFIG="+bootstrap), p.Env...)
	run := &process{cmd: cmd, log: &tail{}}
	cmd.Stderr = run.log
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	run.in, run.out = in, bufio.NewReader(out)
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the client: %w", err)
	}
	var port int
	if err := run.read(&port, slack); err != nil {
		_ = run.Stop()
		return nil, fmt.Errorf("read the first line of the client, a number: %w", err)
	}
	return run, nil
}

// process is a running program.
type process struct {
	cmd *exec.Cmd
	// mu is held from a command to its outcomes.
	mu  sync.Mutex
	in  io.WriteCloser
	out *bufio.Reader
	log *tail
}

// slack is how much longer than its calls a command may take, and how long a program may take to start.
const slack = time.Minute

func (p *process) Call(c Command) ([]Outcome, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	line, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	if _, err := p.in.Write(append(line, '\n')); err != nil {
		return nil, fmt.Errorf("the client ended: %w\n%s", err, p.log)
	}
	var outcomes []Outcome
	most := time.Duration(float64(c.Count) * (c.Timeout + c.Spacing) * float64(time.Second))
	if err := p.read(&outcomes, most+slack); err != nil {
		return nil, err
	}
	if len(outcomes) != c.Count {
		return nil, fmt.Errorf("the client made %d calls, and was asked for %d", len(outcomes), c.Count)
	}
	return outcomes, nil
}

// read takes a line of the program. A program that does not write it in time is ended.
func (p *process) read(into any, within time.Duration) error {
	late := time.AfterFunc(within, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	line, err := p.out.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("the client ended, or did not answer within %v: %w\n%s", within, err, p.log)
	}
	if err := json.Unmarshal(line, into); err != nil {
		return fmt.Errorf("the client wrote %q: %w", line, err)
	}
	return nil
}

func (p *process) Stop() error {
	_ = p.in.Close()
	late := time.AfterFunc(10*time.Second, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	if err := p.cmd.Wait(); err != nil {
		return fmt.Errorf("the client ended with %w\n%s", err, p.log)
	}
	if !late.Stop() {
		return errors.New("the client did not end with its input")
	}
	return nil
}

// tail keeps the last lines of what a program logs.
type tail struct {
	mu   sync.Mutex
	kept []byte
}

const tailed = 2000

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, b...)
	if over := len(t.kept) - tailed; over > 0 {
		t.kept = bytes.Clone(t.kept[over:])
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.kept)
}
