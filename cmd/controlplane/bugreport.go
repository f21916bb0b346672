package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mizzen-mesh/mizzen/internal/admin"
	"github.com/mizzen-mesh/mizzen/internal/history"
	"github.com/mizzen-mesh/mizzen/internal/peers"
)

// reportPaths are the paths of the admin address that a report has, by the name of their file. None of them has the
// content of resources or of objects.
var reportPaths = map[string]string{
	"ready.txt": admin.ReadyPath, "metrics.txt": "/metrics",
	"clients.json": admin.ListPath(listClients), "resources.json": admin.ListPath(listResources),
	"problems.json": admin.ListPath(listProblems), "sync.json": admin.ListPath(listDeliveries), "unknown.json": admin.ListPath(listUnknown),
	"servers.json": admin.ListPath(listServers), "policies.json": admin.ListPath(listPolicies), "clusters.json": admin.ListPath(listClusters), "rollouts.json": admin.ListPath(listRollouts),
	"edges.json": admin.ListPath(listEdges) + "?" + peers.Own, "history.json": history.Path + "?limit=" + strconv.Itoa(reportedGenerations),
	"goroutines.txt": "/debug/pprof/goroutine?debug=1",
}

// newerFiles are missing in the report of an older control plane, which has answered all the same.
var newerFiles = []string{"unknown.json", "servers.json", "policies.json", "clusters.json", "rollouts.json", "edges.json", "history.json"}

// reportedGenerations is how many generations of the configuration a report has: the newest ones.
const reportedGenerations = 100

// reportLogs are the logs of a pod that a report has, by the name of their file, with the query for the API server.
var reportLogs = map[string]map[string]string{
	"log.txt":          {"timestamps": "true", "limitBytes": "10485760"},
	"log-previous.txt": {"timestamps": "true", "limitBytes": "10485760", "previous": "true"},
}

func newBugReport(std stdio) *cobra.Command {
	var flags inspectFlags
	var file string
	cmd := &cobra.Command{
		Use:   "bug-report",
		Short: "Write an archive with all that a report of a bug needs",
		Long: `Write a .tar.gz archive with the Problems, clients, servers, policies, clusters, rollouts, edges,
resources, sync status, unknown names, metrics, goroutines and versions of every replica, with the
last 100 generations of its configuration, and with the replicas' logs if they run in a cluster.
The control plane is found as 'inspect' finds it.

The archive has names of namespaces, Services, pods and nodes, and their addresses. It names the
tools that changed objects, and the files that have them. It has no content of
resources or objects, and no Secrets. Tokens, keys and passwords in texts are replaced by
[removed]. Look at it before you send it.

The exit code is 1 if a replica did not answer. The archive names it. The exit code is 2 if the
command line makes no sense.`,
		Example: `  controlplane bug-report
  controlplane bug-report --context kind-mizzen --file report.tar.gz`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("file") && file == "" {
				return usageErrorf(cmd, "--file is empty: name a file")
			}
			if err := flags.validate(cmd); err != nil {
				return err
			}
			return flags.withReplicas(cmd, std, func(ctx context.Context, all replicas) error {
				now := time.Now()
				if file == "" {
					file = "mizzen-bug-report-" + now.Format("20060102-150405") + ".tar.gz"
				}
				return writeReport(ctx, std, all, file, now)
			})
		},
	}
	flags.register(cmd.Flags())
	cmd.Flags().StringVar(&file, "file", "", "`FILE` to write, which must not exist (default mizzen-bug-report-TIME.tar.gz)")
	return cmd
}

func writeReport(ctx context.Context, std stdio, all replicas, file string, now time.Time) (err error) {
	out, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("write the report (choose another file with --file): %w", err)
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	packed := gzip.NewWriter(out)
	report := &report{tar: tar.NewWriter(packed), now: now}
	if all.token != "" {
		if token, err := admin.ReadToken(all.token); err == nil {
			report.secrets = append(report.secrets, token)
		}
	}
	report.add("version.txt", []byte("controlplane "+ownBuild().String()+"\n"))
	for _, one := range all.all {
		report.addReplica(ctx, all, one)
	}
	if len(report.missing) > 0 {
		report.add("missing.txt", []byte(strings.Join(report.missing, "\n")+"\n"))
	}
	if err := errors.Join(report.err, report.tar.Close(), packed.Close()); err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	for _, text := range report.missing {
		std.printErr("missing: %s\n", text)
	}
	if err := std.print([]byte(file + "\n")); err != nil {
		return err
	}
	if report.silent {
		return errNotAll
	}
	return nil
}

