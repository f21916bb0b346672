// Package problemformat writes Problems for people and for tools: as lines of text, as JSON, as SARIF for code
// scanning, and as workflow commands of GitHub. It is pure. Write is the only entry point: problemformat.go, then
// sarif.go.
package problemformat
