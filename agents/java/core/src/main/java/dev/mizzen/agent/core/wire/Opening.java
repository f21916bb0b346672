package dev.mizzen.agent.core.wire;

import java.nio.charset.StandardCharsets;
import java.util.List;

/** What a connection writes first: the preface of HTTP/2, its settings, and the headers of the call. */
final class Opening {
    private Opening() {
    }

    /** @param headers further request headers: names and values in turn */
    static void write(Buffer out, boolean secure, String authority, String path, List<String> headers) {
        out.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
        out.frame(18, Connection.SETTINGS, 0, 0);
        setting(out, 2, 0); // no push
        setting(out, 4, Connection.WINDOW);
        setting(out, 6, ResponseHeaders.MAX_SIZE);
        Connection.windowUpdate(out, 0, Connection.WINDOW - Connection.DEFAULT_WINDOW);
        Buffer h = new Buffer(256).write(0x83).write(secure ? 0x87 : 0x86); // :method POST, :scheme
        literal(h, ":path", path);
        literal(h, ":authority", authority);
        literal(h, "te", "trailers");
        literal(h, "content-type", "application/grpc");
        for (int i = 0; i < headers.size(); i += 2) {
            literal(h, headers.get(i), headers.get(i + 1));
        }
        for (int from = 0; from < h.size; from += Connection.MAX_FRAME) { // a token may be long
            int n = Math.min(Connection.MAX_FRAME, h.size - from);
            out.frame(n, from == 0 ? Connection.HEADERS : Connection.CONTINUATION, from + n == h.size ? Connection.END_HEADERS : 0, Connection.STREAM).write(h.data, from, n);
        }
    }

    private static void setting(Buffer out, int id, int value) {
        out.write(0).write(id).int32(value);
    }

    private static void literal(Buffer h, String name, String value) {
        h.write(0x10); // never indexed
        literal(h, name);
        literal(h, value);
    }

    private static void literal(Buffer h, String s) {
        byte[] b = s.getBytes(StandardCharsets.ISO_8859_1);
        if (b.length < 127) {
            h.write(b.length);
        } else {
            h.write(127).varint(b.length - 127);
        }
        h.write(b);
    }
}
