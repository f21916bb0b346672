package problemformat

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// Formats are the formats that Write accepts.
var Formats = []string{"text", "json", "sarif", "github"}

// severities are the severities in the order of the output.
var severities = []mesh.Severity{mesh.Error, mesh.Warning, mesh.Info}

// Write returns the Problems in one of Formats, errors first, or an error for another format.
func Write(format string, problems []mesh.Problem) ([]byte, error) {
	problems = slices.Clone(problems)
	mesh.SortStableFunc(problems, func(a, b mesh.Problem) int {
		return slices.Index(severities, a.Severity) - slices.Index(severities, b.Severity)
	})
	switch format {
	case "text":
		return text(problems), nil
	case "json":
		if problems == nil {
			problems = []mesh.Problem{}
		}
		return indented(problems)
	case "sarif":
		return indented(sarif(problems))
	case "github":
		return github(problems), nil
	}
	return nil, fmt.Errorf("there is no format %q; choose one of %s", format, strings.Join(Formats, ", "))
}

// text writes one line for each Problem.
func text(problems []mesh.Problem) []byte {
	var out []byte
	for _, p := range problems {
		out = fmt.Appendln(out, p)
	}
	return out
}

func indented(v any) ([]byte, error) {
	out, err := json.MarshalIndent(v, "", "  ")
	return append(out, '\n'), err
}

// github writes a workflow command for each Problem. GitHub shows it next to the line of the object.
func github(problems []mesh.Problem) []byte {
	commands := map[mesh.Severity]string{mesh.Error: "error", mesh.Warning: "warning", mesh.Info: "notice"}
	var out []byte
	for _, p := range problems {
		properties := []string{"title=" + property(string(p.Code)+" "+p.Object.String())}
		if file, line := position(p); file != "" {
			properties = append(properties, "file="+property(file))
			if line > 0 {
				properties = append(properties, fmt.Sprintf("line=%d", line))
			}
		}
		out = fmt.Appendf(out, "::%s %s::%s\n", commands[p.Severity], strings.Join(properties, ","), data(message(p)))
	}
	return out
}

// message returns the Problem's message with its field.
func message(p mesh.Problem) string {
	if p.Field == "" {
		return p.Message
	}
	return p.Field + ": " + p.Message
}

// data and property escape texts for GitHub's workflow commands.
func data(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

func property(s string) string { return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(data(s)) }

// position returns the file and line of a Problem; empty and 0 if they are not known.
func position(p mesh.Problem) (file string, line int) {
	i := strings.LastIndexByte(p.Source, ':')
	if i < 0 {
		return p.Source, 0
	}
	line, err := strconv.Atoi(p.Source[i+1:])
	if err != nil {
		return p.Source, 0
	}
	return p.Source[:i], line
}
