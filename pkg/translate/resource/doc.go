// Package resource has what all translations write with: the Resource, its canonical names, and messages packed so that the same
// message is always the same bytes.
package resource
