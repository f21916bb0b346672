package serving

import (
	"runtime"
	"sync"
)

// onAllCores calls do with 0 to n-1, on all cores if there is enough to do, and returns when all is done.
func onAllCores(n int, do func(int)) {
	const fewest = 100 // for a core
	cores := min(runtime.GOMAXPROCS(0), 1+n/fewest)
	var group sync.WaitGroup
	for core := 1; core < cores; core++ {
		group.Go(func() {
			for i := core; i < n; i += cores {
				do(i)
			}
		})
	}
	for i := 0; i < n; i += cores {
		do(i)
	}
	group.Wait()
}
