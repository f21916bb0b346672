package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"
)

// watchPoll is the interval at which 'inspect --watch' requests a list.
const watchPoll = time.Second

// follow prints a list, and then what changes in it, until ctx ends. A table is printed once; after it, each line that is
// new, and each line that is no longer so, with "gone" before it. JSON and YAML are printed as a whole, one document for
// each change.
func (o *inspectOptions) follow(ctx context.Context, std stdio, all replicas, list listKind) error {
	tick := time.NewTicker(watchPoll)
	defer tick.Stop()
	var last []byte
	var failure string
	for first := true; ; first = false {
		text, why, err := o.look(ctx, all, list)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		}
		if why != failure && why != "" {
			std.printErr("%s\n", why)
		}
		failure = why
		if text != nil {
			if err := std.print(o.changes(last, text, first)); err != nil {
				return err
			}
			last = text
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// look requests the list once. A replica that does not answer is no error while the list is watched: why says so.
func (o *inspectOptions) look(ctx context.Context, all replicas, list listKind) (text []byte, why string, err error) {
	var said bytes.Buffer
	answered, bodies, _, err := all.fetchAnswered(ctx, stdio{err: &said}, all.pathOf(list))
	if err != nil {
		return nil, err.Error(), nil //nolint:nilerr // it is printed, and the next look may succeed
	}
	text, err = o.format(answered, bodies, list)
	return text, strings.TrimSpace(said.String()), err
}

// changes returns what is to be printed of a list after an earlier version of it.
func (o *inspectOptions) changes(before, now []byte, first bool) []byte {
	switch {
	case first || before == nil:
		return now
	case bytes.Equal(before, now):
		return nil
	case o.output == outputYAML:
		return append([]byte("---\n"), now...)
	case o.output == outputJSON:
		return now
	}
	var out []byte
	old, current := lines(before), lines(now)
	for line := range bytes.Lines(now) {
		if !old[spaced(line)] {
			out = append(out, line...)
		}
	}
	for line := range bytes.Lines(before) {
		if !current[spaced(line)] {
			out = fmt.Appendf(out, "gone: %s", line)
		}
	}
	return out
}

// lines are the lines of a text, without differences in the width of columns.
func lines(text []byte) map[string]bool {
	set := map[string]bool{}
	for line := range bytes.Lines(text) {
		set[spaced(line)] = true
	}
	return set
}

func spaced(line []byte) string { return string(bytes.Join(bytes.Fields(line), []byte(" "))) }
