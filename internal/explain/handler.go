package explain

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// Path is the path of the admin address at which a control plane answers questions.
const Path = "/api/explain"

// Query encodes the question as the query of a request for Path.
func (q Question) Query() string {
	v := url.Values{
		"to": {q.To}, "call": {q.Call}, "namespace": {q.Client.Namespace},
		"region": {q.Client.Locality.Region}, "zone": {q.Client.Locality.Zone}, "subzone": {q.Client.Locality.SubZone},
		"node": {q.Client.Node},
	}
	for name, value := range q.Headers {
		v.Add("header", name+"="+value)
	}
	v["provider"] = q.Client.Providers.All()
	for name, value := range q.Client.Labels.Map() {
		v.Add("label", name+"="+value)
	}
	if q.Client.Kind != mesh.UnknownClient || q.Client.Missing != 0 {
		v.Set("agent", q.Client.Kind.String())
		v.Set("version", q.Client.Version)
	}
	if q.Client.Bucket != 0 {
		v.Set("bucket", strconv.Itoa(int(q.Client.Bucket)))
	}
	return v.Encode()
}

func questionOf(v url.Values) Question {
	q := Question{
		To: v.Get("to"), Call: v.Get("call"), Headers: map[string]string{},
		Client: mesh.Client{
			Namespace: v.Get("namespace"), Labels: mesh.MakeLabels(pairs(v["label"])),
			Locality:  mesh.Locality{Region: v.Get("region"), Zone: v.Get("zone"), SubZone: v.Get("subzone")},
			Node:      v.Get("node"),
			Providers: mesh.MakeProviders(v["provider"]...),
		},
	}
	for _, text := range v["header"] {
		name, value, _ := strings.Cut(text, "=")
		q.Set(name, value)
	}
	if bucket, err := strconv.ParseUint(v.Get("bucket"), 10, 16); err == nil {
		q.Client.Bucket = uint16(bucket)
	}
	if agent, ok := mesh.ClientKindNamed(v.Get("agent")); ok {
		q.Client = snapshot.WithUserAgent(q.Client, agent, v.Get("version"))
	}
	return q
}

func pairs(texts []string) map[string]string {
	set := map[string]string{}
	for _, text := range texts {
		name, value, _ := strings.Cut(text, "=")
		set[name] = value
	}
	return set
}

// Handler answers questions as JSON, from the Snapshot that current returns.
func Handler(current func() *snapshot.Snapshot) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := current()
		if s == nil {
			http.Error(w, "the source was not completely read yet", http.StatusServiceUnavailable)
			return
		}
		answer, err := Explain(s, questionOf(r.URL.Query()))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(answer) // the client may have closed the connection
	})
}
