package routes

import (
	"regexp/syntax"
	"unicode"
)

// The parts of /package.Service/Method that matchesMethod tells apart.
const (
	pathStart = iota
	pathService
	pathServiceText
	pathMethod
	pathMethodText
	pathWrong
)

// nextPart returns the part after a character.
func nextPart(part int, slash bool) int {
	switch {
	case slash && part == pathStart:
		return pathService
	case slash && part == pathServiceText:
		return pathMethod
	case slash || part == pathStart:
		return pathWrong
	case part == pathService:
		return pathServiceText
	case part == pathMethod:
		return pathMethodText
	}
	return part
}

// matchesMethod reports whether an expression can match the path of a gRPC method, as a whole. Assertions such as \b are
// taken to hold.
func matchesMethod(expression string) bool {
	tree, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		return true // reported elsewhere
	}
	program, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return true
	}
	type state struct {
		pc   uint32
		part int
	}
	seen := map[state]bool{}
	open := []state{{uint32(program.Start), pathStart}}
	for len(open) > 0 {
		s := open[len(open)-1]
		open = open[:len(open)-1]
		if seen[s] || s.part == pathWrong {
			continue
		}
		seen[s] = true
		switch i := &program.Inst[s.pc]; i.Op {
		case syntax.InstMatch:
			if s.part == pathMethodText {
				return true
			}
		case syntax.InstFail:
		case syntax.InstAlt, syntax.InstAltMatch:
			open = append(open, state{i.Out, s.part}, state{i.Arg, s.part})
		case syntax.InstCapture, syntax.InstEmptyWidth, syntax.InstNop:
			open = append(open, state{i.Out, s.part})
		default: // a character
			if i.MatchRune('/') {
				open = append(open, state{i.Out, nextPart(s.part, true)})
			}
			if matchesOther(i) {
				open = append(open, state{i.Out, nextPart(s.part, false)})
			}
		}
	}
	return false
}

// matchesOther reports whether an instruction matches a character that the name of a service or method can have.
func matchesOther(i *syntax.Inst) bool {
	for r := rune(' '); r < unicode.MaxASCII; r++ {
		if inNames(r) && i.MatchRune(r) {
			return true
		}
	}
	return false
}
