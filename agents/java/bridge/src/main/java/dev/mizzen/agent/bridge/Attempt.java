package dev.mizzen.agent.bridge;

/** One try of a call at one endpoint. Exactly one of {@link #done} and {@link #failed} ends it; later calls have no effect. */
public interface Attempt {
    Endpoint endpoint();

    /** The name of the cluster. */
    String cluster();

    /** The response has this status. 0 says that the attempt was not made: outlier detection does not count it. */
    void done(int status);

    /** There is no response. */
    void failed(Throwable failure);
}
