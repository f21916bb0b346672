package dev.mizzen.dubbo;

import org.apache.dubbo.common.URL;
import org.apache.dubbo.common.utils.Holder;
import org.apache.dubbo.rpc.Invocation;
import org.apache.dubbo.rpc.Invoker;
import org.apache.dubbo.rpc.cluster.router.RouterSnapshotNode;
import org.apache.dubbo.rpc.cluster.router.state.AbstractStateRouter;
import org.apache.dubbo.rpc.cluster.router.state.BitList;

/** Leaves the one invoker whose endpoint the mesh chooses for an attempt. */
final class MeshRouter<T> extends AbstractStateRouter<T> {
    MeshRouter(URL url) {
        super(url);
    }

    @Override
    protected BitList<Invoker<T>> doRoute(BitList<Invoker<T>> invokers, URL url, Invocation invocation, boolean print, Holder<RouterSnapshotNode<T>> node, Holder<String> message) {
        MeshCall call = invocation == null ? null : MeshCall.of(invocation);
        if (call == null) {
            return invokers;
        }
        BitList<Invoker<T>> chosen = new BitList<>(invokers.getOriginList(), true);
        Invoker<T> invoker = call.choose(invokers);
        if (invoker != null) {
            chosen.add(invoker);
        }
        return chosen;
    }
}
