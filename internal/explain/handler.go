package explain

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// Path is the path of the admin address at which a control plane answers questions.
const Path = "/api/explain"

// generationTimeout bounds how long an answer waits for the Snapshot of a generation.
const generationTimeout = 8 * time.Second

// Query encodes the question as the query of a request for Path.
func (q Question) Query() string {
	v := url.Values{
		"to": {q.To}, "call": {q.Call}, "namespace": {q.Client.Namespace},
		"region": {q.Client.Locality.Region}, "zone": {q.Client.Locality.Zone}, "subzone": {q.Client.Locality.SubZone},
		"node": {q.Client.Node},
	}
	if q.Pod != "" {
		v.Set("pod", q.Pod)
	}
	if q.At != "" {
		v.Set("at", q.At)
	}
	if q.Account.Name != "" {
		v.Set("account", q.Account.Name)
	}
	if q.IsHTTP() {
		v.Set("method", q.Method)
		v.Set("scheme", q.Scheme)
		v.Set("query", q.RawQuery)
	}
	for name, value := range q.Headers {
		v.Add("header", name+"="+value)
	}
	v["provider"] = q.Client.Providers.All()
	if q.Client.ServerCertificate {
		v.Add("provider", mesh.MeshProvider)
	}
	v["variable"] = q.Client.Declared.Variables()
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

// QuestionOf is the reverse of Query.
func QuestionOf(v url.Values) Question {
	q := Question{
		At: v.Get("at"), To: v.Get("to"), Call: v.Get("call"), Pod: v.Get("pod"), Headers: map[string]string{},
		Method: v.Get("method"), Scheme: v.Get("scheme"), RawQuery: v.Get("query"),
		Client: mesh.Client{
			Namespace: v.Get("namespace"), Labels: mesh.MakeLabels(pairs(v["label"])),
			Locality:  mesh.Locality{Region: v.Get("region"), Zone: v.Get("zone"), SubZone: v.Get("subzone")},
			Node:      v.Get("node"),
			Providers: mesh.MakeProviders(v["provider"]...),
		},
	}
	for _, name := range v["variable"] {
		q.Client.Declared |= mesh.FeatureOf(name)
	}
	if name := v.Get("account"); name != "" {
		q.Account = mesh.Account{Namespace: q.Client.Namespace, Name: name}
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

// InPod is the client in a pod.
type InPod struct {
	Client  mesh.Client
	Account mesh.Account
	// Description describes the client. Absent says why no client is connected from the pod, and what to do; it is empty
	// if one is.
	Description, Absent string
}

// PodClient finds the client of a family in a pod. It fails if the pod is not known, and says what to do.
type PodClient func(namespace, name string, family mesh.Family) (InPod, error)

// AsPod sets the question's Client to the one in its Pod. It does nothing without a Pod.
func (q *Question) AsPod(find PodClient) (InPod, error) {
	if q.Pod == "" {
		return InPod{}, nil
	}
	namespace, name, _ := strings.Cut(q.Pod, "/")
	found, err := find(namespace, name, q.family())
	if err == nil {
		q.Client, q.Account = found.Client, found.Account
	}
	return found, err
}

// Generation finds the Snapshot of a generation of the configuration, and returns its ID.
type Generation func(ctx context.Context, text string) (id string, s *snapshot.Snapshot, err error)

// Handler answers questions as JSON, from the Snapshot that current returns, or that at returns for a generation. find finds the clients of pods. A question
// about a pod that names no call is answered with its client alone.
func Handler(current func() *snapshot.Snapshot, at Generation, find PodClient) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := current()
		if s == nil {
			http.Error(w, "the source was not completely read yet", http.StatusServiceUnavailable)
			return
		}
		q := QuestionOf(r.URL.Query())
		client, err := q.AsPod(find)
		id := ""
		if err == nil && q.At != "" {
			ctx, cancel := context.WithTimeout(r.Context(), generationTimeout)
			defer cancel()
			id, s, err = at(ctx, q.At)
		}
		answer := &Answer{Routes: []Route{}, Clusters: []Cluster{}}
		if err == nil && (q.To != "" || q.Pod == "") {
			answer, err = Explain(s, q)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		answer.Client, answer.Absent, answer.At = client.Description, client.Absent, id
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(answer) // the client may have closed the connection
	})
}
