package dev.mizzen.agent.bridge;

import java.util.Map;
import javax.net.ssl.SSLException;

/** One address of a service: of the mesh, or of the application's registry when both are merged. */
public interface Endpoint {
    String host();

    int port();

    /** True if the call must use TLS. */
    boolean secure();

    /**
     * The TLS that the mesh demands. Null if it demands none: then TLS to a secure endpoint is the application's own.
     *
     * @throws SSLException if calls must fail, because there are no certificates that can be used; the message says why
     */
    default Tls tls() throws SSLException {
        return null;
    }

    /** The labels of the endpoint's pod that the control plane sends, or the metadata of the registry's instance. */
    Map<String, String> labels();
}
