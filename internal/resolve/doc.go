// Package resolve resolves the names of endpoints that clients cannot resolve: EDS has addresses alone. It is a feed: what
// a World has of a name is an object that the Resolver puts into the Inbox.
//
// Reading order: resolver.go (when names are looked up), answers.go (what is made of the answers), dns.go (one lookup).
package resolve
