package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/mizzen-mesh/mizzen/internal/authority"
	"github.com/mizzen-mesh/mizzen/internal/signer"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// certManagerAnnotation is on Secrets that cert-manager writes.
const certManagerAnnotation = "cert-manager.io/certificate-name"

// minAuthority is the shortest life of an authority: two rotations of leaves of the default life.
const minAuthority = 48 * time.Hour

// authorityFlags select the authority of an installation.
type authorityFlags struct {
	cluster     kubeFlags
	namespace   string
	trustDomain string
	lifetime    time.Duration
}

func newAuthority(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "authority",
		Short: "Create, rotate and show the authority that signs the certificates of pods",
		Long: `The authority is the Secret "mizzen-workload-authority" in --mizzen-namespace. 'controlplane sign'
signs the certificates of pods with it.

If cert-manager makes the Secret, for an intermediate of another authority, neither 'create' nor
'rotate' is needed.`,
	}
	cmd.AddCommand(newAuthorityCreate(std), newAuthorityRotate(std), newAuthorityShow(std))
	return cmd
}

func (f *authorityFlags) register(cmd *cobra.Command) {
	f.cluster.registerFor(cmd, "cluster (default as in kubectl)")
	cmd.Flags().StringVar(&f.namespace, flagMizzenNamespace, defaultNamespace, "`NAMESPACE` that the signer runs in")
	cmd.Flags().StringVar(&f.trustDomain, flagTrustDomain, mesh.DefaultTrustDomain, "trust `DOMAIN` of the mesh's identities, as the signer's flag")
}

func (f *authorityFlags) registerLifetime(cmd *cobra.Command) {
	const years = 10
	cmd.Flags().DurationVar(&f.lifetime, "lifetime", years*365*24*time.Hour, "how long the authority is valid")
}

func (f *authorityFlags) validate(cmd *cobra.Command) error {
	switch {
	case !validNamespace(f.namespace):
		return usageErrorf(cmd, "--%s %q is not a namespace", flagMizzenNamespace, f.namespace)
	case cmd.Flags().Lookup("lifetime") != nil && f.lifetime < minAuthority:
		return usageErrorf(cmd, "--lifetime is at least %s, not %s", minAuthority, f.lifetime)
	}
	return errors.Join(checkTrustDomain(cmd, f.trustDomain), f.cluster.validate(cmd))
}

// reach returns the cluster with the authority, and prints which it is.
func (f *authorityFlags) reach(std stdio) (signer.Cluster, error) {
	config, err := clusterConfig(f.cluster.kubeconfig, f.cluster.context)
	if err != nil {
		return nil, err
	}
	std.printErr("asking the cluster at %s\n", config.Host)
	return signer.NewCluster(config, f.namespace)
}

// secret returns a Secret with a new authority.
func (f *authorityFlags) secret(now time.Time) (*corev1.Secret, error) {
	files, err := authority.Create(f.trustDomain, now, f.lifetime)
	if err != nil {
		return nil, fmt.Errorf("make an authority: %w", err)
	}
	return &corev1.Secret{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: metav1.ObjectMeta{Name: signer.SecretName, Namespace: f.namespace, Labels: map[string]string{"app.kubernetes.io/part-of": "mizzen"}},
		Type:       corev1.SecretTypeTLS, Data: files,
	}, nil
}

func newAuthorityCreate(std stdio) *cobra.Command {
	var flags authorityFlags
	var output string
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Create the authority",
		Long: `Create an authority with a new key, and write it as the Secret "mizzen-workload-authority". A Secret
that exists is not overwritten. With -o yaml the Secret is printed and no cluster is asked. The output
contains the key: a person or program that reads it can make certificates for every pod.

The exit code is 1 if the Secret exists or cannot be written, and 2 if the command line is invalid.`,
		Example: `  controlplane authority create
  controlplane authority create --trust-domain example.org -o yaml | kubeseal >authority.yaml`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if output != outputText && output != outputYAML {
				return usageErrorf(cmd, "unknown output %q: it is one of text, yaml", output)
			}
			if err := flags.validate(cmd); err != nil {
				return err
			}
			return flags.create(cmd.Context(), std, output == outputYAML)
		},
	}
	flags.register(cmd)
	flags.registerLifetime(cmd)
	cmd.Flags().StringVarP(&output, "output", "o", outputText, "text writes the Secret to the cluster, yaml prints it: `text|yaml`")
	return cmd
}

