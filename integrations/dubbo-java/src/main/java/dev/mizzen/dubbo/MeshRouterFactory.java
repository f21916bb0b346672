package dev.mizzen.dubbo;

import org.apache.dubbo.common.URL;
import org.apache.dubbo.common.extension.Activate;
import org.apache.dubbo.rpc.cluster.router.state.StateRouter;
import org.apache.dubbo.rpc.cluster.router.state.StateRouterFactory;

/** Makes the router of each reference. It comes first, and routers after it see the endpoint that the mesh chose. */
@Activate(order = Integer.MIN_VALUE)
public final class MeshRouterFactory implements StateRouterFactory {
    @Override
    public <T> StateRouter<T> getRouter(Class<T> type, URL url) {
        return new MeshRouter<>(url);
    }
}
