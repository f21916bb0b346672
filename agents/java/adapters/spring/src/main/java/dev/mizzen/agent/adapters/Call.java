package dev.mizzen.agent.adapters;

import dev.mizzen.agent.bridge.Bridge;
import dev.mizzen.agent.bridge.Endpoint;
import dev.mizzen.agent.bridge.Mesh;
import dev.mizzen.agent.bridge.Plan;
import dev.mizzen.agent.bridge.Request;
import dev.mizzen.agent.bridge.Service;
import java.net.URI;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;

/** The request of an application as the routes see it. */
public final class Call implements Request {
    private static final AtomicBoolean BALANCED = new AtomicBoolean();

    private final String method;
    private final URI uri;
    private final Function<String, String> headers;

    private final String lane;

    /** @param headers the values of a header by its name in lower case, joined by a comma; null if there are none */
    public Call(String method, URI uri, Function<String, String> headers) {
        this(method, uri, headers, null);
    }

    public Call(String method, URI uri, Function<String, String> headers, String lane) {
        this.method = method;
        this.uri = uri;
        this.headers = headers;
        this.lane = lane;
    }

    @Override
    public String method() {
        return method;
    }

    @Override
    public String scheme() {
        String scheme = uri.getScheme() == null ? "http" : uri.getScheme().toLowerCase(Locale.ROOT);
        return scheme.equals("lb") || scheme.equals("ws") ? "http" : scheme.equals("wss") ? "https" : scheme;
    }

    @Override
    public String authority() {
        return uri.getPort() > 0 ? uri.getHost() + ":" + uri.getPort() : uri.getHost();
    }

    @Override
    public String path() {
        String path = uri.getRawPath();
        return path == null || path.isEmpty() ? "/" : path;
    }

    @Override
    public String query() {
        return uri.getRawQuery();
    }

    @Override
    public String header(String name) {
        return headers.apply(name);
    }

    @Override
    public String lane() {
        return lane;
    }

    /** Whether the mesh decides a call of the service, by the name that the application uses. */
    public static boolean meshed(Service service, String name, Service.Presence presence) {
        if (presence != Service.Presence.KNOWN || service.mode() == Service.Mode.OFF) {
            if (service.mode() != Service.Mode.OFF) {
                Registry.decides(service, name);
            }
            return false;
        }
        return service.mode() != Service.Mode.REGISTRY_FIRST || Registry.instances(name).isEmpty();
    }

    /** The service that a client without a balancer calls, if there may be one; else null. A call of https is for the certificate of the name, so it is left alone. */
    public static Service plain(Mesh mesh, URI uri) {
        String host = uri.getHost();
        if (host == null || !"http".equalsIgnoreCase(uri.getScheme()) || !mesh.plain(host) || Bridge.calls(host)) {
            return null;
        }
        Service service = mesh.service(host, Math.max(uri.getPort(), 0));
        return service.mode() == Service.Mode.OFF ? null : service;
    }

    /** The message of a call that a limit of its rule ended. */
    static String late(String name, boolean perTry, Plan plan) {
        return name + ": no response within the rule's " + (perTry ? "perTryTimeout of " + plan.perTryTimeoutNanos() / 1_000_000 : "timeout of " + plan.timeoutNanos() / 1_000_000) + " ms";
    }

    /** Says once what callers of balancers do not follow. */
    public static void balanced() {
        if (BALANCED.compareAndSet(false, true)) {
            System.err.println("mizzen: a caller of Spring Cloud's balancers, such as LoadBalancerClient.choose, follows routes, subsets and weights of the mesh, "
                    + "but not its timeouts, retries, faults, rewrites, redirects and header changes");
        }
    }

    /** The URI of a call at an endpoint, with the path and the query that the routes decided. */
    public static URI at(URI uri, Endpoint endpoint, Plan plan) {
        String scheme = uri.getScheme() == null || uri.getScheme().equals("lb") ? "http" : uri.getScheme();
        if (endpoint.secure()) {
            scheme = scheme.equals("http") ? "https" : scheme.equals("ws") ? "wss" : scheme;
        }
        String host = Encrypted.host(endpoint);
        host = host.indexOf(':') >= 0 && !host.startsWith("[") ? "[" + host + "]" : host;
        StringBuilder b = new StringBuilder(scheme).append("://");
        if (uri.getRawUserInfo() != null) {
            b.append(uri.getRawUserInfo()).append('@');
        }
        b.append(host).append(':').append(endpoint.port());
        b.append(plan == null ? uri.getRawPath() : plan.path());
        String query = plan == null ? uri.getRawQuery() : plan.query();
        if (query != null) {
            b.append('?').append(query);
        }
        return URI.create(b.toString());
    }
}
