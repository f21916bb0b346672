package dev.mizzen.agent.core.tls;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.TextFormat;
import dev.mizzen.agent.bridge.Tls;
import dev.mizzen.agent.core.wire.Refused;
import io.envoyproxy.envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.nio.file.StandardCopyOption;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.ExtendedSSLSession;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** TLS to endpoints. The certificates of the folder tls are signed by ca.pem; stranger.pem is another authority. */
@Timeout(60)
class TlsTest {
    private static final String PROVIDER = "instance_name: 'default'", IDENTITY = "tls_certificate_provider_instance {" + PROVIDER + "} ",
        ROOTS = "ca_certificate_provider_instance {" + PROVIDER + "} ", ORDERS = "match_subject_alt_names {exact: 'spiffe://cluster.local/ns/demo/sa/orders'}";

    @TempDir
    Path dir;

    private static Path file(String name) {
        try {
            return Paths.get(TlsTest.class.getResource("/tls/" + name).toURI());
        } catch (URISyntaxException e) {
            throw new AssertionError(e);
        }
    }

    private static CertificateProvider provider(String certificate, String key, String authorities) {
        return new CertificateProvider("default", certificate, key, authorities, 1);
    }

    private static CertificateProvider of(String certificate, String key, String authorities) {
        return provider(certificate.isEmpty() ? "" : file(certificate).toString(), key.isEmpty() ? "" : file(key).toString(), authorities.isEmpty() ? "" : file(authorities).toString());
    }

    private static UpstreamTls demand(String context) throws TextFormat.ParseException {
        UpstreamTlsContext.Builder b = UpstreamTlsContext.newBuilder();
        TextFormat.merge(context, b);
        return UpstreamTls.decode(b.build().toByteArray());
    }

    private static UpstreamTls valid(String validation) throws TextFormat.ParseException {
        return demand("common_tls_context {" + IDENTITY + "validation_context {" + validation + "}}");
    }

    private static Tls tls(UpstreamTls demand, CertificateProvider... providers) throws SSLException {
        demand.use(new CertificateProviders(Arrays.asList(providers)));
        return demand.now();
    }

    /** What a server got from a client: its identity, and the server name. */
    private static String call(Tls tls) throws Exception {
        SSLContext server = SSLContext.getInstance("TLS");
        server.init(Pem.keys(Pem.privateKey(file("server.key").toString()), Pem.certificates(file("server.pem").toString())), new TrustManager[] {Pem.trust(file("ca.pem").toString())}, null);
        try (SSLServerSocket listener = (SSLServerSocket) server.getServerSocketFactory().createServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
            listener.setWantClientAuth(true);
            CompletableFuture<String> seen = CompletableFuture.supplyAsync(() -> {
                try (SSLSocket s = (SSLSocket) listener.accept()) {
                    s.startHandshake();
                    ExtendedSSLSession session = (ExtendedSSLSession) s.getSession();
                    String names = session.getRequestedServerNames().isEmpty() ? "" : ((SNIHostName) session.getRequestedServerNames().get(0)).getAsciiName();
                    String identity;
                    try {
                        identity = ((X509Certificate) session.getPeerCertificates()[0]).getSubjectX500Principal().getName();
                    } catch (javax.net.ssl.SSLPeerUnverifiedException e) {
                        identity = "nobody";
                    }
                    s.getOutputStream().write(1);
                    return identity + " " + names;
                } catch (IOException e) {
                    return "failed";
                }
            });
            try (SSLSocket s = (SSLSocket) tls.sockets().createSocket("127.0.0.1", listener.getLocalPort())) {
                s.startHandshake();
                assertEquals(1, s.getInputStream().read());
                assertTrue(tls.verifier().verify("whatever", s.getSession()));
            }
            return seen.get(30, TimeUnit.SECONDS);
        }
    }

    @Test
    void presentsKeysOfAllForms() throws Exception {
        String[][] cases = {{"rsa.pem", "rsa.key"}, {"rsa.pem", "rsa-pkcs8.key"}, {"ec.pem", "ec.key"}, {"ec.pem", "ec-pkcs8.key"}, {"ed25519.pem", "ed25519.key"}};
        for (String[] c : cases) {
            String want = "CN=" + c[0].substring(0, c[0].indexOf('.')) + " ";
            assertEquals(want, call(tls(valid(ROOTS + ORDERS), of(c[0], c[1], "ca.pem"))), c[1]);
        }
        assertEquals("nobody ", call(tls(demand("common_tls_context {validation_context {" + ROOTS + ORDERS + "}}"), of("rsa.pem", "rsa.key", "ca.pem"))), "no certificate is demanded");
        assertEquals("CN=ec db.sni", call(tls(demand("sni: 'db.sni' common_tls_context {" + IDENTITY + "combined_validation_context {default_validation_context {" + ROOTS + ORDERS + "}}}"),
            of("ec.pem", "ec.key", "ca.pem"))));
    }

