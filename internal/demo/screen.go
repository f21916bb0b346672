package demo

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

const (
	// redrawEvery is the interval at which the live table changes on a terminal. Elsewhere a line is printed every
	// reportEvery.
	redrawEvery = 250 * time.Millisecond
	reportEvery = time.Second

	// eraseBelow clears from the cursor to the end of the screen. cursorUp moves to the start of an earlier line.
	eraseBelow = "\x1b[J"
	cursorUp   = "\x1b[%dF"
)

// screen prints permanent text and, below it, a live table. Only the scenario writes to it. Write errors are ignored:
// the demo checks the mesh, not the terminal.
type screen struct {
	out      io.Writer
	terminal bool
	// drawn is the height of the live table.
	drawn int
}

// writef adds permanent lines.
func (s *screen) writef(format string, args ...any) {
	s.erase()
	_, _ = fmt.Fprintf(s.out, format+"\n", args...)
}

// live shows the state of a step: a table that replaces the previous one, or a line.
func (s *screen) live(elapsed time.Duration, c count, stopped map[string]bool) {
	if !s.terminal {
		s.writef("      %4.0fs  %s", elapsed.Seconds(), line(c))
		return
	}
	s.erase()
	table := liveTable(c, stopped)
	_, _ = fmt.Fprint(s.out, table)
	s.drawn = strings.Count(table, "\n")
}

func (s *screen) erase() {
	if s.drawn > 0 {
		_, _ = fmt.Fprintf(s.out, cursorUp+eraseBelow, s.drawn)
		s.drawn = 0
	}
}

// period returns the interval at which live should be called.
func (s *screen) period() time.Duration {
	if s.terminal {
		return redrawEvery
	}
	return reportEvery
}

// liveTable has a row for each backend, and a total.
func liveTable(c count, stopped map[string]bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n      %-8s  %-8s  %8s  %7s\n", "version", "backend", "requests", "share")
	for _, member := range backendSpecs {
		note := ""
		if stopped[member.name] {
			note = "  killed"
		}
		fmt.Fprintf(&b, "      %-8s  %-8s  %8d  %6.1f%%%s\n",
			member.version, member.name, c.backend[member.name], 100*c.share(member.name), note)
	}
	fmt.Fprintf(&b, "      %s\n", total(c))
	return b.String()
}

// line formats a count in one line.
func line(c count) string {
	return fmt.Sprintf("%5d requests   v1 %5.1f%%   v2 %5.1f%%   p50 %s   p99 %s   %d failed",
		c.total, 100*c.share("v1"), 100*c.share("v2"), millis(c.p50), millis(c.p99), len(c.failures))
}

// total formats the count at the end of a step.
func total(c count) string { return "total  " + line(c) }

func millis(d time.Duration) string {
	return fmt.Sprintf("%5.1f ms", float64(d.Microseconds())/1000)
}

// isTerminal reports whether out is a terminal in which the cursor can be moved.
func isTerminal(out io.Writer) bool {
	file, ok := out.(*os.File)
	if !ok || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
