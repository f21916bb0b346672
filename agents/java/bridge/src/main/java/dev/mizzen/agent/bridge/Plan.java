package dev.mizzen.agent.bridge;

import java.util.List;
import java.util.function.Supplier;

/** What the routes decided about one call. */
public interface Plan {
    /** The answer, if the call is answered without an endpoint: by a redirect, a direct response or a fault. Else null. */
    Answer answer();

    /** How long the call is delayed first, by a fault. */
    long delayNanos();

    /** The raw path to send. */
    String path();

    /** The raw query to send; null if there is none. */
    String query();

    /** The Host header to send if a route rewrites it; else null. */
    String host();

    /** What the routes change in the headers of the request. It includes the lane, if there is one. */
    HeaderEdits requestHeaders();

    /** What the routes change in the headers of the response. */
    HeaderEdits responseHeaders();

    /** The limit of the whole call, retries included; 0 if there is none. */
    long timeoutNanos();

    /** The limit of each attempt; 0 if there is none. */
    long perTryTimeoutNanos();

    /**
     * Says whether to try again, and counts it: a budget of retries may be exhausted.
     *
     * @param retry 1 for the first retry
     * @param status the status of the response, or 0 if there is none
     * @param failure why there is no response, or null
     */
    boolean retry(int retry, int status, Throwable failure);

    /** How long to wait before a retry. */
    long backoffNanos(int retry);

    /** How long a connection may take; 0 if the routes say nothing. */
    long connectTimeoutNanos();

    /** Copies of the call, whose responses are dropped. */
    List<Plan> mirrors();

    /**
     * Picks an endpoint. Null if the cluster has none: the call fails, as it does when a registry has no instance.
     *
     * @param registry the instances of the application's registry; asked only if the mode is MERGE. May be null.
     */
    Attempt attempt(Supplier<List<? extends Endpoint>> registry);

    /** Why there is no endpoint, for the error message: the cluster, or that no route matched. */
    String failure();
}
