//go:build !race

package seeds

const race = false
