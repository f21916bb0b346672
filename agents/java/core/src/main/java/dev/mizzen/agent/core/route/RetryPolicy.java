package dev.mizzen.agent.core.route;

import dev.mizzen.agent.core.wire.Reader;
import java.net.ConnectException;
import java.net.NoRouteToHostException;
import java.net.UnknownHostException;
import java.util.Locale;
import java.util.concurrent.ThreadLocalRandom;

/** An envoy.config.route.v3.RetryPolicy: which failures are tried again, how often, and when. */
final class RetryPolicy {
    private static final long DEFAULT_BASE = 25_000_000L;
    private static final int DEFAULT_MAX_FACTOR = 10;
    private static final int FIVE_XX = 1, GATEWAY_ERROR = 2, CONNECT_FAILURE = 4, REFUSED_STREAM = 8, RESET = 16, RETRIABLE_4XX = 32, STATUS_CODES = 64,
        BEFORE_REQUEST = 128;
    private static final String[] NAMES = {"5xx", "gateway-error", "connect-failure", "refused-stream", "reset", "retriable-4xx", "retriable-status-codes",
        "reset-before-request"};
    private static final int CONFLICT = 409;
    private static final String PREVIOUS_HOSTS = "envoy.retry_host_predicates.previous_hosts";

    final String retryOn;
    private final int on;
    final int retries;
    final long perTryTimeout;
    final int[] statusCodes;
    final long baseInterval, maxInterval;
    /** A retry goes to a host that the call has not tried, if there is one. */
    final boolean avoidsTried;

    private RetryPolicy(String retryOn, int retries, long perTryTimeout, int[] statusCodes, long base, long max, boolean avoidsTried) {
        this.retryOn = retryOn;
        this.on = conditions(retryOn);
        this.retries = retries;
        this.perTryTimeout = perTryTimeout;
        this.statusCodes = statusCodes;
        this.baseInterval = base > 0 ? base : DEFAULT_BASE;
        this.avoidsTried = avoidsTried;
        this.maxInterval = max > 0 ? Math.max(max, baseInterval) : baseInterval * DEFAULT_MAX_FACTOR;
    }

    static RetryPolicy decode(Reader r) {
        String on = "";
        int retries = 1;
        long perTry = 0, base = 0, max = 0;
        int[] codes = new int[0];
        boolean avoids = false;
        for (int f; (f = r.next()) != 0; ) {
            switch (f) {
                case 1: on = r.string(); break;
                case 2: retries = (int) Math.min(Integer.MAX_VALUE, r.wrapped()); break;
                case 3: perTry = r.duration(); break;
                case 5: avoids |= isPreviousHosts(r.message()); break;
                case 7: codes = r.uint32s(codes); break;
                case 8: {
                    Reader b = r.message();
                    for (int g; (g = b.next()) != 0; ) {
                        switch (g) {
                            case 1: base = b.duration(); break;
                            case 2: max = b.duration(); break;
                            default: b.skip();
                        }
                    }
                    break;
                }
                default: r.skip(); // how often a client looks for another host, and conditions on headers
            }
        }
        return new RetryPolicy(on, retries, perTry, codes, base, max, avoids);
    }

    /** Reports whether a predicate rejects hosts that were tried. No other one is in the contract. */
    private static boolean isPreviousHosts(Reader r) {
        boolean is = false;
        for (int f; (f = r.next()) != 0; ) {
            if (f == 1) {
                is = r.string().equals(PREVIOUS_HOSTS);
            } else {
                r.skip();
            }
        }
        return is;
    }

    /** Reads a list such as "5xx,reset". Conditions of gRPC, and on headers of the response, are not for a client of HTTP statuses. */
    private static int conditions(String list) {
        int on = 0;
        for (int from = 0; from <= list.length(); ) {
            int end = list.indexOf(',', from);
            end = end < 0 ? list.length() : end;
            String name = list.substring(from, end).trim();
            for (int i = 0; i < NAMES.length; i++) {
                if (NAMES[i].equals(name)) {
                    on |= 1 << i;
                }
            }
            from = end + 1;
        }
        return on;
    }

    /**
     * Reports whether an outcome is tried again.
     *
     * @param status the status of the response; 0 if there is none, because of the failure
     */
    boolean covers(int status, Throwable failure) {
        if (status == 0) {
            return (on & (RESET | FIVE_XX | GATEWAY_ERROR)) != 0
                || (on & (CONNECT_FAILURE | BEFORE_REQUEST)) != 0 && isConnectFailure(failure)
                || (on & REFUSED_STREAM) != 0 && isRefusedStream(failure);
        }
        if ((on & FIVE_XX) != 0 && status >= 500 && status < 600
            || (on & GATEWAY_ERROR) != 0 && status >= 502 && status <= 504
            || (on & RETRIABLE_4XX) != 0 && status == CONFLICT) {
            return true;
        }
        if ((on & STATUS_CODES) != 0) {
            for (int code : statusCodes) {
                if (code == status) {
                    return true;
                }
            }
        }
        return false;
    }

    /** Says how long to wait before a retry: a random time that may double with each retry, as in Envoy. */
    long backoff(int retry) {
        long limit = baseInterval;
        for (int i = 1; i < retry && limit < maxInterval; i++) {
            limit = limit * 2 + baseInterval; // base × (2^n - 1)
        }
        return ThreadLocalRandom.current().nextLong(Math.max(1, Math.min(limit, maxInterval)));
    }

    /** Reports whether there was no connection, so that the server cannot have seen the request. Each client library has exceptions of its own. */
    static boolean isConnectFailure(Throwable failure) {
        for (Throwable t = failure; t != null; t = t.getCause() == t ? null : t.getCause()) {
            if (t instanceof ConnectException || t instanceof NoRouteToHostException || t instanceof UnknownHostException) {
                return true;
            }
            String name = t.getClass().getSimpleName(), message = String.valueOf(t.getMessage()).toLowerCase(Locale.ROOT);
            if (name.endsWith("ConnectTimeoutException") || name.equals("SocketTimeoutException") && (message.startsWith("connect timed out") || message.startsWith("failed to connect"))) {
                return true;
            }
        }
        return false;
    }

    private static boolean isRefusedStream(Throwable failure) {
        for (Throwable t = failure; t != null; t = t.getCause() == t ? null : t.getCause()) {
            if (String.valueOf(t.getMessage()).contains("REFUSED_STREAM")) {
                return true;
            }
        }
        return false;
    }
}
