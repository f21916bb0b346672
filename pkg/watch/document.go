package watch

import (
	"bytes"
	"iter"
	"unicode/utf8"
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
