// Package report has the places in objects. A Field is a path in an object, where the code that reads the object
// reports Problems. An Origin is the field of an object that a part of a resource was made from.
package report
