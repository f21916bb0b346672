package xds

import (
	"errors"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
)

// query adds the condition on one parameter of the query. Calls of RPC frameworks have none.
func (m *match) query(q *routev3.QueryParameterMatcher) error {
	if q.GetName() == "" {
		return errors.New("it has no name")
	}
	if unknown := unknownField(q, "name", "string_match", "present_match"); unknown != "" {
		m.unread = "query_parameters." + unknown
		return nil
	}
	s, ok := q.GetQueryParameterMatchSpecifier().(*routev3.QueryParameterMatcher_StringMatch)
	if !ok {
		want := q.GetQueryParameterMatchSpecifier() == nil || q.GetPresentMatch()
		m.conditions = append(m.conditions, func(c Call) bool { _, present := c.HTTP.parameter(q.GetName()); return present == want })
		return nil
	}
	test, unread, err := stringTest(s.StringMatch)
	if err != nil {
		return err
	}
	if unread != "" {
		m.unread = "query_parameters." + unread
		return nil
	}
	m.conditions = append(m.conditions, func(c Call) bool {
		value, present := c.HTTP.parameter(q.GetName())
		return present && test(value)
	})
	return nil
}

// parameter returns the first value of a parameter, as it is in the query and not decoded.
func (h *HTTP) parameter(name string) (value string, present bool) {
	if h == nil {
		return "", false
	}
	for pair := range strings.SplitSeq(h.Query, "&") {
		if key, value, _ := strings.Cut(pair, "="); key == name {
			return value, true
		}
	}
	return "", false
}