    @Test
    void verifiesTheAuthorityAndTheNames() throws Exception {
        CertificateProvider ca = of("ec.pem", "ec.key", "ca.pem");
        String[] right = {ORDERS, "match_subject_alt_names {prefix: 'spiffe://cluster.local/ns/demo/'}", "match_subject_alt_names {suffix: '/orders'}",
            "match_subject_alt_names {contains: '/ns/demo/'}", "match_subject_alt_names {safe_regex {regex: 'spiffe://[a-z.]+/ns/demo/sa/.*'}}",
            "match_subject_alt_names {exact: 'SPIFFE://CLUSTER.LOCAL/NS/DEMO/SA/ORDERS' ignore_case: true}", "match_subject_alt_names {exact: 'DB.example'}",
            "match_subject_alt_names {exact: 'a.shop.example'}", "match_subject_alt_names {exact: 'x'} match_subject_alt_names {exact: 'db.example'}",
            "match_typed_subject_alt_names {san_type: DNS matcher {exact: 'db.example'}}", "match_typed_subject_alt_names {san_type: URI matcher {suffix: '/sa/orders'}}"};
        for (String names : right) {
            assertEquals("CN=ec ", call(tls(valid(ROOTS + names), ca)), names);
        }
        String[] wrong = {"match_subject_alt_names {exact: 'spiffe://cluster.local/ns/demo/sa/order'}", "match_subject_alt_names {prefix: 'spiffe://cluster.local/ns/other/'}",
            "match_subject_alt_names {exact: '127.0.0.1'}", "match_subject_alt_names {exact: 'server'}", "match_subject_alt_names {exact: 'shop.example'}",
            "match_subject_alt_names {exact: 'a.b.shop.example'}", "match_subject_alt_names {safe_regex {regex: 'demo'}}",
            "match_typed_subject_alt_names {san_type: URI matcher {exact: 'db.example'}}", "match_typed_subject_alt_names {san_type: DNS matcher {suffix: '/sa/orders'}}"};
        for (String names : wrong) {
            SSLException e = assertThrows(SSLException.class, () -> call(tls(valid(ROOTS + names), ca)), names);
            assertTrue(e.getMessage().contains("the mesh expects another name"), e::getMessage);
        }
        assertThrows(SSLException.class, () -> call(tls(valid(ROOTS + ORDERS), of("ec.pem", "ec.key", "stranger.pem"))), "another authority");
        assertThrows(SSLException.class, () -> call(tls(valid("system_root_certs {} " + ORDERS), ca)), "the authorities of Java");
        UpstreamTls names = valid(ROOTS + ORDERS);
        X509Certificate[] chain = Pem.certificates(file("ec.pem").toString()).toArray(new X509Certificate[0]);
        assertThrows(CertificateException.class, () -> new Peer(Pem.trust(file("ca.pem").toString()), names.names).checkServerTrusted(chain, "ECDHE_ECDSA"));
    }

    /** What cannot be done as it is demanded is refused: nothing is left out. */
    @Test
    void refusesWhatItCannotDo() {
        String common = "common_tls_context {" + IDENTITY, ok = "validation_context {" + ROOTS + ORDERS + "}";
        String[][] cases = {
            {"", "without match_subject_alt_names"}, {common + "validation_context {" + ROOTS + "}}", "without match_subject_alt_names"},
            {common + "validation_context {" + ORDERS + "}}", "without authorities"},
            {common + ok + "} auto_host_sni: true", "an UpstreamTlsContext has the field 6"}, {common + ok + "} allow_renegotiation: true", "field 3"},
            {common + ok + " alpn_protocols: 'h2'}", "alpn_protocols does not have http/1.1"}, {common + ok + " tls_params {tls_minimum_protocol_version: TLSv1_3}}", "a CommonTlsContext has the field 1"},
            {common + ok + " tls_certificates {}}", "field 2"}, {common + "validation_context {" + ROOTS + ORDERS + " trusted_ca {inline_string: 'x'}}}", "a CertificateValidationContext has the field 1"},
            {common + "validation_context {" + ROOTS + ORDERS + " crl {inline_string: 'x'}}}", "field 7"},
            {common + "validation_context {" + ROOTS + ORDERS + " trust_chain_verification: ACCEPT_UNTRUSTED}}", "field 10"},
            {common + "validation_context {" + ROOTS + "match_typed_subject_alt_names {san_type: EMAIL matcher {exact: 'a'}}}}", "is for names of type 1"},
            {common + "validation_context {" + ROOTS + "match_subject_alt_names {}}}", "a string matcher is empty"},
            {"common_tls_context {tls_certificate_provider_instance {} " + ok + "}", "has no name"}};
        for (String[] c : cases) {
            Refused e = assertThrows(Refused.class, () -> demand(c[0]), c[0]);
            assertTrue(e.getMessage().contains(c[1]), c[0] + ": " + e.getMessage());
        }
    }

