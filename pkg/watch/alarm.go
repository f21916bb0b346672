package watch

import "time"

// alarm is a timer for something that may or may not be due.
type alarm struct{ timer *time.Timer }

func newAlarm() *alarm {
	timer := time.NewTimer(0)
	timer.Stop()
	return &alarm{timer}
}

// after returns a channel that has a value once d is over, and nil when nothing is due. It replaces what was set before.
func (a *alarm) after(d time.Duration, due bool) <-chan time.Time {
	if !due {
		a.timer.Stop()
		return nil
	}
	a.timer.Reset(d)
	return a.timer.C
}

func (a *alarm) stop() { a.timer.Stop() }
