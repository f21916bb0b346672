package kube

import (
	"bytes"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
)

// standing is how a cluster is joined: by which Secret, whether its kubeconfig is of use, and whether it may be read. The higher, the
// better it resists another Secret.
type standing struct {
	secret string
	rank   int
}

// The ranks. That of a new cluster is zero.
const (
	// rankStored: something of the cluster is stored.
	rankStored = iota + 1
	// rankNamed: the cluster is joined by that Secret, and its kubeconfig is not used.
	rankNamed
	// rankUsable: its kubeconfig is used. It is not known yet which cluster that is.
	rankUsable
	// rankAdmitted: it is known that it is another cluster than all others, or that this cannot be known.
	rankAdmitted
)

// candidate is a key in the data of a Secret: the name of a cluster, with its kubeconfig.
type candidate struct {
	secret   *corev1.Secret
	name     string
	rank     int
	revision string
	// config is nil if the kubeconfig cannot be used, and wrong is why.
	config *rest.Config
	wrong  string
	// server is its API server, as apiServer returns it.
	server string
	// identified means that it is known which cluster is behind the kubeconfig, and uid is the identity of that; empty if the cluster
	// does not tell. held is the identity of the cluster that is read under the name meanwhile.
	identified bool
	uid, held  types.UID
}

// joining is one decision about all clusters.
type joining struct {
	*Remotes

	joined map[string]standing
	// servers and uids are the clusters that are joined, by their API server and by their identity.
	servers map[string]string
	uids    map[types.UID]string
}

// joinChecks are why a kubeconfig is not used, in the order of precedence. The names of the first rows belong to other clusters, so that
// nothing is known of the cluster. In the other rows, what is known of it stays in effect.
var joinChecks = []struct {
	// foreign means that the name is that of another cluster.
	foreign bool
	code    mesh.Code
	// wrong returns a sentence; empty if nothing is wrong.
	wrong func(j *joining, c *candidate) string
	// effect is the rest of the message. Without it the Problem is reported elsewhere.
	effect string
}{
	{
		true, mesh.CodeConflict, func(j *joining, c *candidate) string {
			return sentence(c.name == j.options.Name, "%q is the name of the control plane's own cluster (--cluster-id).", c.name)
		}, "The cluster is not joined. Use another key.",
	},
	{
		true, mesh.CodeConflict, func(j *joining, c *candidate) string {
			return sentence(j.joined[c.name].secret != "", "Secret %s has a cluster of that name, too, and is in effect.", j.joined[c.name].secret)
		}, "Remove one of the two.",
	},
	{
		false, mesh.CodeInvalidValue, func(_ *joining, c *candidate) string {
			return sentence(len(c.secret.Data) == 0, "The Secret has no data.")
		},
		"",
	},
	{
		false, mesh.CodeInvalidValue, func(_ *joining, c *candidate) string { return c.wrong },
		"It is not used: what was read or saved of the cluster before stays in effect. Write a kubeconfig with an https server, certificate-authority-data and a token.",
	},
	{
		false, mesh.CodeConflict, func(j *joining, c *candidate) string {
			return sentence(c.server == j.own, "%s is the API server of the control plane's own cluster.", c.config.Host)
		}, notWithItself,
	},
	{
		false, mesh.CodeConflict, func(j *joining, c *candidate) string {
			return sentence(c.uid != "" && c.uid == j.identities.ownUID(),
				"%s leads to the control plane's own cluster: Namespace %s has the same UID in both, %s.", c.config.Host, identityNamespace, c.uid)
		}, notWithItself,
	},
	{
		false, mesh.CodeConflict, func(j *joining, c *candidate) string {
			return sentence(j.servers[c.server] != "", "Cluster %s has the same API server, %s.", j.servers[c.server], c.config.Host)
		}, notTwice,
	},
	{
		false, mesh.CodeConflict, func(j *joining, c *candidate) string {
			return sentence(c.uid != "" && j.uids[c.uid] != "",
				"%s leads to cluster %s: Namespace %s has the same UID in both, %s.", c.config.Host, j.uids[c.uid], identityNamespace, c.uid)
		}, notTwice,
	},
}

const (
	notWithItself = "The cluster is not joined with itself; what was read or saved of it before stays in effect. Write the server of the other cluster, or remove the key."
	notTwice      = "The cluster is not joined twice; what was read or saved of it before stays in effect. Remove one of the two."
)

// sentence returns the text if something is so.
func sentence(is bool, format string, args ...any) string {
	if !is {
		return ""
	}
	return fmt.Sprintf(format, args...)
}

