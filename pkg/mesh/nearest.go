package mesh

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
)

// Nearest returns the known name that somebody probably meant, or empty. One that ends in y may be meant in the plural.
func Nearest(name string, names []string) string {
	if many, ok := strings.CutSuffix(name, "y"); ok && slices.Contains(names, many+"ies") && !slices.Contains(names, name) {
		return many + "ies"
	}
	return nearest(name, names)
}

func nearest(name string, names []string) string {
	best, bestDistance := "", 1+min(3, max(1, len(name)/2))
	for _, candidate := range names {
		if max(len(name)-len(candidate), len(candidate)-len(name)) >= bestDistance {
			continue
		}
		if d := Distance(strings.ToLower(name), strings.ToLower(candidate)); d < bestDistance {
			best, bestDistance = candidate, d
		}
	}
	return best
}

// minContained is how long a name must be so that names that contain it are probably meant.
const minContained = 5

// Containing returns the only known name that contains another or is a part of it, such as httpHeaderName for httpHeader; empty if
// there is none, or several.
func Containing(name string, names []string) (meant string) {
	for _, candidate := range names {
		short, long := strings.ToLower(name), strings.ToLower(candidate)
		if len(short) > len(long) {
			short, long = long, short
		}
		if len(short) < minContained || !strings.Contains(long, short) {
			continue
		}
		if meant != "" {
			return ""
		}
		meant = candidate
	}
	return meant
}

// within reports whether two names, except for their case, differ by at most so many letters.
func within(name, other string, letters int) bool {
	return max(len(name)-len(other), len(other)-len(name)) <= letters && Distance(strings.ToLower(name), strings.ToLower(other)) <= letters
}

// Distance counts the letters to insert, remove or replace.
func Distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// minSimilar is the minimum length of names that are compared: short names are similar by chance.
const minSimilar = 3

// NearHosts are the hosts of Services that a host without a Service may mean.
type NearHosts struct {
	// Similar has a similar name in the same namespace. It is empty if there is no such host.
	Similar string
	// Elsewhere have the same name in other namespaces. A namespace with a similar name comes first.
	Elsewhere []string
	// Remote has a similar name in another namespace. It is empty if there is no such host, and if there are others.
	Remote string
}

// NearHostsOf finds, among the hosts of Services, those that a host of the form NAME.NAMESPACE.svc.DOMAIN may mean.
func NearHostsOf(host, domain string, known iter.Seq[string]) NearHosts {
	suffix := ".svc." + domain
	name, namespace, _ := strings.Cut(strings.TrimSuffix(host, suffix), ".")
	var near, namespaces []string
	remote := map[string]string{}
	for other := range known {
		theirs, rest, _ := strings.Cut(strings.TrimSuffix(other, suffix), ".")
		switch {
		case theirs == name && rest != namespace:
			namespaces = append(namespaces, rest)
		case theirs == name || min(len(theirs), len(name)) < minSimilar:
		case rest == namespace:
			near = append(near, theirs)
		case remote[theirs] == "" || rest < remote[theirs]:
			remote[theirs] = rest
		}
	}
	var found NearHosts
	if meant := nearestOf(name, near); meant != "" {
		found.Similar = meant + "." + namespace + suffix
	}
	if meant := nearestOf(namespace, namespaces); meant != "" {
		i := slices.Index(namespaces, meant)
		namespaces = slices.Insert(slices.Delete(namespaces, i, i+1), 0, meant)
	}
	for _, rest := range namespaces {
		found.Elsewhere = append(found.Elsewhere, name+"."+rest+suffix)
	}
	if found.Similar != "" || len(namespaces) > 0 {
		return found
	}
	if meant := nearestOf(name, slices.Collect(maps.Keys(remote))); meant != "" {
		found.Remote = meant + "." + remote[meant] + suffix
	}
	return found
}

// nearestOf is Nearest of names in any order. It sorts them, so that the same of several similar names is found each time.
func nearestOf(name string, names []string) string {
	slices.Sort(names)
	return Nearest(name, names)
}

// MeantReference returns what to do about a reference by a name and a namespace to a Service that does not exist, and the field that
// is wrong. host is its host, and meant the Service that is probably meant, as an author in the namespace own writes a host.
// elsewhere is what to do if it is in another namespace.
func MeantReference(host, meant, own string, elsewhere func(namespace string) string) (field, wayOut string) {
	host, _, _ = strings.Cut(host, ".svc.")
	i := strings.LastIndexByte(host, '.')
	name, namespace := host[:max(i, 0)], host[i+1:]
	meantName, home, qualified := strings.Cut(meant, ".")
	if !qualified {
		home = own
	}
	switch {
	case home == namespace:
		return ".name", fmt.Sprintf("Did you mean %q? Correct the name.", meantName)
	case meantName != name:
		return ".name", fmt.Sprintf("Did you mean name: %s and namespace: %s? Write both.", meantName, home)
	case home == own:
		return ".namespace", fmt.Sprintf("Service %s is in namespace %s, as this object is. Remove namespace.", name, home)
	}
	return ".namespace", fmt.Sprintf("Service %s is in namespace %s. %s", name, home, elsewhere(home))
}
