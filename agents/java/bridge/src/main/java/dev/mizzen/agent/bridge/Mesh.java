package dev.mizzen.agent.bridge;

import java.util.Collection;

/** The services that the control plane knows. All methods are safe for concurrent use and none of them blocks. */
public interface Mesh extends AutoCloseable {
    /**
     * Returns a service by the name that the application uses. The first use of a name subscribes to it.
     *
     * @param port the port of the application's URI; 0 if the URI has none
     */
    Service service(String name, int port);

    /** The names of the services that are followed and that the control plane knows. */
    Collection<String> services();

    @Override
    void close();
}
