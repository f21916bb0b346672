package installation

import (
	"context"
	"fmt"
	"path"
	"strings"

	corev1 "k8s.io/api/core/v1"
	utilversion "k8s.io/apimachinery/pkg/util/version"
)

// agentLabel is the label of namespaces whose pods get the Java agent, and java its value.
const (
	agentLabel = "mizzen.dev/agent"
	java       = "java"
)

// The values of the key agent of the ConfigMap.
const (
	agentInit  = "init"
	agentImage = "image"
	agentOwn   = "own"
)

// agentOrigins tells for each value of the key agent where pods have the agent from.
var agentOrigins = map[string]string{
	agentInit:  "an init container that copies it from %s",
	agentImage: "the mounted image %s",
	agentOwn:   "the file %s in the application's image",
}

// runtimes has, for each container runtime, the first version that mounts images.
var runtimes = map[string]string{"containerd": "2.1", "cri-o": "1.33"}

// checkAgent checks how Java applications get the agent.
func (c *cluster) checkAgent(ctx context.Context) ([]Finding, error) {
	config, err := get[corev1.ConfigMap](ctx, c, configMaps, c.Namespace, injection)
	if err != nil || config == nil {
		return nil, err // checkBootstrap reports it
	}
	selected, findings, err := c.labeled(ctx, agentLabel, java, "the Java agent")
	if err != nil {
		return nil, err
	}
	key := func(name string) string {
		return fmt.Sprintf("The key %s of the ConfigMap %s/%s", name, c.Namespace, injection)
	}
	origin, image, jar := config.Data["agent"], config.Data["agent-image"], config.Data["agent-jar"]
	if _, known := agentOrigins[origin]; !known {
		if origin != "" {
			findings = append(findings, warn("Set it to init, image or own.", "%s is %q. It is ignored, and an init container copies the agent.", key("agent"), origin))
		}
		origin = agentInit
	}
	from := image
	if origin == agentOwn {
		if from = jar; jar == "" {
			from = "/mizzen-agent.jar"
		}
		if !path.IsAbs(from) {
			findings = append(findings, fail("Write a path that starts with /.", "%s is %q, which is not a path. JVMs do not find the agent and do not start.", key("agent-jar"), jar))
		}
	} else {
		of, err := c.checkAgentImage(ctx, key("agent-image"), image)
		if err != nil {
			return nil, err
		}
		findings = append(findings, of...)
	}
	if origin == agentImage {
		of, err := c.checkRuntimes(ctx)
		if err != nil {
			return nil, err
		}
		findings = append(findings, of...)
	}
	if len(findings) > 0 {
		return findings, nil
	}
	where := "annotated pods"
	if len(selected) > 0 {
		where += " and in " + count(len(selected), "namespace") + ", " + names(selected)
	}
	return one(ok("Java applications get the agent by "+agentOrigins[origin]+": in %s.", from, where))
}

// checkAgentImage compares the agent's image with the control plane's.
func (c *cluster) checkAgentImage(ctx context.Context, key, image string) ([]Finding, error) {
	if image == "" {
		return one(warn("Set it to the control plane's image.", "%s is missing. Pods do not get the Java agent.", key))
	}
	d, err := c.deployment(ctx)
	if err != nil {
		return nil, err
	}
	for i := range d.Spec.Template.Spec.Containers {
		if imageVersion(d.Spec.Template.Spec.Containers[i].Image) == imageVersion(image) {
			return nil, nil
		}
	}
	return one(warn("Set it to the control plane's image.", "%s is %s, which has another version than the control plane.", key, image))
}

// imageVersion returns the tag or the digest of an image with its separator; empty if there is none.
func imageVersion(image string) string {
	image = image[strings.LastIndexByte(image, '/')+1:]
	if at := strings.IndexAny(image, ":@"); at >= 0 {
		return image[at:]
	}
	return ""
}

// checkRuntimes finds the nodes whose container runtime does not mount images.
func (c *cluster) checkRuntimes(ctx context.Context) ([]Finding, error) {
	all, err := list[corev1.Node](ctx, c, nodes, "", "")
	if err != nil {
		return nil, err
	}
	var old []string
	for i := range all {
		runtime := all[i].Status.NodeInfo.ContainerRuntimeVersion
		name, version, _ := strings.Cut(runtime, "://")
		first, known := runtimes[name]
		if !known {
			continue
		}
		// Distributions add their own suffixes, such as 1.6.20~ds1.
		parsed, err := utilversion.ParseGeneric(version)
		if err == nil && parsed.LessThan(utilversion.MustParseGeneric(first)) {
			old = append(old, fmt.Sprintf("%s (%s)", all[i].Name, runtime))
		}
	}
	if len(old) == 0 {
		return nil, nil
	}
	return one(fail("Set the key agent to init, or upgrade their container runtime to containerd 2.1 or CRI-O 1.33.",
		"These nodes cannot mount the image with the Java agent: %s. Pods with the agent do not start there.", names(old)))
}
