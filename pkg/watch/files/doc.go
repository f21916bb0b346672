// Package files reads objects from a folder of YAML, or once from files.
//
// A Feed scans its folder: the whole folder at start and every ten seconds, and the paths that file events name. A
// scan reads the files that changed, and parses the documents in them that changed. Several files may declare the
// same object; the first by name is in effect. A deletion is believed only if it lasts, because some editors remove a
// file before they write it again.
//
// Reading order: feed.go (when to scan), scan.go (one scan), pending.go (paths that wait), claims.go (which
// declaration of an object is in effect), parse.go and documents.go (from text to objects), load.go (files that are
// read once). Package schema checks values against the API's types.
package files
