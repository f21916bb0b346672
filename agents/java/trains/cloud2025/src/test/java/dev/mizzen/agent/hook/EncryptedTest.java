package dev.mizzen.agent.hook;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsExchange;
import com.sun.net.httpserver.HttpsParameters;
import com.sun.net.httpserver.HttpsServer;
import dev.mizzen.agent.adapters.JdkCalls;
import dev.mizzen.agent.bridge.Tls;
import dev.mizzen.agent.core.tls.CertificateProvider;
import dev.mizzen.agent.core.tls.CertificateProviders;
import dev.mizzen.agent.core.tls.Pem;
import dev.mizzen.agent.core.tls.UpstreamTls;
import dev.mizzen.agent.core.wire.Buffer;
import java.lang.ref.WeakReference;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.BiFunction;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.TrustManager;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Calls that the mesh encrypts, by each client library, and calls that the application encrypts itself. */
@Timeout(60)
class EncryptedTest {
    private static final String TLS = "../../core/src/test/resources/tls/";
    private static final BlockingQueue<String> REQUESTS = new LinkedBlockingQueue<>();
    private static BiFunction<String, String, Map<String, String>> application;
    private static HttpsServer server;

    @BeforeAll
    static void start() throws Exception {
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(Pem.keys(Pem.privateKey(TLS + "server.key"), Pem.certificates(TLS + "server.pem")), new TrustManager[] {Pem.trust(TLS + "ca.pem")}, null);
        server = HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setHttpsConfigurator(new HttpsConfigurator(context) {
            @Override
            public void configure(HttpsParameters parameters) {
                SSLParameters p = context.getDefaultSSLParameters();
                p.setWantClientAuth(true);
                parameters.setSSLParameters(p);
            }
        });
        server.createContext("/", exchange -> {
            String body;
            try {
                body = ((HttpsExchange) exchange).getSSLSession().getPeerPrincipal().getName();
            } catch (SSLPeerUnverifiedException e) {
                body = "nobody";
            }
            body += " " + exchange.getRequestURI() + " " + exchange.getRequestHeaders().getFirst("Host");
            REQUESTS.add(body);
            exchange.sendResponseHeaders(200, body.length());
            exchange.getResponseBody().write(body.getBytes(StandardCharsets.UTF_8));
            exchange.close();
        });
        server.start();
        application = Application.start("shop.EncryptedClients");
    }

    @AfterAll
    static void stop() {
        server.stop(0);
    }

    private static Tls tls(String name) throws Exception {
        Buffer provider = new Buffer(16).string(1, "default"), match = new Buffer(16).string(1, name);
        UpstreamTls demand = UpstreamTls.decode(new Buffer(64).message(1, new Buffer(64).message(14, provider)
                .message(3, new Buffer(64).message(13, provider).message(9, match))).toBytes());
        demand.use(new CertificateProviders(Collections.singletonList(new CertificateProvider("default", TLS + "ec.pem", TLS + "ec.key", TLS + "ca.pem", 1_000_000_000L))));
        return demand.now();
    }

    private static Script orders(String name) throws Exception {
        Script script = Script.known(server.getAddress().getPort());
        script.tls = tls(name);
        Application.mesh = script;
        REQUESTS.clear();
        return script;
    }

    private static String own() {
        return "https://127.0.0.1:" + server.getAddress().getPort() + "/own";
    }

