package mesh

import (
	"fmt"
	"strconv"
	"strings"
)

// Release is the part of a client's version that tells what it can do. The zero Release is one that cannot be read.
type Release struct{ Major, Minor uint16 }

// coreAt51 is the version of C-core in gRPC 1.51. Since then there has been at most one for each release of gRPC, so that a
// later one came with gRPC 1.51 and as many releases more, at least.
const coreAt51 = 29

// ReleaseOf reads a version as clients state it, such as 1.85.0 or 1.86.0-dev. C-core states its own version before that of
// the language around it, C-core 29.0.0 Python 1.51.1, and sometimes nothing else.
func ReleaseOf(version string) Release {
	words := strings.Fields(version)
	if len(words) == 0 {
		return Release{}
	}
	release := number(words[len(words)-1])
	if words[0] == "C-core" && len(words) == 2 {
		if release.Major < coreAt51 {
			return Release{}
		}
		return Release{1, 51 + release.Major - coreAt51}
	}
	return release
}

func number(text string) Release {
	major, rest, _ := strings.Cut(text, ".")
	minor := rest[:len(rest)-len(strings.TrimLeft(rest, "0123456789"))]
	a, err := strconv.ParseUint(major, 10, 8)
	if err != nil {
		return Release{}
	}
	b, err := strconv.ParseUint(minor, 10, 12)
	if err != nil {
		return Release{}
	}
	return Release{uint16(a), uint16(b)}
}

func (r Release) before(o Release) bool {
	return r.Major < o.Major || r.Major == o.Major && r.Minor < o.Minor
}

// AtLeast says whether the release is that one or younger. One that cannot be read is not.
func (r Release) AtLeast(major, minor uint16) bool { return !r.before(Release{major, minor}) }

// String is empty for a release that cannot be read.
func (r Release) String() string {
	if r == (Release{}) {
		return ""
	}
	return fmt.Sprintf("%d.%d", r.Major, r.Minor)
}
