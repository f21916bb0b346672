package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// awaitGenerations waits until a control plane has that many generations.
func awaitGenerations(t *testing.T, admin string, n int) {
	t.Helper()
	for deadline := time.After(20 * time.Second); ; {
		var found []json.RawMessage
		got := command(t.Context(), "", "history", "-o", "json", "--address", admin)
		if err := json.Unmarshal([]byte(got.stdout), &found); err == nil && len(found) >= n {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("there are not %d generations: %s%s", n, got.stdout, got.err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// TestHistoryCommands edits a folder that two replicas serve, and goes back by what rollback prints.
func TestHistoryCommands(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(demoDir)); err != nil {
		t.Fatal(err)
	}
	a, b := startServe(t, "--files", dir), startServe(t, "--files", dir)
	file := filepath.Join(dir, "virtualservice.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	edited := strings.NewReplacer("weight: 90", "weight: 60", "weight: 10", "weight: 40").Replace(string(text))
	if err := os.WriteFile(file, []byte(edited), 0o600); err != nil {
		t.Fatal(err)
	}
	awaitGenerations(t, a.admin, 2)
	awaitGenerations(t, b.admin, 2)

	both := a.admin + "," + b.admin
	ask := func(args string) outcome {
		return command(t.Context(), "", append(strings.Fields(args), "--address", both)...)
	}
	var all []struct {
		Generation int
		ID         string
		Replicas   []string
		Causes     []struct{ Manager, Verb string }
	}
	if err := json.Unmarshal([]byte(ask("history -o json").stdout), &all); err != nil {
		t.Fatal(err)
	}
	if len(all) != 2 || all[0].Generation != 2 || len(all[0].Replicas) != 2 || len(all[0].Causes) != 1 || all[0].Causes[0].Verb != "update" || all[0].Causes[0].Manager != "virtualservice.yaml" {
		t.Fatalf("got %+v, want one row for each generation of both replicas", all)
	}
	for args, want := range map[string]outcome{
		"history":                                         {exitOK, "update VirtualService demo/greeter  virtualservice.yaml", ""},
		"history --host greeter.demo --limit 1":           {exitOK, all[0].ID, ""},
		"history -o wide":                                 {exitOK, "first read: 3 objects", ""},
		"history -o yaml":                                 {exitOK, "verb: update", ""},
		"history -o x":                                    {exitUsage, "", "unknown output"},
		"history --limit 0":                               {exitUsage, "", "--limit must be at least 1"},
		"history x":                                       {exitUsage, "", "unexpected argument"},
		"diff previous":                                   {exitOK, "-      weight: 90\n+      weight: 60", ""},
		"diff previous --exit-code":                       {exitFailure, "+      weight: 60", ""},
		"diff current 2 --exit-code":                      {exitOK, "", ""},
		"diff g-00 --exit-code":                           {exitUsage, "", "generation g-00 is not kept"},
		"diff current 2":                                  {exitOK, "", ""},
		"diff previous current --host payment":            {exitFailure, "", `there is no host "payment"`},
		"diff previous --host payment --exit-code":        {exitUsage, "", `there is no host "payment"`},
		"diff current 2 --host greeter.demo":              {exitOK, "", ""},
		"rollback previous --host payment":                {exitFailure, "", `there is no host "payment"`},
		"rollback current --host greeter":                 {exitOK, "differ in the current generation", ""},
		"history --host payment":                          {exitFailure, "GENERATION", `there is no host "payment"`},
		"diff 1 2 -o json":                                {exitOK, `"verb": "update"`, ""},
		"diff previous --as demo/web":                     {exitOK, "--- RouteConfiguration outbound|50051||greeter.demo.svc.cluster.local", ""},
		"diff previous --xds --host payment":              {exitFailure, "", `there is no host "payment"`},
		"diff g-00":                                       {exitFailure, "", "generation g-00 is not kept"},
		"diff":                                            {exitUsage, "", "one or two generations are needed"},
		"diff previous --pod demo/a --as demo":            {exitUsage, "", "--pod excludes --as"},
		"pin greeter.demo g-0123456789":                   {exitFailure, "", "generation g-0123456789 is not kept"},
		"pin greeter.demo.svc.example.com " + all[1].ID:   {exitFailure, "", "the domain of this mesh is cluster.local: write greeter.demo"},
		"pin greeter.demo.svc.cluster.local " + all[1].ID: {exitOK, "kubectl annotate service greeter -n demo", ""},
		"pin greeter.demo " + all[1].ID:                   {exitOK, "kubectl annotate service greeter -n demo --overwrite mizzen.dev/pin=" + all[1].ID + ",", ""},
		"rollback current":                                {exitOK, "differ in the current generation", ""},
		"rollback 9":                                      {exitFailure, "", "generation 9 is not kept"},
		"rollback":                                        {exitUsage, "", "one generation is needed"},
		"explain -f x --as demo --to greeter --call /a.B/C --at g-0":                       {exitUsage, "", "-f excludes"},
		"explain --as demo --to greeter --at g-0":                                          {exitUsage, "", "--call is needed"},
		"explain --as demo --to greeter --call /helloworld.Greeter/SayHello --at previous": {exitOK, "as of     " + all[1].ID, ""},
		"explain --as demo --to greeter --call /helloworld.Greeter/SayHello --at x":        {exitFailure, "", `"x" names no generation`},
	} {
		got := ask(args)
		if got.code != want.code || !strings.Contains(got.stdout, want.stdout) || !strings.Contains(got.err, want.err) {
			t.Errorf("%s: got exit code %d, %q and\n%s\nwant %+v", args, got.code, got.err, got.stdout, want)
		}
	}

	printed := ask("rollback previous")
	if printed.code != exitOK {
		t.Fatal(printed.err)
	}
	if err := os.WriteFile(file, []byte(printed.stdout), 0o600); err != nil {
		t.Fatal(err)
	}
	awaitGenerations(t, a.admin, 3)
	if got := command(t.Context(), "", "diff", all[1].ID, "--exit-code", "--address", a.admin); got.code != exitOK || got.stdout != "" {
		t.Errorf("after the rollback: exit code %d\n%s", got.code, got.stdout)
	}
	got := command(t.Context(), "", "history", "--limit", "1", "--address", a.admin)
	if !strings.Contains(got.stdout, all[1].ID) {
		t.Errorf("after the rollback: got\n%s\nwant %s again", got.stdout, all[1].ID)
	}
}

// TestOrderOfGenerations: the clock of a replica was set back. Its numbers say what came later.
func TestOrderOfGenerations(t *testing.T) {
	body := []byte(`[{"generation": 3, "id": "g-3", "at": "2026-01-01T00:00:00Z"}, {"generation": 2, "id": "g-2", "at": "2026-06-01T00:00:00Z"}]`)
	rows, err := mergeGenerations(replicas{all: []replica{{address: "a"}}}, [][]byte{body})
	if err != nil || len(rows) != 2 || rows[0].Number != 3 || rows[0].At.IsZero() {
		t.Errorf("got %+v, %v, want generation 3 first", rows, err)
	}
}

// TestReplicasHaveOneRow: replicas have joined or dropped other generations before one that both have, and one of them was restarted.
func TestReplicasHaveOneRow(t *testing.T) {
	bodies := [][]byte{
		[]byte(`[{"generation": 9, "id": "g-5", "previous": "g-4", "at": "2026-01-01T05:00:00Z"},
			{"generation": 8, "id": "g-4", "previous": "g-3", "at": "2026-01-01T04:00:00Z", "causes": [{"verb": "update"}]},
			{"generation": 7, "id": "g-3", "previous": "g-4", "at": "2026-01-01T03:00:00Z"},
			{"generation": 6, "id": "g-4", "at": "2026-01-01T02:00:00Z"}]`),
		[]byte(`[{"generation": 3, "id": "g-5", "previous": "g-4", "at": "2026-01-01T05:00:01Z"},
			{"generation": 2, "id": "g-4", "previous": "g-1", "at": "2026-01-01T03:59:59Z", "causes": [{"verb": "update"}]}]`),
		[]byte(`[{"generation": 2, "id": "g-5", "previous": "g-4", "at": "2026-01-01T05:00:02Z", "current": true},
			{"generation": 1, "id": "g-4", "first": true, "at": "2026-01-01T04:30:00Z", "causes": [{"verb": "create"}, {"verb": "create"}]}]`),
	}
	for name, order := range map[string][]int{"the whole history first": {0, 1, 2}, "the restarted one first": {2, 1, 0}} {
		var all replicas
		var answers [][]byte
		for _, i := range order {
			all.all = append(all.all, replica{name: fmt.Sprint("replica-", i), address: fmt.Sprint(i)})
			answers = append(answers, bodies[i])
		}
		rows, err := mergeGenerations(all, answers)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range rows {
			slices.Sort(r.Replicas)
			got = append(got, fmt.Sprint(r.ID, " ", numbersText(r.Numbers), " ", r.Replicas, " ", r.First, " ", len(r.Causes)))
		}
		want := []string{"g-5 2,3,9 [replica-0 replica-1 replica-2] false 0", "g-4 1,2,8 [replica-0 replica-1 replica-2] false 1", "g-3 7 [replica-0] false 0", "g-4 6 [replica-0] false 0"}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}
