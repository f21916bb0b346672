// Package history keeps the generations of the configuration: what the objects of people were, who changed them, and how far a
// change reached clients. It compares generations, and makes the World of one. Endpoints are in none of them.
//
// Read store.go first, then generation.go and compare.go.
package history