func (f *authorityFlags) create(ctx context.Context, std stdio, printed bool) error {
	secret, err := f.secret(time.Now())
	if err != nil {
		return err
	}
	if printed {
		text, err := yaml.Marshal(secret)
		if err != nil {
			return err
		}
		return std.print(text)
	}
	cluster, err := f.reach(std)
	if err != nil {
		return err
	}
	switch _, err := cluster.PutSecret(ctx, secret); {
	case apierrors.IsAlreadyExists(err):
		return fmt.Errorf("the Secret %s/%s exists and is not overwritten: 'controlplane authority show' prints it, and 'controlplane authority rotate' replaces it",
			f.namespace, signer.SecretName)
	case err != nil:
		return fmt.Errorf("write the Secret %s/%s: %w", f.namespace, signer.SecretName, err)
	}
	return std.print(fmt.Appendf(nil, "created the authority of the trust domain %s, valid until %s, as the Secret %s/%s\n",
		f.trustDomain, time.Now().Add(f.lifetime).UTC().Format(time.DateOnly), f.namespace, signer.SecretName))
}

func newAuthorityRotate(std stdio) *cobra.Command {
	var flags authorityFlags
	var force bool
	cmd := &cobra.Command{
		Use:   "rotate",
		Short: "Replace the authority by a new one, without a call that fails",
		Long: `Replace the authority in the Secret "mizzen-workload-authority" by one with a new key. The signer does
the rest: it publishes the new root and waits --publish-wait of 'controlplane sign', signs with the
new authority, and removes the old root when its last certificate has expired. With the default
flags this takes about 26 hours. 'controlplane authority show' prints where it is.

Nothing is replaced while another rotation is not complete, while the present authority cannot be
used, or if cert-manager makes it. --force replaces it in the first two cases.

The exit code is 1 if nothing is replaced, and 2 if the command line is invalid.`,
		Example: `  controlplane authority rotate
  controlplane authority show`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := flags.validate(cmd); err != nil {
				return err
			}
			return flags.rotate(cmd.Context(), std, force)
		},
	}
	flags.register(cmd)
	flags.registerLifetime(cmd)
	cmd.Flags().BoolVar(&force, "force", false, "also replace an authority that cannot be used, or is not in use yet, or follows another that certificates still need")
	return cmd
}

func (f *authorityFlags) rotate(ctx context.Context, std stdio, force bool) error {
	cluster, err := f.reach(std)
	if err != nil {
		return err
	}
	now := time.Now()
	seen, err := signer.Read(ctx, cluster, f.namespace, f.trustDomain)
	if err != nil {
		return err
	}
	if err := f.mayRotate(seen, now, force); err != nil {
		return err
	}
	next, err := f.secret(now)
	if err != nil {
		return err
	}
	secret := seen.Secret.DeepCopy()
	if secret.Data == nil {
		secret.Data = map[string][]byte{}
	}
	maps.Copy(secret.Data, next.Data)
	switch _, err := cluster.PutSecret(ctx, secret); {
	case apierrors.IsConflict(err):
		return fmt.Errorf("the Secret %s/%s has changed meanwhile; nothing was replaced", f.namespace, signer.SecretName)
	case err != nil:
		return fmt.Errorf("write the Secret %s/%s: %w", f.namespace, signer.SecretName, err)
	}
	return std.print(fmt.Appendf(nil, "replaced the authority in the Secret %s/%s; the signer changes to it: controlplane authority show\n", f.namespace, signer.SecretName))
}

// mayRotate returns why an authority is not replaced.
func (f *authorityFlags) mayRotate(seen *signer.Seen, now time.Time, force bool) error {
	if seen.Secret == nil {
		return seen.DesiredError
	}
	if name := seen.Secret.Annotations[certManagerAnnotation]; name != "" {
		return fmt.Errorf("cert-manager makes the Secret %s/%s from the Certificate %s and would replace it again; renew that: cmctl renew %[3]s --namespace %[1]s",
			f.namespace, signer.SecretName, name)
	}
	if force {
		return nil
	}
	if problem := seen.Problem(now); problem != nil {
		return fmt.Errorf("the present authority cannot be used: %w. Nothing was replaced; --force replaces it", problem)
	}
	if !authority.Same(seen.Desired, seen.InUse) {
		return errors.New("the signer does not sign with the present authority yet; nothing was replaced. Wait, or use --force")
	}
	if d := seen.Decide(now, authority.Waits{Retire: defaultRetireWait}); d.Step == authority.StepRetire {
		return fmt.Errorf("the previous rotation is complete at %s; nothing was replaced. Wait, or use --force", d.Until.UTC().Format(time.RFC3339))
	}
	return nil
}
