package dev.mizzen.agent.bridge;

/** The lane of the call that this thread serves. */
public final class Lane {
    private static final ThreadLocal<String> CURRENT = new ThreadLocal<>();

    private Lane() {
    }

    /** Null if the call that came in has no lane, or if there is none. */
    public static String current() {
        return CURRENT.get();
    }

    /** Sets the lane, or removes it if it is null, and returns the one before. */
    public static String enter(String lane) {
        String outer = CURRENT.get();
        if (lane != null) {
            CURRENT.set(lane);
        } else if (outer != null) {
            CURRENT.remove();
        }
        return outer;
    }
}
