package dev.mizzen.agent.core.wire;

import java.io.IOException;

/** The header blocks of the response: its headers, and the trailers that end the call. */
final class ResponseHeaders {
    static final int MAX_SIZE = 64 << 10;

    private final Hpack hpack = new Hpack(MAX_SIZE);
    private final Buffer block = new Buffer(256);
    private boolean open, endsStream, came;

    /** Reports whether a block has begun and not ended: nothing else may come. */
    boolean open() {
        return open;
    }

    /** Reports whether the response has begun. */
    boolean came() {
        return came;
    }

    /** Begins a block. */
    void begin(boolean ends) {
        block.size = 0;
        open = true;
        endsStream = ends;
    }

    /** Adds a part of a block. */
    void add(byte[] input, int from, int to, boolean last) throws IOException {
        block.write(input, from, to - from);
        if (block.size > MAX_SIZE) {
            throw new IOException("the server sends headers of more than " + MAX_SIZE + " bytes");
        }
        if (last) {
            open = false;
            end();
        }
    }

    private void end() throws IOException {
        String http = null, contentType = "", status = null, text = "";
        for (String[] h : hpack.decode(block.data, 0, block.size)) {
            switch (h[0]) {
                case ":status": http = h[1]; break;
                case "content-type": contentType = h[1]; break;
                case "grpc-status": status = h[1]; break;
                case "grpc-message": text = h[1]; break;
                default:
            }
        }
        if (status != null && endsStream) {
            throw new IOException(Status.describe(status, text));
        }
        if (endsStream || !came && !"200".equals(http) && http != null && !http.startsWith("1")) {
            throw new IOException("the server ended the call" + (http == null ? "" : " with HTTP status " + http));
        }
        if (!came && "200".equals(http)) {
            if (!contentType.startsWith("application/grpc")) {
                throw new IOException("the server answers with content type \"" + contentType + "\", not gRPC");
            }
            came = true;
        }
    }
}
