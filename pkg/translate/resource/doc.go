// Package resource has the output of all translations: the Resource, the canonical names of resources, and ToAny,
// which marshals equal messages to equal bytes. Only this package builds and parses names.
package resource
