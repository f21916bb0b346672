package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
)

// SaveData copies etcd's data for RestoreData. etcd is stopped while the data is copied.
func (c *Cluster) SaveData(ctx context.Context) error {
	c.etcd.Terminate()
	if err := os.CopyFS(c.savedData(), os.DirFS(c.data())); err != nil {
		return err
	}
	return errors.Join(c.etcd.Start(), c.AwaitAPI(ctx))
}

// RestoreData restores the data of SaveData in the whole cluster: later writes are lost, and their resource versions
// are used again.
func (c *Cluster) RestoreData(ctx context.Context) error {
	c.controllers.Terminate()
	c.APIServer.Kill()
	c.etcd.Kill()
	if err := errors.Join(os.RemoveAll(c.data()), os.Rename(c.savedData(), c.data())); err != nil {
		return err
	}
	if err := errors.Join(c.etcd.Start(), c.APIServer.Start(), c.AwaitAPI(ctx)); err != nil {
		return err
	}
	return c.controllers.Start()
}

func (c *Cluster) data() string { return filepath.Join(c.dir, "etcd") }

func (c *Cluster) savedData() string { return c.data() + ".saved" }

// Compact makes etcd drop its history, so that no watch can start at an older resource version.
func (c *Cluster) Compact(ctx context.Context) error {
	var state struct {
		Header struct {
			Revision string `json:"revision"`
		} `json:"header"`
	}
	if err := askEtcd(ctx, "/v3/kv/range", map[string]any{"key": "AA=="}, &state); err != nil {
		return err
	}
	return askEtcd(ctx, "/v3/kv/compaction", map[string]any{"revision": state.Header.Revision, "physical": true}, &struct{}{})
}

func askEtcd(ctx context.Context, path string, question, answer any) error {
	text, err := json.Marshal(question)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, etcdURL+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err = io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("etcd: %s: %s", response.Status, text)
	}
	return json.Unmarshal(text, answer)
}
