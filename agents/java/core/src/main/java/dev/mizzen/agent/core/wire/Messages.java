package dev.mizzen.agent.core.wire;

import java.io.IOException;

/** Joins the messages of gRPC from the frames that bring them, and gives each to the peer. */
final class Messages {
    /** A message that is larger is refused. */
    static final int MAX_SIZE = 64 << 20;
    /** How many bytes come before a message: whether it is compressed, and its length. */
    static final int PREFIX = 5;

    private final Connection.Peer peer;
    private final byte[] prefix = new byte[PREFIX];
    private int prefixSize;
    /** The message that is being read, and its whole length. */
    private Buffer message;
    private int length;

    Messages(Connection.Peer peer) {
        this.peer = peer;
    }

    void add(byte[] input, int from, int to) throws IOException {
        for (int at = from; at < to; ) {
            at += message == null ? head(input, at, to) : body(input, at, to);
        }
    }

    /** Reads bytes of a prefix. Returns how many. */
    private int head(byte[] input, int from, int to) throws IOException {
        int n = Math.min(PREFIX - prefixSize, to - from);
        System.arraycopy(input, from, prefix, prefixSize, n);
        prefixSize += n;
        if (prefixSize == PREFIX) {
            prefixSize = 0;
            length = (prefix[1] & 0xff) << 24 | (prefix[2] & 0xff) << 16 | (prefix[3] & 0xff) << 8 | prefix[4] & 0xff;
            if (prefix[0] != 0) {
                throw new IOException("the server sends a compressed message");
            }
            if (length < 0 || length > MAX_SIZE) {
                throw new IOException("the server sends a message of " + (length & 0xffffffffL) + " bytes");
            }
            // The buffer grows with what has come, not with what the length promises.
            message = new Buffer(Math.min(length, Connection.MAX_FRAME));
            deliver();
        }
        return n;
    }

    private int body(byte[] input, int from, int to) throws IOException {
        int n = Math.min(length - message.size, to - from);
        message.write(input, from, n);
        deliver();
        return n;
    }

    private void deliver() throws IOException {
        if (message.size == length) {
            Buffer whole = message;
            message = null;
            peer.message(new Reader(whole.data, 0, whole.size));
        }
    }
}
