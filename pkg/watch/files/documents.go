package files

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"iter"
	"regexp"
	"unicode/utf8"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// invalidLine returns the first line that is not UTF-8.
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

// documents splits a text at its document markers and yields each part with the number of lines before it. A marker is
// at the start of a line whatever surrounds it, so a document that cannot be parsed does not affect the next.
func documents(data []byte) iter.Seq2[[]byte, int] {
	return func(yield func([]byte, int) bool) {
		start, startLine, line, content, begun := 0, 0, 0, false, false
		for at := 0; at < len(data); line++ {
			end := len(data)
			if i := bytes.IndexByte(data[at:], '\n'); i >= 0 {
				end = at + i + 1
			}
			text := data[at:end]
			if isMarker(text) {
				if content && !yield(data[start:at], startLine) {
					return
				}
				if content || begun {
					start, startLine, content = at, line, false
				}
				begun = true // A directive stays with the document that it is before.
				text = text[len("---"):]
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

var (
	// almostMarker matches a line that is like a document marker and is none: a marker has three hyphens at the start of
	// its line. Some editors write dashes.
	almostMarker = regexp.MustCompile(`^[ \t\x{feff}]*[-=*+_~\x{2010}-\x{2015}\x{2212}]{2,}[ \t]*(#.*)?$`)
	// gluedMarker matches a marker in the first line of its document.
	gluedMarker  = regexp.MustCompile(`^[ \t\x{feff}]*-{3,}[ \t]*(apiVersion|kind)\s*:`)
	beginsObject = regexp.MustCompile(`^(apiVersion|kind)\s*:`)
)

// almostMarkers yields the lines of a part, counted from 1, that are almost document markers, and their texts. Behind such
// a line an object begins that is no further indented than the part, so it is not a line of a text within an object.
func almostMarkers(data []byte) iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		var marker []byte
		line, markerLine, outer := 0, 0, -1
		for text := range bytes.Lines(data) {
			line++
			text = bytes.TrimRight(text, " \t\r\n")
			inner := bytes.TrimLeft(text, " \t")
			if len(inner) == 0 || inner[0] == '#' {
				continue
			}
			indent := len(text) - len(inner)
			if outer < 0 {
				outer = indent
			}
			switch {
			case gluedMarker.Match(text) && indent <= outer:
				marker, markerLine = text[:bytes.IndexByte(text, ':')], line
			case marker == nil || !beginsObject.Match(inner) || indent > outer:
				marker, markerLine = nil, line
				if almostMarker.Match(text) && !isMarker(text) {
					marker = text
				}
				continue
			}
			if !yield(markerLine, marker) {
				return
			}
			marker = nil
		}
	}
}

// large reads a part above the size limit, if it is a List whose entries are below the limit.
func (f *fileParser) large(data []byte, before int) {
	all := entries(data)
	if all == nil {
		f.fail(mesh.CodeTooLarge, before+1, f.ref(), "", fmt.Sprintf("The document is larger than %d bytes. It is not read. Split it.", maxDocument))
	}
	for _, e := range all {
		f.decode(e.data, before+e.line)
	}
}

// listEntry is an entry of a List, and the number of lines before it.
type listEntry struct {
	data []byte
	line int
}

// kubectlBegin and kubectlEnd surround the entries of a List that kubectl printed. Each entry begins with a dash at the
// start of a line.
const kubectlBegin, kubectlEnd = "apiVersion: v1\nitems:\n", "\nkind: List\nmetadata:\n  resourceVersion: \"\"\n"

// entries splits such a List, and returns nil for any other text. An entry is at most as large as an object, but the
// whole List can be as large as a cluster.
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
			// It is indented like the lines below it, so together they are an object.
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

// chunk is a part of a file's text between two markers: where it starts, and how much was found in it.
type chunk struct {
	sum               uint64
	line              int
	objects, problems int
	incomplete        bool
}

// byChunk returns the chunks by their sum and line, each like a separate file.
func (p *parsed) byChunk() map[chunk]parsed {
	all := make(map[chunk]parsed, len(p.chunks))
	objects, problems := p.objects, p.problems
	for _, t := range p.chunks {
		all[chunk{sum: t.sum, line: t.line}] = parsed{objects: objects[:t.objects], problems: problems[:t.problems], incomplete: t.incomplete}
		objects, problems = objects[t.objects:], problems[t.problems:]
	}
	return all
}

// chunk reads one part, unless it was read before.
func (f *fileParser) chunk(data []byte, line int, known map[chunk]parsed) {
	p := chunk{sum: maphash.Bytes(hashSeed, data), line: line}
	objects, problems := len(f.out.objects), len(f.out.problems)
	if old, ok := known[p]; ok {
		f.out.objects, f.out.problems = append(f.out.objects, old.objects...), append(f.out.problems, old.problems...)
		p.incomplete = old.incomplete
	} else {
		before := f.out.incomplete
		f.out.incomplete = false
		f.decode(data, line)
		if f.out.incomplete {
			f.closeText(data, line, objects)
		}
		p.incomplete, f.out.incomplete = f.out.incomplete, before
	}
	f.out.incomplete = f.out.incomplete || p.incomplete
	p.objects, p.problems = len(f.out.objects)-objects, len(f.out.problems)-problems
	f.out.chunks = append(f.out.chunks, p)
}
