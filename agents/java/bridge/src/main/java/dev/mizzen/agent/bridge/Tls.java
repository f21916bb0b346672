package dev.mizzen.agent.bridge;

import java.util.List;
import javax.net.ssl.HostnameVerifier;
import javax.net.ssl.SNIServerName;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocketFactory;
import javax.net.ssl.X509TrustManager;

/**
 * TLS to the endpoints of a cluster as the mesh demands it, with the certificates of now. It never changes: when files change, endpoints have another
 * one. Connections that were made with one must not be used for another. Its parts do not refer to it, so caches may have it as a weak key.
 */
public interface Tls {
    /** It presents the client's certificate if the mesh demands that, and it verifies the names of the server. The name of the host does not matter. */
    SSLContext context();

    /** The same object each time. It sends the server name that the mesh demands, if there is one. */
    SSLSocketFactory sockets();

    /** What verifies the server in {@link #context}. */
    X509TrustManager trust();

    /** Verifies the names of the server once more, for libraries that ask. */
    HostnameVerifier verifier();

    /** The server name that the mesh demands; empty if it demands none. */
    List<SNIServerName> names();
}
