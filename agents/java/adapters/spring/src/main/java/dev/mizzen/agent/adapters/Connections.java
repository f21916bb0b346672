package dev.mizzen.agent.adapters;

import dev.mizzen.agent.bridge.Adapter;
import dev.mizzen.agent.bridge.HostHeader;
import dev.mizzen.agent.bridge.Mesh;
import dev.mizzen.agent.bridge.Tls;
import java.net.HttpURLConnection;
import java.util.concurrent.atomic.AtomicBoolean;
import javax.net.ssl.HttpsURLConnection;

/** The HttpURLConnections of SimpleClientHttpRequestFactory and of Feign's own client: an attempt that is over must not keep its thread, and a route can set the Host header. */
public final class Connections implements Adapter {
    private static final AtomicBoolean SAID = new AtomicBoolean();
    /** True if HttpURLConnection sends the Host header that a caller sets. */
    private static final boolean ANY_HOST = Boolean.getBoolean("sun.net.http.allowRestrictedHeaders");
    /** The attempt that this thread makes. */
    static final ThreadLocal<Connections.Attempt> CURRENT = new ThreadLocal<>();
    /** The TLS of the connection that this thread makes, if the mesh demands it, until the connection has it. */
    static final ThreadLocal<Tls> ENCRYPTED = new ThreadLocal<>();

    public Connections(Mesh mesh) {
    }

    /** What an attempt asks of its connection. The limits are in milliseconds; 0 means that there is none. */
    static final class Attempt {
        final int connect, read;
        final String host;

        Attempt(int connect, int read, String host) {
            this.connect = connect;
            this.read = read;
            this.host = host;
        }
    }

    /** prepareConnection(connection, method), or getConnection(url), whose result is the connection. */
    @Override
    public Object after(Object result, Object self, Object a, Object b) {
        Attempt attempt = CURRENT.get();
        Tls tls = ENCRYPTED.get();
        HttpURLConnection connection = (HttpURLConnection) (result != null ? result : a);
        if (tls != null) {
            ((HttpsURLConnection) connection).setSSLSocketFactory(tls.sockets());
            ((HttpsURLConnection) connection).setHostnameVerifier(tls.verifier());
            ENCRYPTED.remove();
        }
        if (attempt != null) {
            connection.setConnectTimeout(shorter(shorter(connection.getConnectTimeout(), attempt.connect), attempt.read));
            connection.setReadTimeout(shorter(connection.getReadTimeout(), attempt.read));
            if (attempt.host != null && !ANY_HOST) {
                host(connection, attempt.host);
            }
        }
        return result;
    }

    private static void host(HttpURLConnection connection, String host) {
        try {
            HostHeader.set(connection, host);
        } catch (ReflectiveOperationException | RuntimeException e) {
            if (SAID.compareAndSet(false, true)) {
                System.err.println("mizzen: HttpURLConnection of this JDK cannot send another Host header: " + e + "; rewrites of the authority are not followed. "
                        + "Set -Dsun.net.http.allowRestrictedHeaders=true, or use another HTTP client");
            }
        }
    }

    /** The shorter of two limits; 0 means no limit. */
    static int shorter(int a, int b) {
        return a == 0 ? b : b == 0 ? a : Math.min(a, b);
    }
}
