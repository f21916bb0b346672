// Package lastgood keeps one text in a file, so that it survives the end of the process. A save writes a new file,
// syncs it to disk, and renames it. A checksum detects a text that is damaged or incomplete. The package does not
// interpret the text.
//
// Reading order: file.go (Save and Load), then format.go.
package lastgood
