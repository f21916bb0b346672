package dev.mizzen.agent.core.wire;

/** Input that is not accepted: malformed bytes, or a field that this client cannot follow. It has no stack trace: its text says what is wrong. */
public final class Refused extends RuntimeException {
    private static final long serialVersionUID = 1;

    public Refused(String message) {
        super(message, null, false, false);
    }
}
