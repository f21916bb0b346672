// Package report is how the code that reads a rule says where it is and what it finds there: a Field is a place in an object
// that reports Problems, and an Origin says where an author wrote a part of a resource.
package report
