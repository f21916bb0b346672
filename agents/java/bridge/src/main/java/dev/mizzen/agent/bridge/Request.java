package dev.mizzen.agent.bridge;

/** A call that the application is about to make, before an endpoint is chosen. Adapters implement it over the request of a client library. */
public interface Request {
    /** The HTTP method, such as GET. */
    String method();

    /** The scheme of the URI as the application wrote it: http or https. */
    String scheme();

    /** The host, and the port if there is one, of the URI as the application wrote it. */
    String authority();

    /** The raw path of the URI, without the query; "/" if it is empty. */
    String path();

    /** The raw query of the URI without the question mark; null if there is none. */
    String query();

    /** The values of a header, joined by a comma if there are several; null if there is none. The name is in lower case. */
    String header(String name);

    /** The lane of the request that this call is part of, if the adapter knows it by other means than the thread; else null. */
    default String lane() {
        return null;
    }
}
