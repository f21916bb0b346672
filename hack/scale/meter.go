package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// meter measures the CPU and memory of a server. If pid is 0, the server is not on this machine, and both are unknown.
type meter struct {
	pid int
	// metrics is the URL of its Prometheus metrics, or empty.
	metrics string
}

// cpu returns the CPU time of the process so far. Its CPU clock is finer than the hundredths of a second in /proc.
func (m meter) cpu() time.Duration {
	if m.pid == 0 {
		return 0
	}
	var t unix.Timespec
	const schedulerClock = 2
	// The ID of a process's CPU clock is computed from its process ID: see clock_getcpuclockid(3).
	if err := unix.ClockGettime(int32(^m.pid<<3|schedulerClock), &t); err != nil {
		return 0
	}
	return time.Duration(t.Nano())
}

// rss and peak return the resident memory in MiB: now, and at most.
func (m meter) rss() float64  { return m.resident("VmRSS") }
func (m meter) peak() float64 { return m.resident("VmHWM") }

func (m meter) resident(field string) float64 {
	if m.pid == 0 {
		return 0
	}
	kb, err := residentKB(m.pid, field)
	if err != nil {
		return 0
	}
	return float64(kb) / 1024
}

// goroutines returns the number of goroutines of a server that is written in Go and has metrics; 0 if unknown.
func (m meter) goroutines(ctx context.Context) float64 {
	value, err := m.metric(ctx, "go_goroutines")
	if err != nil {
		return 0
	}
	return value
}

// metric reads the value of a metric without labels.
func (m meter) metric(ctx context.Context, name string) (float64, error) {
	if m.metrics == "" {
		return 0, errors.New("no metrics")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, m.metrics, http.NoBody)
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		if value, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			return strconv.ParseFloat(value, 64)
		}
	}
	return 0, fmt.Errorf("no metric %s", name)
}
