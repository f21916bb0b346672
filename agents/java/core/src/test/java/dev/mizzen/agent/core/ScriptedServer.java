package dev.mizzen.agent.core;

import dev.mizzen.agent.core.wire.Buffer;
import io.envoyproxy.envoy.service.discovery.v3.DiscoveryRequest;
import io.envoyproxy.envoy.service.discovery.v3.DiscoveryResponse;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** A server of HTTP/2 that does what a test says, frame by frame. */
final class ScriptedServer implements AutoCloseable {
    static final String TYPE = "type.googleapis.com/envoy.";
    static final String LDS = TYPE + "config.listener.v3.Listener", RDS = TYPE + "config.route.v3.RouteConfiguration", CDS = TYPE + "config.cluster.v3.Cluster",
        EDS = TYPE + "config.endpoint.v3.ClusterLoadAssignment";

    private final ServerSocket listener;
    private final LinkedBlockingQueue<Stream> streams = new LinkedBlockingQueue<>();
    private volatile boolean closed;

    ScriptedServer() throws IOException {
        this(0);
    }

    /** Listens at a port that was listened at before, perhaps. */
    ScriptedServer(int port) throws IOException {
        listener = new ServerSocket(port, 50, InetAddress.getLoopbackAddress());
        Thread t = new Thread(this::accept, "scripted-server");
        t.setDaemon(true);
        t.start();
    }

    int port() {
        return listener.getLocalPort();
    }

    String address() {
        return "127.0.0.1:" + port();
    }

    private void accept() {
        while (!closed) {
            try {
                Stream s = new Stream(listener.accept());
                streams.add(s);
                Thread t = new Thread(s::read, "scripted-stream");
                t.setDaemon(true);
                t.start();
            } catch (IOException e) {
                return;
            }
        }
    }

    /** Waits for the next connection. */
    Stream next() throws InterruptedException {
        Stream s = streams.poll(20, TimeUnit.SECONDS);
        if (s == null) {
            throw new AssertionError("no connection within 20 seconds");
        }
        return s;
    }

    @Override
    public void close() throws IOException {
        closed = true;
        listener.close();
    }

    /** One connection. */
    static final class Stream {
        private final Socket socket;
        private final OutputStream out;
        private final LinkedBlockingQueue<DiscoveryRequest> requests = new LinkedBlockingQueue<>();
        private final LinkedBlockingQueue<String> frames = new LinkedBlockingQueue<>();
        private boolean headersSent;
        volatile byte[] requestHeaders;
        /** Each PING is answered, also while the test does something else. */
        volatile boolean answersPings = true;

        Stream(Socket socket) throws IOException {
            this.socket = socket;
            this.out = socket.getOutputStream();
        }

        private void read() {
            Buffer data = new Buffer(1024);
            try {
                DataInputStream in = new DataInputStream(socket.getInputStream());
                byte[] preface = new byte[24];
                in.readFully(preface);
                while (true) {
                    int length = in.readUnsignedByte() << 16 | in.readUnsignedShort(), type = in.readUnsignedByte(), flags = in.readUnsignedByte();
                    in.readInt();
                    byte[] b = new byte[length];
                    in.readFully(b);
                    if (type == 0) {
                        data.write(b);
                        messages(data);
                    } else if (type == 1) {
                        requestHeaders = b;
                    } else {
                        frames.add(type + "/" + flags + "/" + length);
                        if (type == 6 && flags == 0 && answersPings) {
                            send(6, 1, 0, b);
                        }
                    }
                }
            } catch (EOFException | java.net.SocketException e) {
                frames.add("closed");
            } catch (IOException e) {
                frames.add("closed");
            }
        }

        private void messages(Buffer data) throws IOException {
            while (data.size >= 5) {
                int n = (data.data[1] & 0xff) << 24 | (data.data[2] & 0xff) << 16 | (data.data[3] & 0xff) << 8 | data.data[4] & 0xff;
                if (data.size < 5 + n) {
                    return;
                }
                requests.add(DiscoveryRequest.parseFrom(java.util.Arrays.copyOfRange(data.data, 5, 5 + n)));
                System.arraycopy(data.data, 5 + n, data.data, 0, data.size - 5 - n);
                data.size -= 5 + n;
            }
        }

        /** Waits for a request of a type. */
        DiscoveryRequest request(String type) throws InterruptedException {
            DiscoveryRequest r = requests.poll(20, TimeUnit.SECONDS);
            if (r == null || !r.getTypeUrl().equals(type)) {
                throw new AssertionError("wanted a request for " + type + ", got " + r);
            }
            return r;
        }

        /** Waits for a request of a type, whatever comes before it. */
        DiscoveryRequest later(String type) throws InterruptedException {
            for (DiscoveryRequest r; (r = requests.poll(20, TimeUnit.SECONDS)) != null; ) {
                if (r.getTypeUrl().equals(type)) {
                    return r;
                }
            }
            throw new AssertionError("no request for " + type);
        }

        boolean hasRequest() {
            return !requests.isEmpty();
        }

        /** Waits for a frame other than HEADERS and DATA: TYPE/FLAGS/LENGTH, or closed. */
        void frame(String wanted) throws InterruptedException {
            for (String f; ; ) {
                f = frames.poll(40, TimeUnit.SECONDS);
                if (f == null) {
                    throw new AssertionError("no frame " + wanted);
                }
                if (f.equals(wanted)) {
                    return;
                }
            }
        }

        Stream send(int type, int flags, int stream, byte[] payload) throws IOException {
            Buffer b = new Buffer(9 + payload.length).frame(payload.length, type, flags, stream).write(payload);
            synchronized (this) {
                out.write(b.data, 0, b.size);
                out.flush();
            }
            return this;
        }

        Stream settings() throws IOException {
            return send(4, 0, 0, new byte[0]);
        }

        /** Sends the headers of a response, if they were not sent: :status 200 and a content type with a Huffman code. */
        private void headers() throws IOException {
            if (!headersSent) {
                headersSent = true;
                byte[] type = "application/grpc".getBytes(StandardCharsets.US_ASCII);
                send(1, 4, 1, new Buffer(64).write(0x88).write(0x5f).write(type.length).write(type).toBytes());
            }
        }

        Stream respond(DiscoveryResponse response) throws IOException {
            headers();
            return message(response.toByteArray());
        }

        /** Sends a message in frames of 16 kB. */
        Stream message(byte[] m) throws IOException {
            headers();
            byte[] all = new Buffer(m.length + 5).write(0).int32(m.length).write(m).toBytes();
            for (int i = 0; i < all.length; i += 16384) {
                send(0, 0, 1, java.util.Arrays.copyOfRange(all, i, Math.min(all.length, i + 16384)));
            }
            return this;
        }

        /** Ends the call with a status. */
        Stream trailers(String status, String message) throws IOException {
            Buffer b = new Buffer(256);
            headers();
            for (String s : new String[] {"grpc-status", status, "grpc-message", message}) {
                if (s.startsWith("grpc-")) {
                    b.write(0x40);
                }
                b.write(s.length()).write(s.getBytes(StandardCharsets.US_ASCII));
            }
            return send(1, 5, 1, b.toBytes());
        }

        void raw(byte[] b) throws IOException {
            synchronized (this) {
                out.write(b);
                out.flush();
            }
        }

        void close() throws IOException {
            socket.close();
        }

        /** Closes the connection by a RST of TCP. */
        void reset() throws IOException {
            socket.setSoLinger(true, 0);
            socket.close();
        }
    }
}
