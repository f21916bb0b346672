package history

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// The paths of the admin address at which the history is read.
const (
	Path           = "/api/history"
	GenerationPath = Path + "/{id}"
	DiffPath       = "/api/history-diff"
)

// rebuildTimeout bounds how long a request waits for the World of a generation.
const rebuildTimeout = 8 * time.Second

// Handlers serve the history as JSON, by path. client reads which client is meant from the query of a request.
func (s *Store) Handlers(client func(url.Values) (mesh.Client, error)) map[string]http.Handler {
	return map[string]http.Handler{
		Path: answer(func(r *http.Request) (any, error) {
			limit, err := strconv.Atoi(r.URL.Query().Get("limit"))
			if text := r.URL.Query().Get("limit"); text != "" && (err != nil || limit < 1) {
				return nil, unknownError("limit is not a number above 0: " + strconv.Quote(text))
			}
			return s.List(r.URL.Query().Get("host"), limit), nil
		}),
		GenerationPath: answer(func(r *http.Request) (any, error) { return s.Details(r.PathValue("id")) }),
		DiffPath: answer(func(r *http.Request) (any, error) {
			q := r.URL.Query()
			if q.Get("xds") != "true" {
				return s.Compare(q.Get("from"), q.Get("to"), q.Get("host"))
			}
			of, err := client(q)
			if err != nil {
				return nil, unknownError(err.Error())
			}
			ctx, cancel := context.WithTimeout(r.Context(), rebuildTimeout)
			defer cancel()
			return s.CompareResources(ctx, q.Get("from"), q.Get("to"), q.Get("host"), of)
		}),
	}
}

// answer serves what read returns.
func answer(read func(*http.Request) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		found, err := read(r)
		if err != nil {
			status := http.StatusServiceUnavailable // such as while a World cannot be made
			if _, unknown := errors.AsType[unknownError](err); unknown {
				status = http.StatusBadRequest
			}
			http.Error(w, err.Error(), status)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(found) // the client may have closed the connection
	})
}
