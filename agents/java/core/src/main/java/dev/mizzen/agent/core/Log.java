package dev.mizzen.agent.core;

/** Lines for the operator, on standard error. The application's own logging may not exist yet, and is not ours to configure. */
public final class Log {
    private static volatile boolean debug;

    private Log() {
    }

    static void debug(boolean on) {
        debug = on;
    }

    public static boolean isDebug() {
        return debug;
    }

    /** Writes a line: what happened, and what the process does. */
    public static void info(String line) {
        System.err.println("mizzen: " + line);
    }

    public static void debug(String line) {
        if (debug) {
            System.err.println("mizzen: " + line);
        }
    }
}
