package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// A command and an outcome are what the clients of package interop read and write: it has their documentation.
type command struct {
	Target   string  `json:"target"`
	Method   string  `json:"method"`
	Count    int     `json:"count"`
	Parallel int     `json:"parallel"`
	Spacing  float64 `json:"spacing"`
	Timeout  float64 `json:"timeout"`
}

type outcome struct {
	Code int    `json:"code"`
	Text string `json:"text"`
	Body string `json:"body"`
}

// drive has a client of package interop call a target continuously. The results of all calls so far are in a file that has the name of the pod and
// outlives it. The first calls may fail, until one has succeeded. After that every failed call counts.
func drive(ctx context.Context, folder, target string, argv []string) error {
	pod, err := os.Hostname()
	if err != nil {
		return err
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	lines, commands := bufio.NewReader(out), json.NewEncoder(in)
	if _, err := lines.ReadBytes('\n'); err != nil { // the port of its status
		return fmt.Errorf("the client has not started: %w", err)
	}
	sum, last := tally{By: map[string]int{}}, time.Now()
	for ctx.Err() == nil {
		c := command{Target: target, Method: "/interop.Echo/Say", Count: 10, Parallel: 2, Spacing: pace.Seconds(), Timeout: within.Seconds()}
		if err := commands.Encode(c); err != nil {
			return fmt.Errorf("write to the client: %w", err)
		}
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return fmt.Errorf("read from the client: %w", err)
		}
		var outcomes []outcome
		if err := json.Unmarshal(line, &outcomes); err != nil || len(outcomes) != c.Count {
			return fmt.Errorf("the client wrote %q: %w", line, cmp.Or(err, io.ErrUnexpectedEOF))
		}
		for _, o := range outcomes {
			sum.add(o)
		}
		if time.Since(last) < time.Second && ctx.Err() == nil {
			continue
		}
		if err := sum.save(filepath.Join(folder, pod)); err != nil {
			return err
		}
		sum.By, last = map[string]int{}, time.Now()
	}
	return errors.Join(in.Close(), cmd.Wait())
}

// add counts an outcome, by the version and the pod of the server and by the identity of the client as the server saw it.
func (s *tally) add(o outcome) {
	var a struct{ Backend, Version, Peer string }
	if o.Code == 0 {
		if err := json.Unmarshal([]byte(o.Body), &a); err != nil {
			o.Code, o.Text = -1, fmt.Sprintf("the answer is %q", o.Body)
		}
	}
	switch {
	case o.Code == 0:
		s.OK++
		for _, by := range []string{a.Version, a.Backend, "peer " + a.Peer} {
			s.By[by]++
		}
	case s.OK > 0:
		s.Failed++
		s.Error = fmt.Sprintf("%s code %d: %s", time.Now().UTC().Format(time.TimeOnly), o.Code, o.Text)
	}
}

// save replaces the file in one piece.
func (s *tally) save(name string) error {
	line, err := json.Marshal(s)
	if err == nil {
		err = os.WriteFile(name+".new", line, 0o644)
	}
	if err == nil {
		err = os.Rename(name+".new", name)
	}
	return err
}
