// Package render shows a Snapshot to people: its Problems, and the resources a client would be sent, as YAML or JSON.
//
// The output is stable: the same Snapshot gives the same bytes, so it may be kept, compared and reviewed.
package render
