//go:build race

package presubmit

import (
	"fmt"
	"testing"
)

// TestMain runs no test with the race detector: they read files, for minutes with it. `make test` runs them without it.
func TestMain(*testing.M) { fmt.Println("presubmit: not run with the race detector; make test runs it without") }
