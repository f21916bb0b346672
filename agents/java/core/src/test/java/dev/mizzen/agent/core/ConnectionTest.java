package dev.mizzen.agent.core;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.mizzen.agent.core.wire.Connection;
import dev.mizzen.agent.core.wire.Reader;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.util.Collections;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** A connection alone, with short limits. */
class ConnectionTest {
    private static final String PING = "6/0/8";

    /** A peer that is silent is asked, and given up if it does not answer. One that answers lives on. */
    @Test
    void givesUpAPeerThatDoesNotAnswerPings() throws Exception {
        LinkedBlockingQueue<String> wakes = new LinkedBlockingQueue<>();
        try (ScriptedServer server = new ScriptedServer(); Connection c = connect(server, 20, 200, wakes)) {
            c.write(null);
            ScriptedServer.Stream s = server.next().settings();
            CompletableFuture<Void> reading = CompletableFuture.runAsync(() -> {
                try {
                    c.read();
                } catch (IOException e) {
                    throw new java.util.concurrent.CompletionException(e);
                }
            });
            CompletableFuture<Void> writing = CompletableFuture.runAsync(() -> {
                try {
                    while (!reading.isDone()) {
                        wakes.poll(10, TimeUnit.MILLISECONDS);
                        c.write(null);
                    }
                } catch (IOException | InterruptedException e) {
                    throw new java.util.concurrent.CompletionException(e);
                }
            });
            for (int i = 0; i < 3; i++) {
                s.frame(PING);
            }
            s.answersPings = false;
            ExecutionException e = assertThrows(ExecutionException.class, () -> reading.get(20, TimeUnit.SECONDS));
            assertEquals("the server is silent and does not answer a PING", e.getCause().getMessage());
            writing.get(20, TimeUnit.SECONDS);
        }
    }

    private static Connection connect(ScriptedServer server, int pingAfter, int pingTimeout, LinkedBlockingQueue<String> wakes) throws IOException {
        return new Connection(new Socket(InetAddress.getLoopbackAddress(), server.port()), false, "a", "/p", Collections.emptyList(), pingAfter, pingTimeout, new Connection.Peer() {
            @Override
            public void message(Reader message) {
                throw new AssertionError("there is no message");
            }

            @Override
            public void connected() {
                wakes.add("connected");
            }

            @Override
            public void wake() {
                wakes.add("wake");
            }
        });
    }
}
