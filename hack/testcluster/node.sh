#!/usr/bin/env bash
# A real Kubernetes cluster on this machine, in its own namespaces: etcd, API server, controllers, scheduler, CoreDNS,
# and nodes with kubelet, kube-proxy, containerd and runc. No Docker and no registry. It needs root and cgroup v1.
# build.sh builds the binaries.
#
#   node.sh check                 print what is missing on this machine
#   node.sh up [ZONE]             start the cluster with node-0, in zone-a if no other is given
#   node.sh join INDEX ZONE       add node-INDEX, for example: join 1 zone-b
#   node.sh lose INDEX            kill a node, as if its power had failed; join starts it again with its data
#   node.sh load IMAGE BINARY [SOURCE:DESTINATION...]
#                                 make an image of a static binary and of other files and load it on all nodes
#   node.sh k ARGUMENTS           kubectl
#   node.sh sh COMMAND            run a command on node-0, or on node-$NODE
#   node.sh stop | continue       stop the API server, so that it answers nothing and connections stay, and let it go on
#   node.sh link A B              connect the clusters whose directories are A and B: their nodes and pods reach each other
#   node.sh unlink A B            remove that
#   node.sh cut A B               drop, in A, every packet to and from the API server of B; other packets pass
#   node.sh mend A B              end that
#   node.sh down                  stop everything and remove it
#   node.sh run INDEX ZONE        the node in the foreground, which up and join start; it prints "ready" when it is ready
#
# NODE_STATE is the directory for everything that the cluster writes. Clusters with different directories do not
# affect each other. NODE_NETWORKS are the first halves of the addresses of nodes, pods and Services, which clusters
# that are to be linked must not share: "10.77 10.244 10.96" if it is not set. `up` and `run 0` write them down.
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin
here=$(dirname "$(readlink -f "$0")")
export here state=${NODE_STATE:-/var/tmp/mizzen-node} bin=${TESTCLUSTER_BIN:-$here/bin}
binaries="etcd kube-apiserver kube-controller-manager kube-scheduler kube-proxy kubelet kubectl coredns pause image"
read -r nodes_at pods_at services_at < <(cat "$state/networks" 2>/dev/null || echo "${NODE_NETWORKS:-10.77 10.244 10.96}")
export nodes_at pods_at services_at
controllers="cpu cpuacct cpuset memory devices freezer blkio pids systemd"

fail() {
	echo "node: $*" >&2
	exit 1
}

# pid N prints the first process of node N, which wrote its ID to a file. It prints nothing if another process has
# that ID now.
pid() {
	local pid
	pid=$(cat "$state/node-$1/pid" 2>/dev/null) && [[ -r /proc/$pid/cmdline ]] &&
		tr '\0' '\n' <"/proc/$pid/cmdline" | grep -qFx "$state/node-$1" && echo "$pid"
}

# inside N COMMAND... runs a command in all namespaces of node N.
inside() {
	local pid
	pid=$(pid "$1") || fail "node-$1 is not running"
	nsenter --target "$pid" --mount --net --pid --uts --ipc --cgroup --wdns="$PWD" -- "${@:2}"
}

# hierarchy CONTROLLER prints the directory of this process in a hierarchy of cgroup v1. The cgroups of nodes are made
# below it.
hierarchy() {
	local name=$1 path
	[[ $name = systemd ]] && name=name=systemd
	path=$(awk -F: -v want="$name" '{ split($2, names, ","); for (i in names) if (names[i] == want) print $3 }' /proc/self/cgroup)
	[[ -n $path ]] && echo "/sys/fs/cgroup/$1${path%/}"
}

