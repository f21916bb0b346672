package dev.mizzen.agent.core.route;

import dev.mizzen.agent.bridge.Request;
import dev.mizzen.agent.core.wire.Fraction;
import dev.mizzen.agent.core.wire.Reader;
import dev.mizzen.agent.core.wire.Refused;
import java.util.ArrayList;
import java.util.List;

/** An envoy.extensions.filters.http.fault.v3.HTTPFault: delays and failures on purpose. */
final class Fault {
    static final String TYPE = "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault";
    private static final int UNKNOWN = 2;
    /** The HTTP status of each gRPC status, as Envoy translates them. */
    private static final int[] HTTP = {200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401};

    long delay;
    int delayShare;
    int abortStatus;
    int abortShare;
    final List<HeaderMatch> headers = new ArrayList<>();

    static Fault decode(Reader r) {
        Fault fault = new Fault();
        for (int f; (f = r.next()) != 0; ) {
            switch (f) {
                case 1: fault.delay(r.message()); break;
                case 2: fault.abort(r.message()); break;
                case 4: fault.headers.add(HeaderMatch.decode(r.message())); break;
                case 3:
                case 5: throw new Refused("a fault applies to some clusters or nodes only, which this client does not support");
                default: r.skip();
            }
        }
        return fault;
    }

    private void delay(Reader r) {
        for (int f; (f = r.next()) != 0; ) {
            switch (f) {
                case 3: delay = r.duration(); break;
                case 4: delayShare = Fraction.decode(r.message()); break;
                default: r.skip(); // delays that a header of the request asks for are not injected
            }
        }
    }

    private void abort(Reader r) {
        for (int f; (f = r.next()) != 0; ) {
            switch (f) {
                case 2: abortStatus = r.uint32(); break;
                case 3: abortShare = Fraction.decode(r.message()); break;
                case 5: {
                    int code = r.uint32();
                    abortStatus = HTTP[code >= 0 && code < HTTP.length ? code : UNKNOWN];
                    break;
                }
                default: r.skip();
            }
        }
    }

    boolean applies(Request request) {
        for (int i = 0; i < headers.size(); i++) {
            if (!Route.matches(headers.get(i), request)) {
                return false;
            }
        }
        return true;
    }
}