    @ParameterizedTest
    @ValueSource(strings = {"Simple", "Careless", "Jdk", "Reactor", "HttpComponents", "Web", "WebJdk", "Feign", "FeignCareless", "FeignHc5", "FeignOkHttp", "FeignJdk", "PlainHc5"})
    void callsPresentAndVerify(String client) throws Exception {
        String name = "spiffe://cluster.local/ns/demo/sa/orders";
        orders(name);
        String want = "{body=CN=ec /a?x=1 127.0.0.1:" + server.getAddress().getPort() + "}";
        assertEquals(want, application.apply(client, "http://orders/a?x=1").toString());
        assertEquals(want, application.apply(client, "http://orders/a?x=1").toString());
        REQUESTS.clear();
        // The connection that is open is not for other calls to the same address: they have the application's own TLS.
        Map<String, String> own = application.apply(client, own());
        if (client.endsWith("Careless")) {
            assertTrue(own.toString().startsWith("{body=nobody /own"), own::toString);
        } else {
            assertTrue(own.toString().contains("PKIX"), own::toString);
            assertEquals(0, REQUESTS.size(), REQUESTS::toString);
        }
        Script other = orders("spiffe://cluster.local/ns/demo/sa/other");
        Map<String, String> refused = application.apply(client, "http://orders/a");
        assertTrue(refused.toString().contains("the mesh expects another name"), refused::toString);
        assertEquals(0, REQUESTS.size(), REQUESTS::toString);
        assertEquals("[failed]", other.ends.toString());
        orders(name);
        assertEquals(want, application.apply(client, "http://orders/a?x=1").toString());
    }

    /** An application that is stopped leaves nothing behind, although the mesh keeps its certificates. */
    @Test
    void applicationsAreUnloaded() throws Exception {
        Script script = orders("spiffe://cluster.local/ns/demo/sa/orders");
        List<WeakReference<ClassLoader>> loaders = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            BiFunction<String, String, Map<String, String>> redeployed = Application.start("shop.EncryptedClients");
            for (String client : new String[] {"Simple", "Feign"}) {
                assertTrue(redeployed.apply(client, "http://orders/a").toString().startsWith("{body=CN=ec"));
            }
            loaders.add(new WeakReference<>(redeployed.getClass().getClassLoader()));
        }
        script.request = null;
        long limit = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
        while (loaders.stream().anyMatch(l -> l.get() != null)) {
            assertTrue(System.nanoTime() < limit, loaders.stream().filter(l -> l.get() != null).count() + " class loaders are still there");
            System.gc();
            Thread.yield();
        }
    }

    /** The JDK's classes are not woven here. */
    @Test
    @SuppressWarnings("unchecked")
    void callsOfTheJdksClientPresentAndVerify() throws Exception {
        HttpClient client = HttpClient.newHttpClient();
        HttpRequest request = HttpRequest.newBuilder(URI.create("http://orders/a?x=1")).build();
        JdkCalls calls = new JdkCalls(orders("spiffe://cluster.local/ns/demo/sa/orders"));
        String body = ((CompletableFuture<HttpResponse<String>>) calls.before(client, request, HttpResponse.BodyHandlers.ofString(), null)).join().body();
        assertEquals("CN=ec /a?x=1 127.0.0.1:" + server.getAddress().getPort(), body);
        JdkCalls other = new JdkCalls(orders("spiffe://cluster.local/ns/demo/sa/other"));
        Throwable refused = assertThrows(CompletionException.class, ((CompletableFuture<?>) other.before(client, request, HttpResponse.BodyHandlers.ofString(), null))::join);
        assertTrue(refused.toString().contains("the mesh expects another name"), refused::toString);
        assertEquals(0, REQUESTS.size(), REQUESTS::toString);
    }

    @ParameterizedTest
    @CsvSource({"Own, shop.EncryptedClients$Opener", "PlainHc4, org.apache.http.", "PlainOkHttp, okhttp3."})
    void clientsThatCannotEncryptFail(String client, String library) throws Exception {
        Script script = orders("spiffe://cluster.local/ns/demo/sa/orders");
        Map<String, String> outcome = application.apply(client, "http://orders/a");
        assertTrue(outcome.toString().contains("and " + library) && outcome.toString().contains("cannot be given the mesh's certificates"), outcome::toString);
        assertTrue(outcome.toString().contains("Use HttpURLConnection"), outcome::toString);
        assertEquals(0, REQUESTS.size(), REQUESTS::toString);
        assertEquals("[failed]", script.ends.toString());
    }
}
