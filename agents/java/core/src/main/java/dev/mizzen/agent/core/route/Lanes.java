package dev.mizzen.agent.core.route;

import dev.mizzen.agent.bridge.HeaderEdits;
import dev.mizzen.agent.bridge.Lane;
import dev.mizzen.agent.bridge.Request;
import java.nio.charset.StandardCharsets;

/** The lane of a call: which of several versions of an application it is for. It is carried by a header and by a member of W3C baggage. */
public final class Lanes {
    private static final String BAGGAGE = "baggage";
    /** The longest lane; a longer one is not a lane. */
    private static final int MAX_LENGTH = 128;

    private final String key, header;
    /** The lane of this process; null if it has none. */
    private final String own;
    private final OtherAgent otherAgent = new OtherAgent();

    public Lanes(String key, String header, String own) {
        this.key = key;
        this.header = header;
        this.own = own == null || own.isEmpty() ? null : own;
    }

    /** Sets the lane of the current thread and returns the one before. */
    public String set(String lane) {
        return Lane.set(lane == null || lane.isEmpty() ? null : lane);
    }

    public String get() {
        return Lane.get();
    }

    /** Returns the lane that a request carries in its headers, or null. */
    public String carried(Request request) {
        String lane = request.header(header);
        if (lane == null || lane.isEmpty()) {
            lane = member(request.header(BAGGAGE), key);
        }
        return lane == null || lane.isEmpty() || lane.length() > MAX_LENGTH ? null : lane;
    }

    /** Returns the request with its lane: as it carries it, else of the request that is being served, else as another agent carries it, else of this process. */
    Request with(Request request) {
        String lane = carried(request);
        if (lane == null) {
            lane = request.lane();
        }
        if (lane == null || lane.isEmpty()) {
            lane = Lane.get();
        }
        if (lane == null) {
            lane = otherAgent.lane(key);
        }
        if (lane == null) {
            lane = own;
        }
        return lane == null ? request : new InLane(request, lane);
    }

    /** Returns the headers that carry the lane, for a call that no route decides. */
    public HeaderEdits headers(Request request) {
        Request r = with(request);
        return r instanceof InLane ? (InLane) r : RoutedCall.NO_EDITS;
    }

    /** Returns the value of a member of a W3C baggage header, decoded; null if it has none. */
    static String member(String baggage, String key) {
        if (baggage == null) {
            return null;
        }
        for (int from = 0; from < baggage.length(); ) {
            int end = baggage.indexOf(',', from);
            end = end < 0 ? baggage.length() : end;
            int equals = baggage.indexOf('=', from);
            if (equals > 0 && equals < end && baggage.substring(from, equals).trim().equals(key)) {
                int properties = baggage.indexOf(';', equals);
                return decode(baggage.substring(equals + 1, properties > 0 && properties < end ? properties : end).trim());
            }
            from = end + 1;
        }
        return null;
    }

    private static String decode(String s) {
        if (s.indexOf('%') < 0) {
            return s;
        }
        byte[] b = new byte[s.length()];
        int n = 0;
        for (int i = 0; i < s.length(); i++) {
            char c = s.charAt(i);
            int high = c == '%' && i + 2 < s.length() ? Character.digit(s.charAt(i + 1), 16) : -1;
            int low = high < 0 ? -1 : Character.digit(s.charAt(i + 2), 16);
            b[n++] = (byte) (low < 0 ? c : high << 4 | low);
            i += low < 0 ? 0 : 2;
        }
        return new String(b, 0, n, StandardCharsets.UTF_8);
    }

    /** Encodes what a member of baggage cannot have. */
    static String encode(String s) {
        StringBuilder out = new StringBuilder();
        for (byte b : s.getBytes(StandardCharsets.UTF_8)) {
            if (b > ' ' && b < 127 && "\",;\\%".indexOf(b) < 0) {
                out.append((char) b);
            } else {
                out.append('%').append(Character.toUpperCase(Character.forDigit(b >> 4 & 15, 16))).append(Character.toUpperCase(Character.forDigit(b & 15, 16)));
            }
        }
        return out.toString();
    }

    /** A request with the headers of its lane. Routes see them, and its edits add those that the application did not set. */
    private final class InLane implements Request, HeaderEdits {
        private final Request request;
        private final String lane;

        InLane(Request request, String lane) {
            this.request = request;
            this.lane = lane;
        }

        @Override
        public String method() {
            return request.method();
        }

        @Override
        public String scheme() {
            return request.scheme();
        }

        @Override
        public String authority() {
            return request.authority();
        }

        @Override
        public String path() {
            return request.path();
        }

        @Override
        public String query() {
            return request.query();
        }

        @Override
        public String header(String name) {
            return name.equals(header) ? lane : name.equals(BAGGAGE) ? baggage() : request.header(name);
        }

        private String baggage() {
            String had = request.header(BAGGAGE);
            if (member(had, key) != null) {
                return had;
            }
            String mine = key + '=' + encode(lane);
            return had == null || had.isEmpty() ? mine : had + ',' + mine;
        }

        @Override
        public boolean isEmpty() {
            return false;
        }

        @Override
        public void apply(Headers headers) {
            if (request.header(header) == null) {
                headers.set(header, lane);
            }
            if (member(request.header(BAGGAGE), key) == null) {
                headers.set(BAGGAGE, baggage());
            }
        }
    }
}
