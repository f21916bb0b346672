package main

import (
	"strings"
	"testing"
)

// TestSilencedProblems checks objects with Problems that their authors silenced, by code or on one object.
func TestSilencedProblems(t *testing.T) {
	const service = "apiVersion: v1\nkind: Service\nmetadata: {name: echo}\nspec: {ports: [{name: grpc, port: 80}]}\n---\n"
	object := func(kind, annotation, spec string) string {
		if annotation != "" {
			annotation = ", annotations: {mizzen.dev/ignore: \"" + annotation + "\"}"
		}
		return service + "apiVersion: networking.istio.io/v1\nkind: " + kind + "\nmetadata: {name: a" + annotation + "}\n" + spec + "\n"
	}
	const lost, regex, dropped, wrong = "spec: {host: lost}", `spec: {hosts: [echo], http: [{match: [{uri: {regex: "("}}], route: [{destination: {host: echo}}]}]}`,
		"spec: {host: echo, trafficPolicy: {connectionPool: {tcp: {maxConnections: 1}}}}", "spec: {host: 1}"
	tests := map[string]struct {
		objects, exclude, want string
		code                   int
	}{
		"reading":                {object("DestinationRule", "", lost), "", "warning NoSuchHost", exitFailure},
		"reading, silenced":      {object("DestinationRule", "NoSuchHost=in another cluster", lost), "", "", exitOK},
		"reading, excluded":      {object("DestinationRule", "", lost), "NoSuchHost", "", exitOK},
		"translation":            {object("VirtualService", "", regex), "", "error InvalidRegex", exitFailure},
		"translation, silenced":  {object("VirtualService", "InvalidRegex=known", regex), "", "", exitOK},
		"translation, excluded":  {object("VirtualService", "", regex), "InvalidRegex", "", exitOK},
		"a field":                {object("DestinationRule", "", dropped), "", "warning Unsupported", exitFailure},
		"a field, silenced":      {object("DestinationRule", "  Unsupported = for the sidecars ; ", dropped), "", "", exitOK},
		"another code":           {object("DestinationRule", "NoSuchHost=known", dropped), "", "warning Unsupported", exitFailure},
		"another code, excluded": {object("DestinationRule", "", dropped), "NoSuchHost,NoSuchPort", "warning Unsupported", exitFailure},
		"two codes":              {object("DestinationRule", "NoSuchHost=a; Unsupported=b", dropped), "", "", exitOK},
		"two codes, excluded":    {object("DestinationRule", "", dropped), "NoSuchHost,Unsupported", "", exitOK},
		"not used":               {object("DestinationRule", "", wrong), "", "error InvalidValue", exitFailure},
		"not used, silenced":     {object("DestinationRule", "InvalidValue=soon", wrong), "", "", exitOK},
		"not read":               {object("ProxyConfig", "", "spec: {}"), "", "info UnknownKind", exitOK},
		"not read, silenced":     {object("ProxyConfig", "UnknownKind=for the proxies", "spec: {}"), "", "", exitOK},
		"misspelled kind":        {object("DestinationRul", "UnknownKind=soon", "spec: {}"), "", "", exitOK},
		"a ServiceEntry":         {object("ServiceEntry", "NoSuchPort=for the proxies", "spec: {hosts: [a.example.com]}"), "", "", exitOK},
		"unknown code":           {object("DestinationRule", "NoSuchHots=a", "spec: {host: echo}"), "", `warning InvalidValue DestinationRule default/a metadata.annotations[mizzen.dev/ignore] (stdin:8): There is no code "NoSuchHots". The entry is ignored. Did you mean "NoSuchHost"?`, exitFailure},
		"unknown, not read":      {object("ProxyConfig", "Nothing=a; UnknownKind=b", "spec: {}"), "", "There is no code \"Nothing\"", exitFailure},
		"no reason":              {object("DestinationRule", "NoSuchHost", lost), "", "NoSuchHost has no reason. The entry is ignored. Write NoSuchHost=REASON", exitFailure},
		"an empty reason":        {object("DestinationRule", "NoSuchHost= ", lost), "", "NoSuchHost has no reason.", exitFailure},
		"empty":                  {object("DestinationRule", " ", "spec: {host: echo}"), "", "An entry has no code.", exitFailure},
		"its own mistakes":       {object("DestinationRule", "InvalidValue=a; Nothing=b", "spec: {host: echo}"), "", "There is no code \"Nothing\"", exitFailure},
		"of the Service":         {strings.Replace(service, "name: echo", "name: echo, annotations: {mizzen.dev/ignore: 'NoSuchHost=a'}", 1) + object("DestinationRule", "", lost)[len(service):], "", "warning NoSuchHost", exitFailure},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			args := []string{"check", "--strict", "-f", "-"}
			if test.exclude != "" {
				args = append(args, "--exclude", test.exclude)
			}
			got := command(t.Context(), test.objects, args...)
			if got.code != test.code || test.want == "" && got.stdout != "" || !strings.Contains(got.stdout, test.want) {
				t.Errorf("got exit code %d and\n%s\nwant %d and %q", got.code, got.stdout, test.code, test.want)
			}
		})
	}
	t.Run("no such code", func(t *testing.T) {
		got := command(t.Context(), "", "check", "-f", "x", "--exclude", "NoSuchHots")
		if got.code != exitUsage || !strings.Contains(got.err, `there is no code "NoSuchHots": did you mean NoSuchHost?`) {
			t.Errorf("got exit code %d and %q", got.code, got.err)
		}
	})
}