// report is an archive that is being written. The first error is kept.
type report struct {
	tar     *tar.Writer
	now     time.Time
	err     error
	secrets []string
	// missing says what could not be read. silent is true if a replica did not answer; a log may be missing.
	missing []string
	silent  bool
}

// addReplica adds all that one replica answers, and its logs.
func (r *report) addReplica(ctx context.Context, all replicas, one replica) {
	folder := "replica"
	if one.name != "" {
		folder = strings.NewReplacer(":", "-", "/", "-").Replace(one.name)
	}
	for name, path := range reportPaths {
		body, err := []byte(nil), one.err
		if err == nil {
			body, err = fetch(ctx, one.address, all.token, path)
		}
		if errors.Is(err, errNotReady) {
			body, err = []byte(err.Error()+"\n"), nil
		}
		if err != nil {
			r.silent = r.silent || !slices.Contains(newerFiles, name) || !errors.Is(err, errNoPath)
			r.missing = append(r.missing, fmt.Sprintf("%s/%s: %v", folder, name, err))
			continue
		}
		r.add(folder+"/"+name, body)
	}
	if all.config == nil {
		return
	}
	for name, query := range reportLogs {
		body, err := podLog(ctx, all, one.name, query)
		switch {
		case err == nil:
			r.add(folder+"/"+name, body)
		case query["previous"] == "": // Most containers have not ended before.
			r.missing = append(r.missing, fmt.Sprintf("%s/%s: %v", folder, name, err))
		}
	}
}

// podLog reads a log of a replica's pod from the API server.
func podLog(ctx context.Context, all replicas, pod string, query map[string]string) ([]byte, error) {
	client, err := pathClient(all.config)
	if err != nil {
		return nil, err
	}
	request := client.Get().AbsPath("/api/v1/namespaces", all.home, "pods", pod, "log")
	for key, value := range query {
		request = request.Param(key, value)
	}
	return request.DoRaw(ctx)
}

// add adds a file without secrets.
func (r *report) add(name string, text []byte) {
	if r.err != nil {
		return
	}
	text = withoutSecrets(text, r.secrets)
	r.err = r.tar.WriteHeader(&tar.Header{Name: "mizzen-bug-report/" + name, Mode: 0o600, Size: int64(len(text)), ModTime: r.now})
	if r.err == nil {
		_, r.err = r.tar.Write(text)
	}
}

// removed replaces a secret.
const removed = "[removed]"

// secretForms are the forms of secrets in texts, each with what is kept of it.
var secretForms = []struct {
	form *regexp.Regexp
	keep string
}{
	{regexp.MustCompile(`(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|$)`), removed},
	// A JSON Web Token, such as the token of a service account. Its first two parts are JSON objects.
	{regexp.MustCompile(`\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?`), removed},
	{regexp.MustCompile(`(?i)\b((?:proxy-)?authorization["']?\s*[:=]\s*["']?(?:(?:bearer|basic|digest|negotiate)\s+)?)[^\s"',;]+`), "${1}" + removed},
	{regexp.MustCompile(`(?i)\b((?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{16,}`), "${1}" + removed},
	{regexp.MustCompile(`(?i)\b((?:[a-z0-9_-]*[_-])?(?:password|passwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|cookie)["']?\s*[:=]\s*["']?)[^\s"',;&]+`), "${1}" + removed},
	// The user and password of a URL.
	{regexp.MustCompile(`([a-z][a-z0-9+.-]*://)[^\s/@"']+@`), "${1}" + removed + "@"},
}

// withoutSecrets replaces known secrets, and what has the form of one.
func withoutSecrets(text []byte, secrets []string) []byte {
	for _, secret := range secrets {
		text = bytes.ReplaceAll(text, []byte(secret), []byte(removed))
	}
	for _, s := range secretForms {
		text = s.form.ReplaceAll(text, []byte(s.keep))
	}
	return text
}
