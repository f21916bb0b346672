package dev.mizzen.agent.core;

import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;

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

    /** Why a file cannot be used, without the name of the exception. The caller names the file. */
    public static String why(Throwable e) {
        String reason = e instanceof FileSystemException ? ((FileSystemException) e).getReason() : e.getMessage();
        return e instanceof NoSuchFileException ? "it does not exist" : e instanceof AccessDeniedException ? "access is denied" : reason == null ? e.toString() : reason;
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
