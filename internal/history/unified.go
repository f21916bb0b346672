package history

import (
	"fmt"
	"slices"
	"strings"
)

// contextLines is how many equal lines surround a difference.
const contextLines = 3

// maxCompared bounds the work of one comparison: beyond it, all lines that are not equal at the ends count as different.
const maxCompared = 4_000_000

// edit is one line of a comparison: kept (' '), removed ('-') or added ('+').
type edit struct {
	op   byte
	line string
}

// Unified compares two texts line by line, in the form of diff -u. It returns nothing if they are equal.
func Unified(before, after, nameBefore, nameAfter string) string {
	if before == after {
		return ""
	}
	edits := compareLines(splitLines(before), splitLines(after))
	var out strings.Builder
	fmt.Fprintf(&out, "--- %s\n+++ %s\n", nameBefore, nameAfter)
	for from := 0; from < len(edits); {
		first := slices.IndexFunc(edits[from:], func(e edit) bool { return e.op != ' ' })
		if first < 0 {
			break
		}
		begin, end := max(from, from+first-contextLines), from+first
		for equal := 0; end < len(edits) && equal <= 2*contextLines; end++ {
			if edits[end].op == ' ' {
				equal++
			} else {
				equal = 0
			}
		}
		last := end
		for edits[last-1].op == ' ' {
			last--
		}
		end = min(end, last+contextLines)
		writeHunk(&out, edits, begin, end)
		from = end
	}
	return out.String()
}

// writeHunk writes a part of a comparison, with the numbers of its lines.
func writeHunk(out *strings.Builder, edits []edit, begin, end int) {
	lines := func(edits []edit, without byte) (n int) {
		for _, e := range edits {
			if e.op != without {
				n++
			}
		}
		return n
	}
	part := func(without byte) string {
		start, n := lines(edits[:begin], without), lines(edits[begin:end], without)
		if n > 0 {
			start++
		}
		return fmt.Sprintf("%d,%d", start, n)
	}
	fmt.Fprintf(out, "@@ -%s +%s @@\n", part('+'), part('-'))
	for _, e := range edits[begin:end] {
		fmt.Fprintf(out, "%c%s\n", e.op, e.line)
	}
}

func splitLines(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

// compareLines finds the longest common lines.
func compareLines(a, b []string) []edit {
	head := 0
	for head < len(a) && head < len(b) && a[head] == b[head] {
		head++
	}
	tail := 0
	for tail < len(a)-head && tail < len(b)-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	var out []edit
	add := func(op byte, lines ...string) {
		for _, line := range lines {
			out = append(out, edit{op, line})
		}
	}
	add(' ', a[:head]...)
	out = append(out, compareMiddle(a[head:len(a)-tail], b[head:len(b)-tail])...)
	add(' ', a[len(a)-tail:]...)
	return out
}

// compareMiddle compares lines by the table of the longest common subsequences of all their ends.
func compareMiddle(a, b []string) []edit {
	var out []edit
	i, j := 0, 0
	if len(a)*len(b) <= maxCompared {
		common := make([][]int, len(a)+1)
		for i := range common {
			common[i] = make([]int, len(b)+1)
		}
		for i, left := range slices.Backward(a) {
			for j, right := range slices.Backward(b) {
				if left == right {
					common[i][j] = common[i+1][j+1] + 1
				} else {
					common[i][j] = max(common[i+1][j], common[i][j+1])
				}
			}
		}
		for i < len(a) && j < len(b) {
			switch {
			case a[i] == b[j]:
				out = append(out, edit{' ', a[i]})
				i, j = i+1, j+1
			case common[i+1][j] >= common[i][j+1]:
				out = append(out, edit{'-', a[i]})
				i++
			default:
				out = append(out, edit{'+', b[j]})
				j++
			}
		}
	}
	for _, line := range a[i:] {
		out = append(out, edit{'-', line})
	}
	for _, line := range b[j:] {
		out = append(out, edit{'+', line})
	}
	return out
}
