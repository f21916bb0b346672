package installation

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// The structs below have what is looked at of objects whose API groups are not linked.

type deployment struct {
	Spec struct {
		Replicas *int32                 `json:"replicas"`
		Selector *metav1.LabelSelector  `json:"selector"`
		Template corev1.PodTemplateSpec `json:"template"`
	} `json:"spec"`
	Status struct {
		Conditions []struct{ Type, Status, Message string } `json:"conditions"`
	} `json:"status"`
}

// flag returns the value of a flag of the control plane, or fallback if it is not set.
func (d *deployment) flag(name, fallback string) string {
	value := fallback
	for i := range d.Spec.Template.Spec.Containers {
		container := &d.Spec.Template.Spec.Containers[i]
		args := append(append([]string(nil), container.Command...), container.Args...)
		for j, arg := range args {
			if text, found := strings.CutPrefix(arg, "--"+name+"="); found {
				value = text
			} else if arg == "--"+name && j+1 < len(args) {
				value = args[j+1]
			}
		}
	}
	return value
}

// condition returns the message of a condition that is true; empty if it is not.
func (d *deployment) condition(kind string) string {
	for _, c := range d.Status.Conditions {
		if c.Type == kind && c.Status == "True" {
			return c.Message
		}
	}
	return ""
}

// account is the name of the control plane's ServiceAccount.
func (d *deployment) account() string {
	if name := d.Spec.Template.Spec.ServiceAccountName; name != "" {
		return name
	}
	return "default"
}

type trustBundle struct {
	Spec struct {
		SignerName  string `json:"signerName"`
		TrustBundle string `json:"trustBundle"`
	} `json:"spec"`
}

// csiNode has the CSI drivers of a node.
type csiNode struct {
	metav1.ObjectMeta `json:"metadata"`

	Spec struct {
		Drivers []nodeDriver `json:"drivers"`
	} `json:"spec"`
}

type nodeDriver struct {
	Name string `json:"name"`
}

type lease struct {
	Spec struct {
		HolderIdentity       string            `json:"holderIdentity"`
		LeaseDurationSeconds int               `json:"leaseDurationSeconds"`
		RenewTime            *metav1.MicroTime `json:"renewTime"`
	} `json:"spec"`
}

type disruptionBudget struct {
	metav1.ObjectMeta `json:"metadata"`

	Spec struct {
		Selector *metav1.LabelSelector `json:"selector"`
	} `json:"spec"`
	Status struct {
		DisruptionsAllowed int `json:"disruptionsAllowed"`
		CurrentHealthy     int `json:"currentHealthy"`
		ExpectedPods       int `json:"expectedPods"`
	} `json:"status"`
}

type admissionPolicy struct {
	Spec struct {
		MatchConstraints struct {
			NamespaceSelector *metav1.LabelSelector `json:"namespaceSelector"`
		} `json:"matchConstraints"`
	} `json:"spec"`
}

type admissionBinding struct {
	Spec struct {
		PolicyName string `json:"policyName"`
		ParamRef   *struct {
			Name      string `json:"name"`
			Namespace string `json:"namespace"`
		} `json:"paramRef"`
	} `json:"spec"`
}

// networkPolicy is a NetworkPolicy.
type networkPolicy struct {
	metav1.ObjectMeta `json:"metadata"`

	Spec struct {
		PodSelector metav1.LabelSelector `json:"podSelector"`
		PolicyTypes []string             `json:"policyTypes"`
		Ingress     []networkRule        `json:"ingress"`
		Egress      []networkRule        `json:"egress"`
	} `json:"spec"`
}

// networkRule is a rule for one direction: From is set in ingress, To in egress.
type networkRule struct {
	From  []networkPeer `json:"from"`
	To    []networkPeer `json:"to"`
	Ports []struct {
		Protocol string              `json:"protocol"`
		Port     *intstr.IntOrString `json:"port"`
		EndPort  int32               `json:"endPort"`
	} `json:"ports"`
}

type networkPeer struct {
	PodSelector       *metav1.LabelSelector `json:"podSelector"`
	NamespaceSelector *metav1.LabelSelector `json:"namespaceSelector"`
	IPBlock           *struct {
		CIDR   string   `json:"cidr"`
		Except []string `json:"except"`
	} `json:"ipBlock"`
}

type role struct {
	metav1.ObjectMeta `json:"metadata"`

	Rules []rule `json:"rules"`
}

type rule struct {
	Verbs           []string `json:"verbs"`
	APIGroups       []string `json:"apiGroups"`
	Resources       []string `json:"resources"`
	ResourceNames   []string `json:"resourceNames"`
	NonResourceURLs []string `json:"nonResourceURLs"`
}

type roleBinding struct {
	RoleRef struct {
		Kind string `json:"kind"`
		Name string `json:"name"`
	} `json:"roleRef"`
	Subjects []struct {
		Kind      string `json:"kind"`
		Name      string `json:"name"`
		Namespace string `json:"namespace"`
	} `json:"subjects"`
}

// selects reports whether a selector of an object selects something with these labels. A nil selector selects nothing,
// and an invalid one, which no API server accepts, too.
func selects(selector *metav1.LabelSelector, of map[string]string) bool {
	s, err := metav1.LabelSelectorAsSelector(selector)
	return err == nil && s.Matches(labels.Set(of))
}
