package object

import (
	"net/netip"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// rejections collects why an API server rejects an object.
type rejections struct{ all field.ErrorList }

// rejectionsOf returns the Rejections of a row.
func rejectionsOf[P metav1.Object](check func(typed P, r *rejections)) func(metav1.Object) field.ErrorList {
	return func(typed metav1.Object) field.ErrorList {
		var r rejections
		check(typed.(P), &r) // another type is a bug
		return r.all
	}
}

// rule is one condition that breaks an object. The value is nil if it is missing.
type rule struct {
	broken bool
	at     *field.Path
	value  any
	why    string
}

// rules adds the rules that are broken.
func (r *rejections) rules(all ...rule) {
	for _, rule := range all {
		switch {
		case !rule.broken:
		case rule.value == nil:
			r.all = append(r.all, field.Required(rule.at, rule.why))
		default:
			r.all = append(r.all, field.Invalid(rule.at, rule.value, rule.why))
		}
	}
}

// texts adds what is wrong with a value, as the functions of package validation return it.
func (r *rejections) texts(at *field.Path, value any, wrong []string) {
	for _, why := range wrong {
		r.all = append(r.all, field.Invalid(at, value, why))
	}
}

// optional adds what is wrong with a text unless it is empty.
func (r *rejections) optional(at *field.Path, text string, check func(string) []string) {
	if text != "" {
		r.texts(at, text, check(text))
	}
}

// most adds that there are too many of something.
func (r *rejections) most(at *field.Path, n, limit int) {
	if n > limit {
		r.all = append(r.all, field.TooMany(at, n, limit))
	}
}

// once adds a value that an earlier item has.
func once[T comparable](r *rejections, at *field.Path, value T, earlier *[]T) {
	if slices.Contains(*earlier, value) {
		r.all = append(r.all, field.Duplicate(at, value))
	}
	*earlier = append(*earlier, value)
}

// ip adds what is wrong with an IP address.
func (r *rejections) ip(at *field.Path, text string) bool {
	wrong := validation.IsValidIP(at, text)
	r.all = append(r.all, wrong...)
	return len(wrong) == 0
}

// reachable adds that no other machine can reach an IP address. An API server also rejects loopback addresses; in files
// they are for servers of this machine, as in the demo.
func (r *rejections) reachable(at *field.Path, text string) {
	if !r.ip(at, text) {
		return
	}
	ip, _ := netip.ParseAddr(text)
	r.rules(
		rule{ip.IsUnspecified(), at, text, "must not be the unspecified address"},
		rule{ip.IsLinkLocalUnicast(), at, text, "must not be a link-local address (169.254.0.0/16, fe80::/10)"},
		rule{ip.IsLinkLocalMulticast(), at, text, "must not be a link-local multicast address (224.0.0.0/24, ff02::/16)"},
	)
}