# check prints all that is missing, and how to get it.
check() {
	local missing=() packages=() absent=() name
	if [[ $EUID != 0 ]]; then
		missing+=("root: run it as root")
	else
		unshare --mount --net --pid --uts --ipc --fork true 2>/dev/null || missing+=("namespaces: this machine does not allow them (unshare)")
		for name in $controllers; do [[ -w $(hierarchy "$name")/tasks ]] || absent+=("$name"); done
		((${#absent[@]} == 0)) || missing+=("cgroup v1 with ${absent[*]}: boot with systemd.unified_cgroup_hierarchy=0")
	fi
	need() { command -v "$2" >/dev/null || packages+=("$1"); }
	need containerd containerd
	need runc runc
	need containernetworking-plugins /usr/lib/cni/bridge
	need iproute2 ip
	need nftables nft
	need conntrack conntrack
	need iptables iptables
	need util-linux nsenter
	need openssl openssl
	need curl curl
	need procps sysctl
	/usr/bin/python3 -c 'import grpc' 2>/dev/null || packages+=(python3-grpcio) # a client in pods
	((${#packages[@]} == 0)) || missing+=("packages: apt-get install --no-install-recommends ${packages[*]}")
	absent=()
	for name in $binaries; do [[ -x $bin/$name ]] || absent+=("$name"); done
	((${#absent[@]} == 0)) || missing+=("${absent[*]} in $bin: run hack/testcluster/build.sh")
	for name in "$state" "$bin" "$here"; do
		case $(readlink -m "$name") in
		/run/* | /var/lib/* | /var/log/*) missing+=("another place for $name: a node has /run, /var/lib and /var/log of its own") ;;
		esac
	done
	((${#missing[@]})) || return 0
	printf 'node: missing: %s\n' "${missing[@]}" >&2
	return 1
}

# limits N makes the cgroups of node N and moves this process into them.
limits() {
	local name parent dir
	for name in $controllers; do
		parent=$(hierarchy "$name")
		dir=$parent/mizzen-$(basename "$state")-$1
		mkdir -p "$dir"
		echo "$dir" >>"$state/node-$1/cgroups"
		if [[ $name = cpuset ]]; then # it accepts a process only after it has CPUs and memory
			cat "$parent/cpuset.cpus" >"$dir/cpuset.cpus"
			cat "$parent/cpuset.mems" >"$dir/cpuset.mems"
		fi
		echo $$ >"$dir/cgroup.procs"
	done
}

run() {
	check || exit 1
	export index=$1 zone=$2 dir=$state/node-$1
	pid "$index" >/dev/null && fail "node-$index is running"
	mkdir -p "$dir"
	rm -f "$dir/ready" "$dir/cgroups"
	echo "$nodes_at $pods_at $services_at" >"$state/networks"
	"$here/node/pki.sh"
	limits "$index"
	# When its first process ends, all processes of its PID namespace end, and with the last one its mounts, links and
	# shims.
	exec unshare --mount --net --pid --uts --ipc --cgroup --fork --kill-child "$here/node/init.sh" "$dir" </dev/null
}

# start runs a node in the background and waits until it is ready.
start() {
	mkdir -p "$state/node-$1"
	rm -f "$state/node-$1/ready"
	setsid "$0" run "$@" >"$state/node-$1/log.txt" 2>&1 &
	until [[ -e $state/node-$1/ready ]]; do
		kill -0 $! 2>/dev/null || { cat "$state/node-$1/log.txt" >&2 && exit 1; }
		sleep 0.1
	done
	cat "$state/node-$1/log.txt"
}

lose() {
	local pid
	pid=$(pid "$1") || fail "node-$1 is not running"
	kill -KILL "$pid"
	while [[ -e /proc/$pid ]]; do sleep 0.05; done
}

load() {
	local tar=$state/image.tar files=() file node
	for file in "${@:3}"; do files+=(-file "$file"); done
	"$bin/image" -name "$1" -tar "$tar" "${files[@]}" "$2" >/dev/null
	for node in "$state"/node-*; do
		inside "${node##*-}" ctr --namespace k8s.io images import "$tar" >/dev/null
	done
}

# stop and continue signal the API server. Its ID is that in the namespaces of node 0.
stop() { signal STOP; }
continue_() { signal CONT; }
signal() { inside 0 sh -c "kill -$1 \$(cat '$state/node-0/kube-apiserver.pid')"; }

# of STATE COMMAND... runs a command in the network of a cluster's node 0, and in this machine's other namespaces.
of() {
	local pid
	pid=$(state=$(readlink -m "$1") pid 0) || fail "no cluster runs in $1"
	nsenter --target "$pid" --net -- "${@:2}"
}

# networks STATE prints the first halves of a cluster's addresses.
networks() { cat "$1/networks" 2>/dev/null || fail "no cluster in $1"; }

# link joins the two nodes that route for their clusters. Each end is named after the other cluster.
link() {
	local a b from to nodes pods
	a=$(readlink -m "$1") b=$(readlink -m "$2")
	read -r nodes _ < <(networks "$b") && read -r pods _ < <(networks "$a")
	of "$a" ip link add name "to-$nodes" type veth peer name "to-$pods" netns "$(state=$b pid 0)"
	for from in "$a" "$b"; do
		[[ $from = "$a" ]] && to=$b || to=$a
		read -r nodes pods _ < <(networks "$to")
		of "$from" ip link set "to-$nodes" up
		of "$from" ip route add "$nodes.0.0/16" via "$nodes.0.1" dev "to-$nodes" onlink
		[[ $pods == "$(networks "$from" | cut -d' ' -f2)" ]] || of "$from" ip route add "$pods.0.0/16" via "$nodes.0.1" dev "to-$nodes" onlink
	done
}

unlink() {
	local nodes
	read -r nodes _ < <(networks "$2")
	of "$1" ip link delete "to-$nodes"
}

cut_() {
	local nodes
	read -r nodes _ < <(networks "$2")
	of "$1" nft -f - <<-END
		table ip cut-$nodes {
			chain forward { type filter hook forward priority -1; ip saddr $nodes.0.1 drop; ip daddr $nodes.0.1 drop; }
			chain input { type filter hook input priority -1; ip saddr $nodes.0.1 drop; }
			chain output { type filter hook output priority -1; ip daddr $nodes.0.1 drop; }
		}
	END
}

mend() {
	local nodes
	read -r nodes _ < <(networks "$2")
	of "$1" nft delete table ip "cut-$nodes"
}

down() {
	local node pid dir
	for node in "$state"/node-*; do
		if pid=$(pid "${node##*-}"); then
			kill -KILL "$pid"
			while [[ -e /proc/$pid ]]; do sleep 0.05; done
		fi
		# A cgroup can be removed after the kernel has removed the last of its processes.
		while read -r dir; do
			for _ in {1..50}; do
				[[ ! -d $dir ]] || find "$dir" -depth -type d -exec rmdir {} + 2>/dev/null || { sleep 0.1 && continue; }
				break
			done
		done < <(cat "$node/cgroups" 2>/dev/null)
	done
	rm -rf --one-file-system "$state"
}

command=${1:-help}
(($# == 0)) || shift
case $command in
check | run | lose | load | stop | link | unlink | mend | down) "$command" "$@" ;;
continue | cut) "${command}_" "$@" ;;
up) start 0 "${1:-zone-a}" ;;
join) start "$@" ;;
k) inside 0 "$bin/kubectl" --kubeconfig="$state/admin.kubeconfig" "$@" ;;
sh) inside "${NODE:-0}" "$@" ;;
*) sed -n '2,/^set/s/^# \{0,1\}//p' "$0" ;;
esac
