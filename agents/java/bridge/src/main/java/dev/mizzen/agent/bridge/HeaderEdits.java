package dev.mizzen.agent.bridge;

/** Changes of headers, in order. */
public interface HeaderEdits {
    boolean isEmpty();

    void apply(Headers headers);

    /** The headers of a request or of a response, as an adapter presents them. */
    interface Headers {
        boolean has(String name);

        void set(String name, String value);

        void add(String name, String value);

        void remove(String name);
    }
}
