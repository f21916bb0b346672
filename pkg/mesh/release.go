package mesh

import (
	"fmt"
	"strconv"
	"strings"
)

// Release is the part of a client's version that decides which features it has. The zero Release is unknown.
type Release struct{ Major, Minor uint16 }

// coreAt51 is the major version of C-core in gRPC 1.51. Since then C-core's major version grew by at most one with
// each release of gRPC. So C-core 29+n is in gRPC 1.(51+n) or a later release.
const coreAt51 = 29

// ReleaseOf parses a version that a client states, such as 1.85.0 or 1.86.0-dev. A C-core client states the version
// of C-core first and the version of its language library last (C-core 29.0.0 Python 1.51.1), or only the version
// of C-core.
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

// AtLeast reports whether the release is major.minor or newer. An unknown release is not.
func (r Release) AtLeast(major, minor uint16) bool { return !r.before(Release{major, minor}) }

// String returns MAJOR.MINOR. It is empty for an unknown release.
func (r Release) String() string {
	if r == (Release{}) {
		return ""
	}
	return fmt.Sprintf("%d.%d", r.Major, r.Minor)
}
