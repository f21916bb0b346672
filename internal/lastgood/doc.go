// Package lastgood keeps one text in a file, so that it survives whatever ends the process: it is written beside the file, forced to
// the disk, and renamed. A checksum over all of it tells a whole text from any other. What the text means is not known here.
//
// Read file.go, then format.go.
package lastgood
