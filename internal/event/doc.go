// Package event writes Kubernetes Events of type Warning through the dynamic client: client-go's recorder would link every
// API group of Kubernetes into the binary. Callers decide when an Event is new and how often one may be written.
package event
