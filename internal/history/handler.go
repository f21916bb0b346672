package history

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
)

// The paths of the admin address at which the history is read.
const (
	Path           = "/api/history"
	GenerationPath = Path + "/{id}"
	DiffPath       = "/api/history-diff"
)

// Handlers serve the history as JSON, by path.
func (s *Store) Handlers() map[string]http.Handler {
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
			return s.Compare(q.Get("from"), q.Get("to"), q.Get("host"))
		}),
	}
}

// answer serves what read returns.
func answer(read func(*http.Request) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		found, err := read(r)
		if err != nil {
			status := http.StatusInternalServerError
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
