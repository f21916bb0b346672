package rollout

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/mizzen-mesh/mizzen/internal/load"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// attempted draws how many of n attempts fail.
func attempted(random *rand.Rand, n uint64, probability float64) load.Attempts {
	a := load.Attempts{Calls: n}
	if deviation := math.Sqrt(float64(n) * probability * (1 - probability)); deviation > 30 {
		a.Errors = uint64(math.Round(float64(n)*probability + deviation*random.NormFloat64()))
		return a
	}
	rare, often := min(probability, 1-probability), probability > 0.5
	for i := uint64(0); rare > 0; a.Errors++ {
		// How many attempts there are until the next one that is rare.
		if i += 1 + uint64(min(1e9, math.Log(1-random.Float64())/math.Log1p(-rare))); i > n {
			break
		}
	}
	if often {
		a.Errors = n - a.Errors
	}
	return a
}

// crowd is calls of many workloads, before a change and since, whose shares of failed attempts differ.
type crowd struct {
	random      *rand.Rand
	before, now calls
}

// number draws a number, of any order of magnitude alike.
func (c *crowd) number(most float64) uint64 {
	return uint64(math.Exp(c.random.Float64() * math.Log(most)))
}

// add adds calls of a workload, which fail as often in both parts and before, except for the first part since the change. It made some times as
// many calls before.
func (c *crowd) add(name string, first, rest uint64, usual, since, times float64) {
	by := unit{fmt.Sprint("rule-", c.random.IntN(3)), load.Source{Namespace: "shop", Workload: name}}
	c.now.add(by, pair{attempted(c.random, first, since), attempted(c.random, rest, usual)})
	again := func(n uint64) uint64 { return uint64(float64(n) * times * (0.5 + 1.5*c.random.Float64())) }
	c.before.add(by, pair{attempted(c.random, again(first), usual), attempted(c.random, again(rest), usual)})
}

// newCrowd draws workloads: most fail seldom, and some always. Some have clients in one part alone.
func newCrowd(random *rand.Rand, workloads int) *crowd {
	c := &crowd{random: random, before: newCalls(), now: newCalls()}
	for i := range workloads {
		usual := []float64{0, 0.001, 0.01 * random.Float64(), 0.2 * random.Float64(), random.Float64(), 1}[random.IntN(6)]
		first, rest := c.number(1e6), c.number(1e7)
		switch random.IntN(4) {
		case 0:
			first = 0
		case 1:
			rest = 0
		}
		c.add(fmt.Sprint("w-", i), first, rest, usual, usual, 1)
	}
	return c
}

func (c *crowd) judge() verdict {
	return judge(evidence{
		policy: mesh.RolloutPolicy{Percent: 10, Window: time.Minute, Abort: true}, clients: 1, elapsed: time.Minute,
		calls: c.now, before: c.before, remaining: c.before, stayed: c.before, beforeFor: time.Minute,
	})
}

// TestChanceDecidesNothing: where calls of each workload fail as often in both parts, a change is not taken back, whatever the workloads.
func TestChanceDecidesNothing(t *testing.T) {
	promoted, rounds := 0, 600
	for seed := range uint64(rounds) {
		random := rand.New(rand.NewPCG(seed, 1))
		v := newCrowd(random, 1+random.IntN(100)).judge()
		if v.abort {
			t.Errorf("seed %d: %s", seed, v.message)
		}
		if v.promote {
			promoted++
		}
	}
	t.Logf("%d of %d are promoted at once", promoted, rounds)
}

// TestOneWorkloadDecides: where calls of one workload fail five points more often with the change, and there are enough of them, it is taken back,
// whatever the others do.
func TestOneWorkloadDecides(t *testing.T) {
	for seed := range uint64(600) {
		random := rand.New(rand.NewPCG(seed, 2))
		c := newCrowd(random, random.IntN(100))
		for i := range random.IntN(5) {
			c.add(fmt.Sprint("change-", i), c.number(1e6), c.number(1e7), random.Float64(), random.Float64(), 1)
		}
		usual := 0.95 * random.Float64()
		c.add("worse", 60_000+c.number(1e6), 60_000+c.number(1e7), usual, usual+0.05, []float64{0, 0.001, 0.1, 1}[random.IntN(4)])
		if v := c.judge(); !v.abort {
			t.Errorf("seed %d, from %.3f: %s", seed, usual, v.message)
		}
	}
}
