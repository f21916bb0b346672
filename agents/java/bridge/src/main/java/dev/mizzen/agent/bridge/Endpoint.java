package dev.mizzen.agent.bridge;

import java.util.Map;

/** One address of a service: of the mesh, or of the application's registry when both are merged. */
public interface Endpoint {
    String host();

    int port();

    /** True if the call must use TLS. */
    boolean secure();

    /** The labels of the endpoint's pod that the control plane sends, or the metadata of the registry's instance. */
    Map<String, String> labels();
}
