package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"syscall"
	"time"

	"github.com/mizzen-mesh/mizzen/test/controlplane"
)

// patience limits everything that is waited for.
const patience = 2 * time.Minute

// process is a running program.
type process struct {
	name string
	cmd  *exec.Cmd
	log  *controlplane.Buffer
	port string
	// ended is closed when the process has ended.
	ended chan struct{}
}

// launch starts a program in a folder.
func launch(name, dir string, env []string, program string, args ...string) (*process, error) {
	p := &process{name: name, cmd: exec.Command(program, args...), log: &controlplane.Buffer{}, ended: make(chan struct{})}
	p.cmd.Dir = dir
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go p.wait()
	return p, nil
}

func (p *process) wait() {
	_ = p.cmd.Wait()
	close(p.ended)
}

// kill ends the process as a crash would. It may be nil.
func (p *process) kill() {
	if p == nil {
		return
	}
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// await waits until the log has a line, and returns its first group.
func (p *process) await(ctx context.Context, line *regexp.Regexp) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if found := line.FindStringSubmatch(p.log.String()); found != nil {
			return found[len(found)-1], nil
		}
		select {
		case <-p.ended:
			return "", fmt.Errorf("%s ended: %v\n%s", p.name, p.cmd.ProcessState, p.log)
		case <-ctx.Done():
			return "", fmt.Errorf("%s is not ready after %v\n%s", p.name, patience, p.log)
		case <-tick.C:
		}
	}
}

// post sends a request to the program's port, and returns the body of the response.
func (p *process) post(ctx context.Context, path string, headers map[string]string, body []byte) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://127.0.0.1:"+p.port+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	for k, v := range headers {
		r.Header.Set(k, v)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = errors.New(response.Status + ": " + string(answer))
	}
	return answer, err
}
