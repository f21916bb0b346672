package dev.mizzen.agent.core.wire;

import java.nio.charset.StandardCharsets;

/** The end of a gRPC call, for people. */
final class Status {
    private static final String[] NAMES = {"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
        "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS",
        "UNAUTHENTICATED"};

    private Status() {
    }

    /** Reports whether the server ended the call in order: it has nothing more to say, or it is about to be unavailable. */
    static boolean inOrder(String code) {
        return code.equals("0") || code.equals("14");
    }

    /** @param message percent-encoded, as gRPC sends it */
    static String describe(String code, String message) {
        String name = code;
        for (int i = 0; i < NAMES.length; i++) {
            if (code.equals(String.valueOf(i))) {
                name = NAMES[i];
            }
        }
        return message.isEmpty() ? name : name + ": " + decode(message);
    }

    private static String decode(String s) {
        Buffer b = new Buffer(s.length());
        for (int i = 0; i < s.length(); i++) {
            char c = s.charAt(i);
            int high = c == '%' && i + 2 < s.length() ? Character.digit(s.charAt(i + 1), 16) : -1;
            int low = high < 0 ? -1 : Character.digit(s.charAt(i + 2), 16);
            if (low < 0) {
                b.write(c);
            } else {
                b.write(high << 4 | low);
                i += 2;
            }
        }
        return new String(b.data, 0, b.size, StandardCharsets.UTF_8);
    }
}
