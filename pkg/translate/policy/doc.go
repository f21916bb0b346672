// Package policy finds the settings of a DestinationRule and of annotations that apply to one port and one subset
// of a host. Reading order: policy.go, then subset.go, annotations.go, hash.go and origin.go.
package policy
