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

    /** Whether a call of a client without a balancer may be for a service of the mesh, by the host of its URI. */
    boolean plain(String host);

    /** The names of the services that are followed and that the control plane knows. */
    Collection<String> services();

    /**
     * Sets the lane of the request that the current thread serves, and returns the lane before, to restore it. Null or an empty one is no lane: then the lane of
     * this process is in effect, if it has one.
     */
    String lane(String lane);

    /** The lane that {@link #lane(String)} set for the current thread; null if there is none. */
    String lane();

    /** Reads the lane from the headers of an inbound request: the header of lanes, else the baggage. Null if there is none. */
    String laneOf(Request inbound);

    /** The headers that carry the lane of a call that is not routed by the mesh. Plans have them among their own. */
    HeaderEdits laneHeaders(Request request);

    /** What is followed and in what state, as JSON. */
    String state();

    @Override
    void close();
}
