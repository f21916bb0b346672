package explain

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// Text formats the answer for people.
func (a *Answer) Text() string {
	var b strings.Builder
	if a.At != "" {
		fmt.Fprintf(&b, "as of     %s, with the endpoints of now\n", a.At)
	}
	if a.Client != "" {
		fmt.Fprintf(&b, "client    %s\n", a.Client)
	}
	if a.Absent != "" {
		fmt.Fprintf(&b, "  %s\n", a.Absent)
	}
	fmt.Fprintf(&b, "listener  %s%s\n", a.Listener.Name, from(a.Listener.Origins))
	for i, r := range a.Routes {
		if i == 0 {
			fmt.Fprintf(&b, "routes    %s%s\n", r.Name, from(r.Origins))
		}
		r.text(&b)
	}
	for _, c := range a.Clusters {
		c.text(&b)
	}
	for i := range a.Servers {
		a.Servers[i].text(&b)
	}
	if a.Sends != nil {
		a.Sends.text(&b)
	}
	for _, m := range a.Mirrors {
		m.text(&b)
	}
	if a.Body != "" {
		fmt.Fprintf(&b, "body      %s\n", shortened(a.Body))
	}
	fmt.Fprintf(&b, "outcome   %s\n", a.Outcome)
	return printable(b.String())
}

// printable escapes what a terminal does not print, in texts from objects and from the call, except the ends of lines.
func printable(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r == '\n' || unicode.IsPrint(r) {
			b.WriteRune(r)
		} else {
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
	}
	return b.String()
}

func (s *Sent) text(b *strings.Builder) {
	fmt.Fprintf(b, "sends     %s %s\n", s.Method, s.Path)
	if s.Host != "" {
		fmt.Fprintf(b, "  host: %s\n", s.Host)
	}
	for _, edit := range s.Headers {
		fmt.Fprintf(b, "  %s\n", edit)
	}
}

func (m Mirror) text(b *strings.Builder) {
	fmt.Fprintf(b, "mirror    %s  %s of the calls", m.Cluster, m.Share)
	if m.Endpoints == 0 {
		b.WriteString("; it has no endpoints, so that no copy is sent")
	}
	b.WriteByte('\n')
}

// maxBody bounds what is printed of a body, in bytes.
const maxBody = 200

// shortened quotes a body, or its beginning.
func shortened(body string) string {
	if len(body) <= maxBody {
		return strconv.Quote(body)
	}
	return strconv.Quote(strings.ToValidUTF8(body[:maxBody], "")) + " ..."
}

func (r *Route) text(b *strings.Builder) {
	rule := ""
	if r.Rule != "" {
		rule = fmt.Sprintf(" %q", r.Rule)
	}
	switch {
	case r.LeftOut:
		fmt.Fprintf(b, "  left out%s: %s\n", rule, r.Why)
	case r.Taken:
		fmt.Fprintf(b, "  YES %d%s  %s: %s\n", r.Index, rule, r.Match, r.Why)
	default:
		fmt.Fprintf(b, "  no  %d%s  %s: %s\n", r.Index, rule, r.Match, r.Why)
	}
	places(b, "         ", r.From)
	for _, s := range r.Settings {
		fmt.Fprintf(b, "         %s\n", s)
	}
}

func (c *Cluster) text(b *strings.Builder) {
	fmt.Fprintf(b, "cluster   %s  %.4g %%%s\n", c.Name, c.Share, from(c.Origins))
	places(b, "  ", c.From)
	for _, s := range c.Settings {
		fmt.Fprintf(b, "  %s\n", s.Text)
		places(b, "    ", s.From)
	}
	if c.NotResolved {
		fmt.Fprintf(b, "  endpoints not resolved here%s\n", from(c.EndpointOrigins))
	} else if len(c.Localities) == 0 {
		fmt.Fprintf(b, "  no endpoints%s\n", from(c.EndpointOrigins))
	} else if len(c.EndpointOrigins) > 0 {
		fmt.Fprintf(b, "  endpoints%s\n", from(c.EndpointOrigins))
	}
	for _, note := range c.EndpointNotes {
		fmt.Fprintf(b, "    %s\n", note)
	}
	for _, l := range c.Localities {
		name := l.Name
		if name == "" {
			name = "(no locality)"
		}
		fmt.Fprintf(b, "  priority %d  %s  weight %d  %s\n", l.Priority, name, l.Weight, strings.Join(l.Endpoints, " "))
		places(b, "    ", l.From)
	}
}

// places prints where something was written, one line each.
func places(b *strings.Builder, indent string, all []mesh.FieldLocation) {
	for _, p := range all {
		fmt.Fprintf(b, "%sfrom %s\n", indent, p)
	}
}

func from(origins []mesh.Ref) string {
	if len(origins) == 0 {
		return ""
	}
	names := make([]string, len(origins))
	for i, r := range origins {
		names[i] = r.String()
	}
	return "  from " + strings.Join(names, ", ")
}
