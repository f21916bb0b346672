package dev.mizzen.agent.adapters;

import dev.mizzen.agent.bridge.Endpoint;
import dev.mizzen.agent.bridge.Mesh;
import dev.mizzen.agent.bridge.Plan;
import dev.mizzen.agent.bridge.Service;
import java.io.Closeable;
import java.io.IOException;
import java.net.URI;
import java.net.UnknownHostException;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.function.Function;

/** A call of a library that knows no registry, on the thread of the caller: the library itself is told the limits. */
abstract class RawCall<R> extends Blocking<R> {
    final URI uri;

    RawCall(Service service, String method, URI uri, Function<String, Collection<String>> headers) {
        super(uri.getHost(), service, service.plan(new Call(method, uri, name -> HeaderMap.joined(headers.apply(name)))));
        this.uri = uri;
    }

    /** The service of a call, if the mesh decides it. A service that the registry may have is left alone. */
    static Service service(Mesh mesh, URI uri) {
        Service service = Call.plain(mesh, uri);
        return service != null && service.mode() != Service.Mode.REGISTRY_FIRST && service.await() == Service.Presence.KNOWN ? service : null;
    }

    /** The headers to send. */
    static HeaderMap edited(HeaderMap headers, Plan plan) {
        headers.edit(plan.requestHeaders());
        if (plan.host() != null) {
            headers.set("Host", plan.host());
        }
        return headers;
    }

    /** The path and the query. */
    static String target(URI at) {
        return at.getRawPath() + (at.getRawQuery() == null ? "" : "?" + at.getRawQuery());
    }

    /** The shortest of limits. The library's own may be 0 or -1 if it is not set. */
    static int shortest(int own, int a, int b) {
        int limit = Connections.shorter(Connections.shorter(Math.max(own, 0), a), b);
        return limit == 0 ? own : limit;
    }

    static void close(Closeable response) {
        try {
            response.close();
        } catch (IOException e) {
            return; // its connection is closed
        }
    }

    @Override
    final List<Endpoint> registry() {
        return Collections.emptyList();
    }

    @Override
    final boolean limited() {
        return true;
    }

    @Override
    final R unavailable(String failure) throws IOException {
        throw new UnknownHostException("No instances available for " + name + ": " + failure);
    }
}
