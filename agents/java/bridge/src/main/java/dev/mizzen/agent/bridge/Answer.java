package dev.mizzen.agent.bridge;

import java.util.Map;

/** A response that the routes give in place of an endpoint. */
public interface Answer {
    int status();

    Map<String, String> headers();

    /** The body; empty if there is none. */
    byte[] body();
}
