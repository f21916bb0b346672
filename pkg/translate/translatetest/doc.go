// Package translatetest has helpers for the tests of package translate and of the packages below it: messages from
// YAML, random objects, descriptions of resources, and Complaints, which checks a resource.
//
// Reading order: harness.go, rules.go, random.go, lint.go.
package translatetest
