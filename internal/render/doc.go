// Package render prints a Snapshot for people: its Problems, and the resources that a client would be sent, as YAML
// or JSON.
//
// The output is stable: the same Snapshot gives the same bytes, so the output can be stored and compared. Read
// render.go first, then format.go and origin.go.
package render