// clusters returns the remote clusters of Secrets, and what is wrong with them. What is known of a cluster stays in effect until
// no Secret names it: a mistake in its Secret, or in another one, takes nothing away. If two Secrets that are new have one name or one
// cluster, the first has it.
func (r *Remotes) clusters(secrets []*corev1.Secret) (all []watch.Remote, refusals []watch.Refusal) {
	refusals = withoutData(secrets)
	j := &joining{r, map[string]standing{}, map[string]string{}, map[types.UID]string{}}
	admitted := map[string]string{}
	for _, c := range r.candidates(secrets) {
		wrong, foreign, refused := j.check(c)
		if refused != nil {
			refusals = append(refusals, *refused)
		}
		if foreign {
			continue
		}
		j.join(c, wrong)
		if j.joined[c.name].rank == rankAdmitted && c.identified {
			admitted[c.name] = c.revision
		}
		all = append(all, r.remote(c, wrong))
	}
	r.joined = j.joined
	r.identities.decide(admitted, j.joined)
	return all, refusals
}

// check returns why a candidate is not used, and whether its name belongs to another cluster, or to none.
func (j *joining) check(c *candidate) (wrong string, foreign bool, refused *watch.Refusal) {
	for _, check := range joinChecks {
		wrong = check.wrong(j, c)
		if wrong == "" {
			continue
		}
		if check.effect != "" {
			problem := refusal(c.secret, c.name, fmt.Sprintf("data[%s]", c.name), check.code, wrong+" "+check.effect)
			refused = &problem
		}
		return wrong, check.foreign || !clusterName.MatchString(c.name), refused
	}
	return "", false, nil
}

// join records that the candidate has the name from now on, and the API server and the identity if nothing is wrong.
func (j *joining) join(c *candidate, wrong string) {
	rank := rankNamed
	if wrong == "" {
		rank = rankUsable
		if c.identified || c.rank == rankAdmitted {
			rank = rankAdmitted
		}
		j.servers[c.server] = c.name
		if rank == rankAdmitted && c.held != "" {
			j.uids[c.held] = c.name
		}
	}
	j.joined[c.name] = standing{c.secret.Name, rank}
}

// candidates returns all keys of Secrets, those first whose cluster is joined by that Secret already: no other Secret takes its name or
// its API server from it. A Secret without data has the keys that it had. The others are sorted by Secret and name.
func (r *Remotes) candidates(secrets []*corev1.Secret) (all []*candidate) {
	named := map[configKey]struct{}{}
	for _, s := range secrets {
		names := slices.Sorted(maps.Keys(s.Data))
		if len(s.Data) == 0 {
			names = r.joinedBy(s.Name)
		}
		for _, name := range names {
			all = append(all, r.candidate(s, name))
			named[configKey{s.Name, name}] = struct{}{}
		}
	}
	maps.DeleteFunc(r.configs, func(key configKey, _ readConfig) bool {
		_, ok := named[key]
		return !ok
	})
	slices.SortStableFunc(all, func(a, b *candidate) int { return b.rank - a.rank })
	return all
}

// read is remoteConfig of a key of a Secret.
func (r *Remotes) read(s *corev1.Secret, name string) (*rest.Config, string) {
	key := configKey{s.Name, name}
	read, known := r.configs[key]
	if !known || !bytes.Equal(read.kubeconfig, s.Data[name]) {
		read = readConfig{kubeconfig: s.Data[name]}
		read.config, read.wrong = remoteConfig(name, read.kubeconfig)
		r.configs[key] = read
	}
	return read.config, read.wrong
}

func (r *Remotes) candidate(s *corev1.Secret, name string) *candidate {
	c := &candidate{secret: s, name: name, revision: s.Annotations[mesh.LabelNetwork] + "\x00" + string(s.Data[name])}
	if c.config, c.wrong = r.read(s, name); c.config != nil {
		c.server = apiServer(c.config.Host)
	}
	behind := r.identities.identity(name)
	if c.held = behind.uid; behind.revision == c.revision {
		c.identified, c.uid = true, behind.uid
	}
	switch before, known := r.joined[name]; {
	case known && before.secret == s.Name:
		c.rank = before.rank
	case r.joined == nil && r.options.ClusterStates != nil && slices.Contains(r.options.ClusterStates.Names(), name):
		c.rank = rankStored
	}
	return c
}

// joinedBy returns the names of the clusters that a Secret has joined, sorted.
func (r *Remotes) joinedBy(secret string) (names []string) {
	for name, by := range r.joined {
		if by.secret == secret {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// withoutData reports the Secrets that have no kubeconfig.
func withoutData(secrets []*corev1.Secret) (refusals []watch.Refusal) {
	for _, s := range secrets {
		if len(s.Data) == 0 {
			refusals = append(refusals, refusal(s, s.Name, "data", mesh.CodeInvalidValue,
				"The Secret has no data, so no cluster is joined by it. Add the kubeconfig of a cluster under the cluster's name, or delete the Secret to end its clusters."))
		}
	}
	return refusals
}

func refusal(s *corev1.Secret, cluster, field string, code mesh.Code, message string) watch.Refusal {
	return watch.Refusal{Cluster: cluster, Problem: mesh.Problem{
		Code: code, Severity: mesh.Error, Object: mesh.Ref{Kind: "Secret", Namespace: s.Namespace, Name: s.Name}, Field: field, Message: message,
	}}
}
