package object

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// invalid reports an annotation whose value is ignored, as a field of the same value is.
func (c *routeCompiler) invalid(annotation, format string, args ...any) {
	c.out.Report(mesh.CodeInvalidValue, mesh.Error, AnnotationField(annotation), fmt.Sprintf(format, args...))
}

// annotations reads the settings that GRPCRoutes have no fields for. What is not valid is reported and ignored.
func (c *routeCompiler) annotations() (s routeSettings) {
	if text, ok := c.route.Annotations[mesh.AnnotationTimeout]; ok {
		if d, err := time.ParseDuration(text); err != nil || d != 0 && d < time.Millisecond {
			c.invalid(mesh.AnnotationTimeout, "%q is not a duration of at least 1ms. Calls have no timeout. Write a duration such as 300ms.", text)
		} else if d != 0 {
			s.timeout = durationpb.New(d)
		}
	}
	if text, ok := c.route.Annotations[mesh.AnnotationRetries]; ok {
		s.retries = c.retries(text)
	}
	return s
}

// retries reads the JSON of the field retries of a VirtualService.
func (c *routeCompiler) retries(text string) *networking.HTTPRetry {
	wrong := func(format string, args ...any) *networking.HTTPRetry {
		c.invalid(mesh.AnnotationRetries, format+` Calls are retried by default. Write JSON such as {"attempts": 2, "retryOn": "unavailable", "backoff": "25ms"}.`, args...)
		return nil
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &fields); err != nil || fields == nil {
		return wrong("The value is not a JSON object.")
	}
	known := (&networking.HTTPRetry{}).ProtoReflect().Descriptor().Fields()
	var wrongs []string
	negative := false
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		var read networking.HTTPRetry
		one, err := json.Marshal(map[string]json.RawMessage{name: fields[name]})
		switch {
		case known.ByJSONName(name) == nil:
			wrongs = append(wrongs, fmt.Sprintf("Retries have no field %q.", name))
		case err != nil || json.Unmarshal(one, &read) != nil:
			wrongs = append(wrongs, fmt.Sprintf("The field %s cannot have the value %s.", name, fields[name]))
		}
		negative = negative || read.GetAttempts() < 0
	}
	if negative && len(wrongs) > 0 { // Alone it is reported by the translation.
		wrongs = append(wrongs, "The number of attempts is negative.")
	}
	if len(wrongs) > 0 {
		return wrong("%s", strings.Join(wrongs, " "))
	}
	retries := &networking.HTTPRetry{}
	if err := json.Unmarshal([]byte(text), retries); err != nil {
		return wrong("The fields do not fit each other.")
	}
	return retries
}
