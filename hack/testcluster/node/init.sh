#!/usr/bin/env bash
# The first process of a node: it sets up the node's namespaces and starts its daemons, and the node ends with it. Its
# argument, the node's directory, identifies the process.
set -euo pipefail
: "${here:?}" "${state:?}" "${bin:?}" "${dir:?}" "${index:?}" "${zone:?}" "${nodes_at:?}" "${pods_at:?}" "${services_at:?}"
node=node-$index address=$nodes_at.0.$((index + 1)) pods=$pods_at.$index.0/24 first=$nodes_at.0.1
export CONTAINERD_ADDRESS=/run/containerd/containerd.sock

kubectl() { "$bin/kubectl" --kubeconfig="$state/admin.kubeconfig" "$@"; }

say() {
	local tenths=$(((${EPOCHREALTIME/[.,]/} - began) / 100000))
	printf '%3d.%d s  %s\n' $((tenths / 10)) $((tenths % 10)) "$*"
}

# daemon NAME COMMAND... starts a daemon that logs to NAME.log. await fails if a daemon ends too early.
daemon() {
	local name=$1
	shift
	nice -n 5 "$@" >"$dir/$name.log" 2>&1 &
	daemons[$!]=$name
	echo $! >"$dir/$name.pid"
}

# await WHAT COMMAND... repeats the command until it succeeds.
await() {
	local what=$1 pid
	shift
	until "$@" >/dev/null 2>&1; do
		for pid in "${!daemons[@]}"; do
			kill -0 "$pid" 2>/dev/null && continue
			echo "${daemons[$pid]} has ended; the end of its log:"
			tail -n 5 "$dir/${daemons[$pid]}.log"
			exit 1
		done
		sleep 0.1
	done
	say "$what"
}

# render FILE writes one of the templates beside this script to the node's directory.
render() {
	mkdir -p "$(dirname "$dir/$1")"
	sed "s|@state@|$state|g; s|@dir@|$dir|g; s|@node@|$node|g; s|@address@|$address|g; s|@pods@|$pods|g; s|@first@|$first|g" \
		"$here/node/${1##*/}" >"$dir/$1"
}

# own mounts what must differ from the machine. Shims, CNI and kubelet use paths below /run, /var/lib and /var/log
# that are not configurable.
own() {
	local name sysctl
	mount -t proc proc /proc
	mount -t sysfs sysfs /sys
	mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup
	while read -r name; do
		name=${name#/sys/fs/cgroup/}
		name=${name%%/*}
		mkdir "/sys/fs/cgroup/$name"
		mount -t cgroup -o "${name/#systemd/name=systemd}" cgroup "/sys/fs/cgroup/$name"
	done <"$dir/cgroups"
	for name in /run /var/lib /var/log; do mount -t tmpfs -o mode=755 tmpfs $name; done
	mkdir -p "$dir/kubelet" /var/lib/kubelet
	mount --bind "$dir/kubelet" /var/lib/kubelet
	# Kubelet would set these sysctls for the whole machine if they did not already read as it needs them.
	for sysctl in vm/overcommit_memory=1 kernel/panic=10 kernel/panic_on_oops=1; do
		name=/run/${sysctl//\//.}
		echo "${sysctl#*=}" >"$name"
		mount --bind "$name" "/proc/sys/${sysctl%=*}"
	done
	printf 'nameserver %s\nsearch svc.cluster.local cluster.local\n' "$first" >/run/resolv.conf
	# On some machines it is a link to a file below /run, which is now hidden.
	[[ -e /etc/resolv.conf || ! -L /etc/resolv.conf ]] || install -D /dev/null "$(readlink -m /etc/resolv.conf)"
	mount --bind /run/resolv.conf /etc/resolv.conf
}

# connect gives the node its address. Node 0 has a dummy link. Each other node has a link to node 0, which is its
# router.
connect() {
	local router=() network
	hostname "$node"
	ip link set lo up
	sysctl -qw net.ipv4.ip_forward=1
	if ((index == 0)); then
		ip link add name uplink type veth peer name nowhere
		ip link set nowhere up
	else
		router=(via "$first" onlink)
		network=/proc/$(cat "$state/node-0/pid")/ns/net
		ip link add name uplink type veth peer name "$node" netns "$network"
		nsenter --net="$network" ip link set "$node" up
		nsenter --net="$network" ip route add "$address" dev "$node"
		nsenter --net="$network" ip route add "$pods" via "$address" dev "$node"
	fi
	ip address add "$address/32" dev uplink
	ip link set uplink up
	ip route add default "${router[@]}" dev uplink
}

containerd_up() {
	render containerd.toml
	render cni/10-pods.conflist
	daemon containerd containerd --config "$dir/containerd.toml"
	"$bin/image" -name mesh.test/pause:1 -tar "$dir/pause.tar" "$bin/pause" >/dev/null
	await "containerd runs" ctr version
	ctr --namespace k8s.io images import "$dir/pause.tar" >/dev/null
	ctr --namespace k8s.io images label mesh.test/pause:1 io.cri-containerd.pinned=pinned >/dev/null
}

kubelet_up() {
	render kubelet.yaml
	daemon kubelet "$bin/kubelet" --config="$dir/kubelet.yaml" --kubeconfig="$state/kubelet-$index.kubeconfig" \
		--hostname-override="$node" --node-ip="$address" --cert-dir=/var/lib/kubelet/pki \
		--node-labels="topology.kubernetes.io/zone=$zone,topology.kubernetes.io/region=region-1"
	daemon kube-proxy "$bin/kube-proxy" --kubeconfig="$state/proxy.kubeconfig" --proxy-mode=nftables \
		--hostname-override="$node" --cluster-cidr="$pods_at.0.0/16" --nodeport-addresses="$address/32" \
		--metrics-bind-address="$address:10249" --healthz-bind-address="$address:10256" \
		--conntrack-max-per-core=0 --conntrack-tcp-timeout-established=0 --conntrack-tcp-timeout-close-wait=0
}

# ready reports whether the node accepts pods.
ready() {
	[[ $(kubectl get node "$node" -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}{.spec.taints}') == True ]]
}

# shellcheck source=hack/testcluster/node/plane.sh
((index > 0)) || source "$here/node/plane.sh"

declare -A daemons=()
began=${EPOCHREALTIME/[.,]/}
trap 'exit 0' TERM
# Here /proc is still the machine's, in which this process has another ID than 1. The ID must be read by the shell
# itself, because a command would read its own.
read -r pid _ </proc/self/stat
mount --make-rprivate /
connect
own
echo "$pid" >"$dir/pid"
((index > 0)) || plane_start
containerd_up
((index > 0)) || plane_await
kubelet_up
await "$node is ready" ready
# As the controller that allocates ranges for pods does in other clusters. Its first address is the bridge, from which kubelet probes.
kubectl patch node "$node" --patch "{\"spec\": {\"podCIDR\": \"$pods\", \"podCIDRs\": [\"$pods\"]}}" >/dev/null
((index > 0)) || plane_last
echo ready | tee "$dir/ready"
while :; do wait; done
