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

// meter reads what a server costs. A pid of 0 is a server elsewhere, of which nothing is known.
type meter struct {
	pid int
	// metrics is the URL of its Prometheus metrics, or empty.
	metrics string
}

// cpu is the time that the process has run so far: its own clock, which is finer than /proc's hundredths of a second.
func (m meter) cpu() time.Duration {
	if m.pid == 0 {
		return 0
	}
	var t unix.Timespec
	const schedulerClock = 2
	// The number of a process's clock is made from its id: see clock_getcpuclockid(3).
	if err := unix.ClockGettime(int32(^m.pid<<3|schedulerClock), &t); err != nil {
		return 0
	}
	return time.Duration(t.Nano())
}

// rss and peak are the resident memory in MiB, now and at most.
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

// goroutines of a server written in Go that shows metrics; 0 is unknown.
func (m meter) goroutines(ctx context.Context) float64 {
	value, err := m.metric(ctx, "go_goroutines")
	if err != nil {
		return 0
	}
	return value
}

// metric reads one metric without labels.
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
