package watch

import (
	"bytes"
	"fmt"
	"iter"
	"unicode/utf8"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// invalidLine is the first line that is not UTF-8.
func invalidLine(data []byte) int {
	line := 1
	for len(data) > 0 {
		r, size := utf8.DecodeRune(data)
		if r == utf8.RuneError && size == 1 {
			return line
		}
		if r == '\n' {
			line++
		}
		data = data[size:]
	}
	return line
}

// documents splits at the markers and yields each part with the number of lines before it. A marker stands at the start
// of a line whatever surrounds it, so one document that does not parse does not spoil the next.
func documents(data []byte) iter.Seq2[[]byte, int] {
	return func(yield func([]byte, int) bool) {
		start, startLine, line, content := 0, 0, 0, false
		for at := 0; at < len(data); line++ {
			end := len(data)
			if i := bytes.IndexByte(data[at:], '\n'); i >= 0 {
				end = at + i + 1
			}
			text := data[at:end]
			if isMarker(text) && content {
				if !yield(data[start:at], startLine) {
					return
				}
				start, startLine, content = at, line, false
			}
			if t := bytes.TrimSpace(text); len(t) > 0 && t[0] != '#' && t[0] != '%' {
				content = true
			}
			at = end
		}
		if content {
			yield(data[start:], startLine)
		}
	}
}

func isMarker(line []byte) bool {
	rest, ok := bytes.CutPrefix(line, []byte("---"))
	return ok && (len(rest) == 0 || bytes.ContainsAny(rest[:1], " \t\r\n"))
}

// large reads what is larger than a document may be, if it is a List whose entries are not.
func (f *fileParser) large(data []byte, before int) {
	all := entries(data)
	if all == nil {
		f.fail(mesh.CodeTooLarge, before+1, f.ref(), "", fmt.Sprintf("a document is larger than %d bytes; split it", maxDocument))
	}
	for _, e := range all {
		f.chunk(e.data, before+e.line)
	}
}

// listEntry is an entry of a List, and how many lines stand before it.
type listEntry struct {
	data []byte
	line int
}

// kubectlBegin and kubectlEnd stand around the entries of a List that kubectl printed, each of which begins with a dash at the start of a line.
const kubectlBegin, kubectlEnd = "apiVersion: v1\nitems:\n", "\nkind: List\nmetadata:\n  resourceVersion: \"\"\n"

// entries splits such a List; it returns nil for anything else. No entry is larger than an object can be, but together they are as
// large as their cluster.
func entries(data []byte) []listEntry {
	text, begins := bytes.CutPrefix(data, []byte(kubectlBegin))
	text, ends := bytes.CutSuffix(text, []byte(kubectlEnd))
	if !begins || !ends {
		return nil
	}
	var all []listEntry
	line := bytes.Count([]byte(kubectlBegin), []byte("\n"))
	for text := range bytes.Lines(text) {
		switch {
		case bytes.HasPrefix(text, []byte("- ")):
			// It is indented like the lines below it, and so they are an object.
			all = append(all, listEntry{append([]byte("  "), text[2:]...), line})
		case len(all) == 0 || text[0] != ' ' && text[0] != '\n':
			return nil
		default:
			last := &all[len(all)-1]
			last.data = append(last.data, text...)
		}
		line++
	}
	return all
}
