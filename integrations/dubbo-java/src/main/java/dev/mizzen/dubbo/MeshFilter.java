package dev.mizzen.dubbo;

import org.apache.dubbo.common.constants.CommonConstants;
import org.apache.dubbo.common.extension.Activate;
import org.apache.dubbo.rpc.Filter;
import org.apache.dubbo.rpc.Invocation;
import org.apache.dubbo.rpc.Invoker;
import org.apache.dubbo.rpc.Result;
import org.apache.dubbo.rpc.RpcException;

/** Notes how each attempt of a call ends. */
@Activate(group = CommonConstants.CONSUMER)
public final class MeshFilter implements Filter, Filter.Listener {
    @Override
    public Result invoke(Invoker<?> invoker, Invocation invocation) throws RpcException {
        return invoker.invoke(invocation);
    }

    @Override
    public void onResponse(Result response, Invoker<?> invoker, Invocation invocation) {
        onError(response.getException(), invoker, invocation);
    }

    @Override
    public void onError(Throwable failure, Invoker<?> invoker, Invocation invocation) {
        MeshCall call = MeshCall.of(invocation);
        if (call != null) {
            call.ended(failure);
        }
    }
}
