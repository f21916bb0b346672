package xds

import (
	"fmt"
	"slices"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Headers are those of a request or a response, which rules change. Names are in lower case.
type Headers interface {
	Has(name string) bool
	Set(name, value string)
	Add(name, value string)
	Remove(name string)
}

// edited is a level of a route table that may change headers.
type edited interface {
	GetRequestHeadersToAdd() []*corev3.HeaderValueOption
	GetRequestHeadersToRemove() []string
	GetResponseHeadersToAdd() []*corev3.HeaderValueOption
	GetResponseHeadersToRemove() []string
}

// editFields are the fields of an edited message.
var editFields = []protoreflect.Name{"request_headers_to_add", "request_headers_to_remove", "response_headers_to_add", "response_headers_to_remove"}

// edits are changes of headers, in order.
type edits []edit

// edit removes a header if action is removal.
type edit struct {
	name, value string
	action      corev3.HeaderValueOption_HeaderAppendAction
	keepEmpty   bool
}

const removal = corev3.HeaderValueOption_HeaderAppendAction(-1)

// editsOf reads what the levels change, of which the narrowest is first.
func editsOf(levels ...edited) (request, response edits, err error) {
	for _, l := range levels {
		if request, err = request.with(l.GetRequestHeadersToRemove(), l.GetRequestHeadersToAdd()); err != nil {
			return nil, nil, err
		}
		if response, err = response.with(l.GetResponseHeadersToRemove(), l.GetResponseHeadersToAdd()); err != nil {
			return nil, nil, err
		}
	}
	return request, response, nil
}

func (e edits) with(removed []string, added []*corev3.HeaderValueOption) (edits, error) {
	for _, name := range removed {
		e = append(e, edit{name: strings.ToLower(name), action: removal})
	}
	for _, o := range added {
		one := edit{
			name: strings.ToLower(o.GetHeader().GetKey()), value: o.GetHeader().GetValue(),
			action: o.GetAppendAction(), keepEmpty: o.GetKeepEmptyValue(),
		}
		if one.value == "" {
			one.value = string(o.GetHeader().GetRawValue())
		}
		//nolint:staticcheck // the older field is read, too
		if one.action == corev3.HeaderValueOption_APPEND_IF_EXISTS_OR_ADD && o.GetAppend() != nil && !o.GetAppend().GetValue() {
			one.action = corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD
		}
		if _, known := corev3.HeaderValueOption_HeaderAppendAction_name[int32(one.action)]; !known || one.name == "" || one.name[0] == ':' {
			return nil, fmt.Errorf("a change of the header %q has the action %d or a name that cannot change", one.name, one.action)
		}
		e = append(e, one)
	}
	return e, nil
}

// apply changes headers of a call.
func (e edits) apply(h Headers, call Call) {
	for _, one := range e {
		if one.action == removal {
			h.Remove(one.name)
			continue
		}
		value := expand(one.value, call)
		if value == "" && !one.keepEmpty {
			continue
		}
		switch has := h.Has(one.name); {
		case one.action == corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD, one.action == corev3.HeaderValueOption_OVERWRITE_IF_EXISTS && has:
			h.Set(one.name, value)
		case one.action == corev3.HeaderValueOption_APPEND_IF_EXISTS_OR_ADD, one.action == corev3.HeaderValueOption_ADD_IF_ABSENT && !has:
			h.Add(one.name, value)
		}
	}
}

// expand replaces %REQ(NAME)% by a header of the request, and %% by a percent sign. Envoy's other variables stay as they are.
func expand(text string, call Call) string {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(text, "%")
		out.WriteString(before)
		if !found {
			return out.String()
		}
		inside, after, ended := strings.Cut(rest, "%")
		name, isHeader := strings.CutPrefix(inside, "REQ(")
		switch {
		case ended && inside == "":
			out.WriteByte('%')
			text = after
		case ended && isHeader && strings.HasSuffix(name, ")") && !strings.Contains(name, "?"):
			value, _ := call.header(strings.ToLower(strings.TrimSuffix(name, ")")))
			out.WriteString(value)
			text = after
		default:
			out.WriteByte('%')
			text = rest
		}
	}
}

// headerValues are the headers of an answer.
type headerValues map[string][]string

func (h headerValues) Has(name string) bool   { return len(h[name]) > 0 }
func (h headerValues) Set(name, value string) { h[name] = []string{value} }
func (h headerValues) Add(name, value string) { h[name] = append(slices.Clip(h[name]), value) }
func (h headerValues) Remove(name string)     { delete(h, name) }