    @Test
    void failsWithoutCertificatesThatCanBeUsed() throws Exception {
        UpstreamTls demand = valid(ROOTS + ORDERS);
        String[][] cases = {{"rsa.pem", "ec.key", "ca.pem", "is not of the certificate"}, {"rsa.pem", "encrypted.key", "ca.pem", "no key that is not encrypted"},
            {"rsa.key", "rsa.key", "ca.pem", "has no certificate"}, {"rsa.pem", "rsa.pem", "ca.pem", "no key"}, {"ec.pem", "ec.key", "ec.key", "has no certificate"}};
        for (String[] c : cases) {
            SSLException e = assertThrows(SSLException.class, () -> tls(demand, of(c[0], c[1], c[2])));
            assertTrue(e.getMessage().contains(c[3]) && e.getMessage().contains("the call fails"), e::getMessage);
        }
        Path damaged = Files.write(dir.resolve("damaged.pem"), "-----BEGIN CERTIFICATE-----\nabcd\n-----END CERTIFICATE-----\n".getBytes(StandardCharsets.US_ASCII));
        assertThrows(SSLException.class, () -> tls(demand, provider(damaged.toString(), file("ec.key").toString(), file("ca.pem").toString())));
        Path half = Files.write(dir.resolve("half.key"), Arrays.copyOf(Files.readAllBytes(file("ec.key")), 200));
        assertThrows(SSLException.class, () -> tls(demand, provider(file("ec.pem").toString(), half.toString(), file("ca.pem").toString())));
        assertTrue(assertThrows(SSLException.class, () -> tls(demand, provider("/nowhere/tls.crt", "/nowhere/tls.key", "/nowhere/ca.crt"))).getMessage().contains("/nowhere/tls.crt"));
        assertTrue(assertThrows(SSLException.class, () -> tls(demand)).getMessage().contains("no certificate provider \"default\""));
        assertTrue(assertThrows(SSLException.class, () -> tls(demand, of("", "", "ca.pem"))).getMessage().contains("has no certificate"));
        assertTrue(assertThrows(SSLException.class, () -> tls(demand, of("ec.pem", "ec.key", ""))).getMessage().contains("has no authorities"));
        assertThrows(SSLException.class, valid(ROOTS + ORDERS)::now, "nothing was said about certificates");
    }

    /** Connections of different TLS are kept apart, so equal demands share it, until the files change. */
    @Test
    void followsFiles() throws Exception {
        String[] names = {"tls.crt", "tls.key", "ca.crt"};
        copy(names, "ec.pem", "ec.key", "ca.pem");
        CertificateProviders providers = new CertificateProviders(Collections.singletonList(
            provider(dir.resolve("tls.crt").toString(), dir.resolve("tls.key").toString(), dir.resolve("ca.crt").toString())));
        UpstreamTls a = valid(ROOTS + ORDERS), b = valid(ROOTS + ORDERS), c = valid(ROOTS + "match_subject_alt_names {exact: 'db.example'}");
        for (UpstreamTls demand : Arrays.asList(a, b, c)) {
            demand.use(providers);
        }
        Tls first = a.now();
        assertSame(first, b.now());
        assertNotSame(first, c.now());
        assertEquals("CN=ec ", call(first));
        copy(names, "rsa.pem", "rsa.key", "ca.pem");
        Tls second = a.now();
        assertNotSame(first, second);
        assertEquals("CN=rsa ", call(second));
        ByteArrayOutputStream log = new ByteArrayOutputStream();
        PrintStream err = System.err;
        System.setErr(new PrintStream(log, true, "UTF-8"));
        try {
            copy(names, "ec.pem"); // the key follows later
            for (int i = 0; i < 3; i++) {
                assertSame(second, a.now());
            }
            Files.delete(dir.resolve("tls.key"));
            assertSame(second, a.now());
        } finally {
            System.setErr(err);
        }
        List<String> lines = Arrays.asList(log.toString("UTF-8").split("\n"));
        assertEquals(2, lines.size(), lines::toString);
        assertTrue(lines.get(0).contains("is not of the certificate") && lines.get(0).contains("the certificates before it stay in effect"), lines::toString);
        copy(names, "ec.pem", "ec.key", "stranger.pem");
        Tls third = a.now();
        assertThrows(SSLException.class, () -> call(third), "another authority");
    }

    private void copy(String[] names, String... files) throws IOException {
        for (int i = 0; i < files.length; i++) {
            Files.copy(file(files[i]), dir.resolve("new"), StandardCopyOption.REPLACE_EXISTING);
            Files.move(dir.resolve("new"), dir.resolve(names[i]), StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
        }
    }
}
