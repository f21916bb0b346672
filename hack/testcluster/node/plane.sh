# shellcheck shell=bash
# shellcheck disable=SC2154 # init.sh, which sources this file, sets the variables
# The control plane, on node 0 only: etcd, API server, controllers, scheduler and CoreDNS.

# controllers are the controllers that tests need. With all controllers the first pod would start six seconds later.
controllers=serviceaccount-controller,serviceaccount-token-controller,root-ca-certificate-publisher-controller
controllers+=,namespace-controller,garbage-collector-controller,pod-garbage-collector-controller,clusterrole-aggregation-controller
controllers+=,deployment-controller,replicaset-controller,statefulset-controller,daemonset-controller,job-controller
controllers+=,endpoints-controller,endpointslice-controller,endpointslice-mirroring-controller,disruption-controller
controllers+=,node-lifecycle-controller,taint-eviction-controller,persistentvolume-attach-detach-controller
controllers+=,podcertificaterequest-cleaner-controller

plane_start() {
	local etcd=http://$address:2379 peers=http://$address:2380
	daemon etcd "$bin/etcd" --name=test --data-dir="$dir/etcd" --unsafe-no-fsync --log-level=warn \
		--listen-client-urls="$etcd" --advertise-client-urls="$etcd" \
		--listen-peer-urls="$peers" --initial-advertise-peer-urls="$peers" --initial-cluster=test="$peers"
	daemon kube-apiserver "$bin/kube-apiserver" --etcd-servers="$etcd" --bind-address="$address" --advertise-address="$address" \
		--secure-port=6443 --service-cluster-ip-range="$services_at.0.0/16" --allow-privileged \
		--authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction \
		--tls-cert-file="$state/pki/apiserver.crt" --tls-private-key-file="$state/pki/apiserver.key" \
		--client-ca-file="$state/pki/ca.crt" --service-account-issuer=https://kubernetes.default.svc.cluster.local \
		--service-account-key-file="$state/pki/sa.pub" --service-account-signing-key-file="$state/pki/sa.key" \
		--kubelet-client-certificate="$state/pki/admin.crt" --kubelet-client-key="$state/pki/admin.key" \
		--kubelet-certificate-authority="$state/pki/ca.crt" --kubelet-preferred-address-types=InternalIP
}

plane_await() {
	local config=$state/controllers.kubeconfig
	await "the API server is ready" kubectl get --raw=/readyz
	daemon kube-controller-manager "$bin/kube-controller-manager" --kubeconfig="$config" --authentication-kubeconfig="$config" \
		--authorization-kubeconfig="$config" --leader-elect=false --bind-address="$address" --use-service-account-credentials \
		--service-account-private-key-file="$state/pki/sa.key" --root-ca-file="$state/pki/ca.crt" --controllers="$controllers"
	config=$state/scheduler.kubeconfig
	daemon kube-scheduler "$bin/kube-scheduler" --kubeconfig="$config" --authentication-kubeconfig="$config" \
		--authorization-kubeconfig="$config" --leader-elect=false --bind-address="$address"
	render Corefile
	daemon coredns "$bin/coredns" -conf "$dir/Corefile"
}

plane_last() {
	await "pods have their account" kubectl --namespace default get serviceaccount default
	await "names resolve" curl --silent --fail --output /dev/null "http://$first:8181/ready"
}
