package dev.mizzen.dubbo;

import org.apache.dubbo.common.constants.CommonConstants;
import org.apache.dubbo.common.extension.Activate;
import org.apache.dubbo.rpc.BaseFilter;
import org.apache.dubbo.rpc.Invocation;
import org.apache.dubbo.rpc.Invoker;
import org.apache.dubbo.rpc.Result;
import org.apache.dubbo.rpc.RpcException;
import org.apache.dubbo.rpc.cluster.ClusterInvoker;
import org.apache.dubbo.rpc.cluster.filter.ClusterFilter;
import org.apache.dubbo.rpc.model.ApplicationModel;
import org.apache.dubbo.rpc.model.ScopeModelAware;

/** Decides a call by the routes, once for all its attempts. It is the last filter above the cluster, so rules see what the others add. */
@Activate(group = CommonConstants.CONSUMER, order = Integer.MAX_VALUE)
public final class MeshClusterFilter implements ClusterFilter, BaseFilter.Listener, ScopeModelAware {
    private References references;

    @Override
    public void setApplicationModel(ApplicationModel application) {
        references = application.getBeanFactory().getOrRegisterBean(References.class);
    }

    @Override
    public Result invoke(Invoker<?> invoker, Invocation invocation) throws RpcException {
        Followed service = invoker instanceof ClusterInvoker ? references.get(((ClusterInvoker<?>) invoker).getDirectory()) : null;
        if (service == null) {
            return invoker.invoke(invocation);
        }
        MeshCall call = new MeshCall(service, ((ClusterInvoker<?>) invoker).getDirectory().getConsumerUrl(), invocation);
        try {
            call.begin();
            return invoker.invoke(invocation);
        } catch (RpcException e) {
            throw call.late(e);
        } finally {
            call.restore();
        }
    }

    @Override
    public void onResponse(Result response, Invoker<?> invoker, Invocation invocation) {
        onError(response.getException(), invoker, invocation);
    }

    /** An attempt that no filter ended was never made. */
    @Override
    public void onError(Throwable failure, Invoker<?> invoker, Invocation invocation) {
        MeshCall call = MeshCall.of(invocation);
        if (call != null) {
            call.leave();
        }
    }
}
