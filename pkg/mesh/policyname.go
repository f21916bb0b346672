package mesh

import (
	"strconv"
	"strings"
)

// Everybody is the name, in the rules of a server, of what allows every call because no ALLOW policy selects the server.
const Everybody = "everybody"

// ShadowFilter begins the names of filters that only log what policies would do. They let every call pass.
const ShadowFilter = "rbac.shadow."

// RuleName returns the name of a rule of an AuthorizationPolicy in the rules of a server, NAMESPACE/NAME#RULE. Rules count
// from 0. Servers show the name in errors and in logs.
func (p *AuthorizationPolicy) RuleName(rule int) string {
	return p.Ref.Namespace + "/" + p.Ref.Name + "#" + strconv.Itoa(rule)
}

// ParseRuleName parses a name that RuleName made. policy is NAMESPACE/NAME.
func ParseRuleName(text string) (policy string, rule int, ok bool) {
	policy, number, ok := strings.Cut(text, "#")
	rule, err := strconv.Atoi(number)
	return policy, rule, ok && err == nil
}
