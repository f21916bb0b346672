package object

import (
	"regexp/syntax"
	"slices"
)

// unanchored returns an expression without the anchors at its beginning and its end, such as those of ^a$, which mean nothing
// where an expression is for a whole text, and match nothing inside of a longer expression. It fails if others are left. An
// expression that is not valid stays as it is.
func unanchored(expression string) (string, bool) {
	tree, err := syntax.Parse(expression, syntax.Perl)
	if err != nil || !hasAnchor(tree) {
		return expression, true
	}
	tree = trimAnchors(trimAnchors(tree, true), false)
	return tree.String(), !hasAnchor(tree)
}

// isAnchor reports whether an operation is the beginning of a text or line, or the end.
func isAnchor(op syntax.Op) (begin, end bool) {
	return op == syntax.OpBeginText || op == syntax.OpBeginLine, op == syntax.OpEndText || op == syntax.OpEndLine
}

func hasAnchor(tree *syntax.Regexp) bool {
	begin, end := isAnchor(tree.Op)
	return begin || end || slices.ContainsFunc(tree.Sub, hasAnchor)
}

// trimAnchors removes the anchors at the beginning of an expression, or those at its end.
func trimAnchors(tree *syntax.Regexp, atBeginning bool) *syntax.Regexp {
	begin, end := isAnchor(tree.Op)
	if begin && atBeginning || end && !atBeginning {
		return &syntax.Regexp{Op: syntax.OpEmptyMatch}
	}
	switch tree.Op {
	case syntax.OpAlternate, syntax.OpCapture:
		for i, sub := range tree.Sub {
			tree.Sub[i] = trimAnchors(sub, atBeginning)
		}
	case syntax.OpConcat:
		for len(tree.Sub) > 0 {
			i := len(tree.Sub) - 1
			if atBeginning {
				i = 0
			}
			if tree.Sub[i] = trimAnchors(tree.Sub[i], atBeginning); tree.Sub[i].Op != syntax.OpEmptyMatch {
				return tree
			}
			tree.Sub = slices.Delete(tree.Sub, i, i+1)
		}
		return &syntax.Regexp{Op: syntax.OpEmptyMatch}
	default:
	}
	return tree
}
