package dev.mizzen.agent.core.xds;

import dev.mizzen.agent.core.Bootstrap;
import dev.mizzen.agent.core.Log;
import dev.mizzen.agent.core.wire.Connection;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;

/** Connects to a server of the bootstrap. */
final class Dial {
    private static final int CONNECT_MILLIS = 5_000;
    /** The control plane allows a PING each 10 seconds, istiod each 15. */
    private static final int PING_AFTER_MILLIS = 20_000, PING_TIMEOUT_MILLIS = 10_000;

    private Dial() {
    }

    static Connection connect(Bootstrap.Server s, String path, Connection.Peer peer) throws IOException {
        List<String> headers = new ArrayList<>();
        if (!s.token.isEmpty()) {
            headers.add("authorization");
            headers.add("Bearer " + token(s.token));
        }
        Socket socket = tcp(s);
        try {
            if (s.tls) {
                socket = Tls.over(socket, s, CONNECT_MILLIS);
            }
            return new Connection(socket, s.tls, s.address(), path, headers, PING_AFTER_MILLIS, PING_TIMEOUT_MILLIS, peer);
        } catch (IOException | RuntimeException e) {
            socket.close();
            throw e;
        }
    }

    /** Reads the token anew for each stream, for it is replaced before it expires. */
    private static String token(String file) throws IOException {
        String token;
        try {
            token = new String(Files.readAllBytes(Paths.get(file)), StandardCharsets.ISO_8859_1).trim();
        } catch (IOException e) {
            throw new IOException("the token file " + file + " cannot be read: " + Log.why(e), e);
        }
        if (token.isEmpty()) {
            throw new IOException("the token file " + file + " is empty");
        }
        return token;
    }

    /** Tries the addresses of the server one after the other, from a random one on. */
    private static Socket tcp(Bootstrap.Server s) throws IOException {
        InetAddress[] addresses;
        try {
            addresses = InetAddress.getAllByName(s.host);
        } catch (UnknownHostException e) { // whose text differs from the second time on
            throw new IOException("the name " + s.host + " does not resolve", e);
        }
        int first = ThreadLocalRandom.current().nextInt(addresses.length);
        IOException last = null;
        for (int i = 0; i < addresses.length; i++) {
            Socket socket = new Socket(java.net.Proxy.NO_PROXY);
            try {
                socket.setTcpNoDelay(true);
                socket.connect(new InetSocketAddress(addresses[(first + i) % addresses.length], s.port), CONNECT_MILLIS);
                return socket;
            } catch (IOException e) {
                socket.close();
                last = e;
            }
        }
        throw last;
    }
}
