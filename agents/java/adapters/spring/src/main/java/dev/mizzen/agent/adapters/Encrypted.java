package dev.mizzen.agent.adapters;

import dev.mizzen.agent.bridge.Endpoint;
import java.lang.ref.WeakReference;
import java.net.URI;
import java.util.Map;
import java.util.WeakHashMap;
import java.util.concurrent.ConcurrentHashMap;
import javax.net.ssl.SSLException;

/**
 * Endpoints that the mesh encrypts calls to. A URI has them under a name that cannot be resolved. Only a client library that is given the mesh's
 * certificates for this call gets the address, so any other one fails: it sends nothing, neither in plain text nor by TLS of its own.
 */
final class Encrypted {
    private static final String SUFFIX = ".encrypted-by-mizzen.invalid", WAY_OUT = "; the call fails. Use HttpURLConnection, the HttpClient of the JDK, Reactor Netty, "
            + "Apache HttpClient 5 or OkHttp";
    private static final Map<Endpoint, String> NAMES = new WeakHashMap<>();
    private static final Map<String, WeakReference<Endpoint>> ENDPOINTS = new ConcurrentHashMap<>();
    private static int last;

    private Encrypted() {
    }

    private static boolean is(Endpoint endpoint) {
        try {
            return endpoint.secure() && endpoint.tls() != null;
        } catch (SSLException e) {
            return true;
        }
    }

    /** The host to call an endpoint at: its address, or the name of an endpoint that the mesh encrypts calls to. */
    static String host(Endpoint endpoint) {
        return is(endpoint) ? name(endpoint) : endpoint.host();
    }

    private static String name(Endpoint endpoint) {
        synchronized (NAMES) {
            String name = NAMES.get(endpoint);
            if (name == null) {
                name = "at-" + endpoint.host().replaceAll("[^A-Za-z0-9.]", "-") + "-" + ++last + SUFFIX;
                NAMES.put(endpoint, name);
                ENDPOINTS.values().removeIf(e -> e.get() == null);
                ENDPOINTS.put(name, new WeakReference<>(endpoint));
            }
            return name;
        }
    }

    /** The endpoint that a URI names; null if it is an ordinary URI. */
    static Endpoint endpoint(URI uri) throws SSLException {
        String host = uri.getHost();
        if (host == null || !host.endsWith(SUFFIX)) {
            return null;
        }
        WeakReference<Endpoint> found = ENDPOINTS.get(host);
        Endpoint endpoint = found == null ? null : found.get();
        if (endpoint == null || !"https".equals(uri.getScheme())) {
            throw new SSLException(uri + " is not an endpoint of the mesh any more");
        }
        return endpoint;
    }

    /** The URI with the address of its endpoint. */
    static URI address(URI uri, Endpoint endpoint) {
        String text = uri.toString();
        int at = text.indexOf(uri.getHost());
        String host = endpoint.host().indexOf(':') >= 0 && !endpoint.host().startsWith("[") ? "[" + endpoint.host() + "]" : endpoint.host();
        return URI.create(text.substring(0, at) + host + text.substring(at + uri.getHost().length()));
    }

    static SSLException impossible(String library, Throwable cause) {
        return new SSLException("the call must be encrypted, and " + library + " cannot be given the mesh's certificates" + WAY_OUT, cause);
    }

    /** The same failure; a clear one if a library could not resolve the name. */
    static Throwable clear(Throwable failure) {
        for (Throwable e = failure; e != null; e = e.getCause()) {
            if (e.getMessage() != null && e.getMessage().contains(SUFFIX) && !(e instanceof SSLException)) {
                return impossible(library(e), failure);
            }
        }
        return failure;
    }

    /** The library that failed, by the first of its classes. */
    private static String library(Throwable e) {
        for (StackTraceElement s : e.getStackTrace()) {
            String type = s.getClassName();
            if (!type.startsWith("java.") && !type.startsWith("javax.") && !type.startsWith("jdk.") && !type.startsWith("sun.") && !type.startsWith("dev.mizzen.")) {
                return type;
            }
        }
        return "this HTTP client";
    }
}
