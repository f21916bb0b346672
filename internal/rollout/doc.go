// Package rollout decides about changes of rules that a part of the clients follows first: whether all clients get them, or none.
// It reads which clients have acknowledged a change, and what the clients report about their calls. The assembler of package watch
// does what is decided.
//
// Reading order: judge.go (the decision, without a clock), compare.go (which calls fail more often), decider.go (when a rollout is judged, and by which evidence), record.go (what is remembered), state.go (what operators see).
package rollout
