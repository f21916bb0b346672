package dev.mizzen.agent.core.wire;

import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * One bidirectional gRPC call on an HTTP/2 connection of its own: all that ADS needs. One thread calls {@link #read} until the call ends. One other
 * thread calls {@link #write} whenever the peer was told that there is something to write. The reader never writes, so a peer that does not read
 * cannot stop it.
 */
public final class Connection implements Closeable {
    /** What the call is made for. */
    public interface Peer {
        /** A message came. */
        void message(Reader message) throws IOException;

        /** The server speaks HTTP/2. */
        void connected();

        /** There is something to write: call {@link Connection#write} soon. */
        void wake();
    }

    /** The call ended in order: its server asked the client to connect anew. */
    public static final class Moved extends IOException {
        private static final long serialVersionUID = 1;

        Moved(String message) {
            super(message);
        }
    }

    static final int MAX_FRAME = 16384;
    private static final int HEAD = 9;
    static final int WINDOW = 1 << 20, DEFAULT_WINDOW = 65535;
    /** What may wait to be written besides messages. Only a peer that floods us reaches it. */
    private static final int MAX_CONTROL = 64 << 10;
    static final int DATA = 0, HEADERS = 1, RST_STREAM = 3, SETTINGS = 4, PUSH_PROMISE = 5, PING = 6, GOAWAY = 7, WINDOW_UPDATE = 8, CONTINUATION = 9;
    static final int END_STREAM = 1, ACK = 1, END_HEADERS = 4, PADDED = 8, HAS_PRIORITY = 0x20;
    /** The only stream. */
    static final int STREAM = 1;

    private final Socket socket;
    private final InputStream in;
    private final OutputStream out;
    private final Peer peer;
    private final int pingAfterMillis, pingTimeoutMillis;

    // The reader's state.
    private final byte[] input = new byte[HEAD + MAX_FRAME];
    private int inputAt, inputEnd;
    private boolean pinged, gotSettings;
    private final ResponseHeaders headers = new ResponseHeaders();
    private final Messages messages;
    private int connectionCredit = WINDOW, streamCredit = WINDOW;

    // Shared by both threads, guarded by this.
    private Buffer control = new Buffer(512);
    private long connectionWindow = DEFAULT_WINDOW, streamWindow = DEFAULT_WINDOW;
    private int initialWindow = DEFAULT_WINDOW, peerFrame = MAX_FRAME;

    // The writer's state.
    private byte[] pending;
    private int pendingAt;
    private Buffer spare = new Buffer(512);

    /**
     * Prepares the call. Nothing is written before the first {@link #write}.
     *
     * @param headers further request headers: names and values in turn
     * @param pingAfterMillis the silence after which a PING asks whether the peer is alive
     * @param pingTimeoutMillis the silence after a PING at which the peer is dead
     */
    public Connection(Socket socket, boolean secure, String authority, String path, List<String> headers, int pingAfterMillis, int pingTimeoutMillis, Peer peer)
        throws IOException {
        this.socket = socket;
        this.in = socket.getInputStream();
        this.out = socket.getOutputStream();
        this.peer = peer;
        this.messages = new Messages(peer);
        this.pingAfterMillis = pingAfterMillis;
        this.pingTimeoutMillis = pingTimeoutMillis;
        socket.setSoTimeout(pingAfterMillis);
        Opening.write(control, secure, authority, path, headers);
    }

    static void windowUpdate(Buffer b, int stream, int credit) {
        b.frame(4, WINDOW_UPDATE, 0, stream).int32(credit);
    }

    // Writing.

    /** True if the last message that was given to {@link #write} has left, so that another one may be given. */
    public boolean idle() {
        return pending == null;
    }

    /**
     * Writes what may be written now: frames that the protocol asks for, then as much of the message as the peer's windows allow.
     *
     * @param next the next message, or null. Only if {@link #idle}.
     * @return true if something was written
     */
    public boolean write(byte[] next) throws IOException {
        if (next != null) {
            Buffer b = new Buffer(Messages.PREFIX + next.length).write(0).int32(next.length).write(next);
            pending = b.data;
            pendingAt = 0;
        }
        Buffer b;
        synchronized (this) {
            b = control;
            control = spare;
            control.size = 0;
            while (pending != null) {
                int n = (int) Math.min(Math.min(peerFrame, pending.length - pendingAt), Math.min(connectionWindow, streamWindow));
                if (n <= 0) {
                    break;
                }
                b.frame(n, DATA, 0, STREAM).write(pending, pendingAt, n);
                connectionWindow -= n;
                streamWindow -= n;
                pendingAt += n;
                if (pendingAt == pending.length) {
                    pending = null;
                }
            }
        }
        spare = b.data.length > MAX_CONTROL ? new Buffer(512) : b;
        if (b.size == 0) {
            return false;
        }
        out.write(b.data, 0, b.size);
        out.flush();
        return true;
    }

    @Override
    public void close() {
        try {
            socket.close();
        } catch (IOException e) {
            // The connection is of no more use in any case.
        }
    }

    // Reading.

    /** Gives each message to the peer until the call ends. It always ends with an exception that says why. */
    public void read() throws IOException {
        try {
            while (true) {
                need(HEAD);
                int length = (input[inputAt] & 0xff) << 16 | (input[inputAt + 1] & 0xff) << 8 | input[inputAt + 2] & 0xff;
                int type = input[inputAt + 3] & 0xff, flags = input[inputAt + 4] & 0xff, stream = int32(inputAt + 5) & 0x7fffffff;
                if (!gotSettings && (type != SETTINGS || stream != 0)) {
                    throw new IOException(isHttp1() ? "the server answers with HTTP/1, not gRPC" : "the server does not answer with HTTP/2");
                }
                if (length > MAX_FRAME) {
                    throw new IOException("the server sends a frame of " + length + " bytes");
                }
                inputAt += HEAD;
                need(length);
                frame(type, flags, stream, inputAt, inputAt + length);
                inputAt += length;
            }
        } catch (Refused e) {
            throw new IOException(e.getMessage(), e);
        }
    }

    private boolean isHttp1() {
        return input[inputAt] == 'H' && input[inputAt + 1] == 'T' && input[inputAt + 2] == 'T' && input[inputAt + 3] == 'P';
    }

    /** Reads until n bytes are there. */
    private void need(int n) throws IOException {
        if (inputAt + n > input.length) {
            System.arraycopy(input, inputAt, input, 0, inputEnd - inputAt);
            inputEnd -= inputAt;
            inputAt = 0;
        }
        while (inputEnd - inputAt < n) {
            int got;
            try {
                got = in.read(input, inputEnd, input.length - inputEnd);
            } catch (SocketTimeoutException e) {
                ping();
                continue;
            }
            if (got < 0) {
                throw new EOFException("the server closed the connection");
            }
            inputEnd += got;
            if (pinged) {
                pinged = false;
                socket.setSoTimeout(pingAfterMillis);
            }
        }
    }

    private void ping() throws IOException {
        if (pinged) {
            throw new IOException("the server is silent and does not answer a PING");
        }
        pinged = true;
        socket.setSoTimeout(pingTimeoutMillis);
        synchronized (this) {
            control.frame(8, PING, 0, 0).int32(0).int32(0);
        }
        peer.wake();
    }

    private void frame(int type, int flags, int stream, int from, int to) throws IOException {
        if (headers.open() != (type == CONTINUATION)) {
            throw new IOException("the server interrupts a header block");
        }
        if (stream > STREAM) {
            throw new IOException("the server uses stream " + stream);
        }
        switch (type) {
            case DATA:
                data(flags, from, to);
                break;
            case HEADERS:
                headers(flags, from, to);
                break;
            case CONTINUATION:
                headers.add(input, from, to, (flags & END_HEADERS) != 0);
                break;
            case RST_STREAM:
                exactly(4, from, to);
                throw new IOException("the server reset the stream with error " + int32(from));
            case SETTINGS:
                settings(flags, from, to);
                break;
            case PING:
                exactly(8, from, to);
                if ((flags & ACK) == 0) {
                    answer(8, PING, ACK, from);
                }
                break;
            case GOAWAY:
                goAway(from, to);
                break;
            case WINDOW_UPDATE:
                exactly(4, from, to);
                enlarge(stream, int32(from) & 0x7fffffff);
                break;
            case PUSH_PROMISE:
                throw new IOException("the server pushes");
            default: // PRIORITY, and types of extensions, are ignored.
        }
    }

    private void answer(int length, int type, int flags, int from) throws IOException {
        synchronized (this) {
            if (control.size > MAX_CONTROL) {
                throw new IOException("the server floods the connection");
            }
            control.frame(length, type, flags, 0).write(input, from, length);
        }
        peer.wake();
    }

    private static void exactly(int n, int from, int to) throws IOException {
        if (to - from != n) {
            throw new IOException("the server sends a frame of a wrong size");
        }
    }

    private int int32(int at) {
        return (input[at] & 0xff) << 24 | (input[at + 1] & 0xff) << 16 | (input[at + 2] & 0xff) << 8 | input[at + 3] & 0xff;
    }

    private void settings(int flags, int from, int to) throws IOException {
        if ((flags & ACK) != 0) {
            return;
        }
        if ((to - from) % 6 != 0) {
            throw new IOException("the server sends a frame of a wrong size");
        }
        boolean first = !gotSettings;
        gotSettings = true;
        synchronized (this) {
            for (int i = from; i < to; i += 6) {
                int id = (input[i] & 0xff) << 8 | input[i + 1] & 0xff, value = int32(i + 2);
                if (id == 4) {
                    if (value < 0) {
                        throw new IOException("the server sends a window that is too large");
                    }
                    streamWindow += value - initialWindow;
                    initialWindow = value;
                } else if (id == 5) {
                    if (value < MAX_FRAME || value > 0xffffff) {
                        throw new IOException("the server sends a bad frame size");
                    }
                    peerFrame = Math.min(value, MAX_CONTROL);
                }
            }
        }
        answer(0, SETTINGS, ACK, from);
        if (first) {
            peer.connected();
        }
    }

    private void enlarge(int stream, int credit) throws IOException {
        synchronized (this) {
            if (stream == 0) {
                connectionWindow += credit;
            } else {
                streamWindow += credit;
            }
            if (credit == 0 || connectionWindow > Integer.MAX_VALUE || streamWindow > Integer.MAX_VALUE) {
                throw new IOException("the server sends a bad WINDOW_UPDATE");
            }
        }
        peer.wake();
    }

    private void goAway(int from, int to) throws IOException {
        if (to - from < 8) {
            throw new IOException("the server sends a frame of a wrong size");
        }
        int code = int32(from + 4);
        String text = new String(input, from + 8, Math.min(200, to - from - 8), StandardCharsets.ISO_8859_1);
        if (code == 0) {
            throw new Moved("the server closes the connection in order");
        }
        throw new IOException("the server sends GOAWAY with error " + code + (text.isEmpty() ? "" : ": " + text));
    }

    private void headers(int flags, int from, int to) throws IOException {
        int pad = 0;
        if ((flags & PADDED) != 0) {
            exists(from, to);
            pad = input[from++] & 0xff;
        }
        if ((flags & HAS_PRIORITY) != 0) {
            from += 5;
        }
        if (to - from < pad) {
            throw new IOException("the server sends a frame of a wrong size");
        }
        headers.begin((flags & END_STREAM) != 0);
        headers.add(input, from, to - pad, (flags & END_HEADERS) != 0);
    }

    private static void exists(int from, int to) throws IOException {
        if (from == to) {
            throw new IOException("the server sends a frame of a wrong size");
        }
    }

    private void data(int flags, int from, int to) throws IOException {
        int length = to - from;
        connectionCredit -= length;
        streamCredit -= length;
        if (!headers.came() || connectionCredit < 0 || streamCredit < 0) {
            throw new IOException(headers.came() ? "the server sends more than the window allows" : "the server sends data before headers");
        }
        if ((flags & PADDED) != 0) {
            exists(from, to);
            int pad = input[from++] & 0xff;
            if (to - from < pad) {
                throw new IOException("the server sends a frame of a wrong size");
            }
            to -= pad;
        }
        replenish();
        messages.add(input, from, to);
        if ((flags & END_STREAM) != 0) {
            throw new IOException("the server ended the call");
        }
    }

    /** Gives the peer new credit once half of it is used. */
    private void replenish() {
        if (connectionCredit > WINDOW / 2 && streamCredit > WINDOW / 2) {
            return;
        }
        synchronized (this) {
            windowUpdate(control, 0, WINDOW - connectionCredit);
            windowUpdate(control, STREAM, WINDOW - streamCredit);
        }
        connectionCredit = streamCredit = WINDOW;
        peer.wake();
    }
}
