package dev.mizzen.agent.hook;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;

/** A provider: it answers with its status and its name, and notes what it got. */
final class Pod implements AutoCloseable {
    final BlockingQueue<String> requests = new LinkedBlockingQueue<>();
    final BlockingQueue<Headers> headers = new LinkedBlockingQueue<>();
    /** Answers are held until it is open. */
    final CountDownLatch gate;
    private final HttpServer server;
    private final ExecutorService threads = Executors.newCachedThreadPool();

    Pod(int status, boolean open) throws IOException {
        gate = new CountDownLatch(open ? 0 : 1);
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(threads);
        server.createContext("/", exchange -> {
            requests.add(exchange.getRequestMethod() + " " + exchange.getRequestURI());
            headers.add(exchange.getRequestHeaders());
            try {
                gate.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            byte[] body = ("pod " + port()).getBytes(StandardCharsets.UTF_8);
            exchange.getResponseHeaders().set("x-pod", "yes");
            exchange.sendResponseHeaders(status, body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        });
        server.start();
    }

    int port() {
        return server.getAddress().getPort();
    }

    @Override
    public void close() {
        gate.countDown();
        server.stop(0);
        threads.shutdownNow();
    }
}
