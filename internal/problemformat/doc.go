// Package problemformat writes Problems for people and for the tools that show them: as lines, as JSON, as SARIF for code scanning,
// and as GitHub's workflow commands. It is pure.
package problemformat
