package dev.mizzen.agent.adapters;

import dev.mizzen.agent.bridge.Adapter;
import dev.mizzen.agent.bridge.Mesh;
import java.net.HttpURLConnection;

/** The connections of SimpleClientHttpRequestFactory: an attempt that is over must not keep its thread. */
public final class Connections implements Adapter {
    public Connections(Mesh mesh) {
    }

    @Override
    public Object after(Object result, Object self, Object a, Object b) {
        int[] limits = Blocking.LIMITS.get();
        if (limits != null) {
            HttpURLConnection connection = (HttpURLConnection) a;
            connection.setConnectTimeout(shorter(shorter(connection.getConnectTimeout(), limits[0]), limits[1]));
            connection.setReadTimeout(shorter(connection.getReadTimeout(), limits[1]));
        }
        return result;
    }

    private static int shorter(int a, int b) {
        return a == 0 ? b : b == 0 ? a : Math.min(a, b);
    }
}
