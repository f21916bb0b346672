package watch

import "hash/maphash"

// part is a part of a file's text between two markers, after so many lines, and how much was found in it.
type part struct {
	sum               uint64
	line              int
	objects, problems int
	incomplete        bool
}

// byPart are the parts, each as a file of its own, by what they are known by: their sum and their line alone.
func (p *parsed) byPart() map[part]parsed {
	all := make(map[part]parsed, len(p.parts))
	objects, problems := p.objects, p.problems
	for _, t := range p.parts {
		all[part{sum: t.sum, line: t.line}] = parsed{objects: objects[:t.objects], problems: problems[:t.problems], incomplete: t.incomplete}
		objects, problems = objects[t.objects:], problems[t.problems:]
	}
	return all
}

// part reads one part, unless it is known.
func (f *fileParser) part(data []byte, line int, known map[part]parsed) {
	p := part{sum: maphash.Bytes(hashSeed, data), line: line}
	objects, problems := len(f.out.objects), len(f.out.problems)
	if old, ok := known[p]; ok {
		f.out.objects, f.out.problems = append(f.out.objects, old.objects...), append(f.out.problems, old.problems...)
		p.incomplete = old.incomplete
	} else {
		before := f.out.incomplete
		f.out.incomplete = false
		f.chunk(data, line)
		p.incomplete, f.out.incomplete = f.out.incomplete, before
	}
	f.out.incomplete = f.out.incomplete || p.incomplete
	p.objects, p.problems = len(f.out.objects)-objects, len(f.out.problems)-problems
	f.out.parts = append(f.out.parts, p)
}
