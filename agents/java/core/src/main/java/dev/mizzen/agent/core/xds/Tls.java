package dev.mizzen.agent.core.xds;

import dev.mizzen.agent.core.Bootstrap;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collection;
import java.util.List;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;

/** TLS to the control plane: its certificate must be of the bootstrap's authorities and for its name, and HTTP/2 is agreed on by ALPN. */
final class Tls {
    private static final String[] KEY_ALGORITHMS = {"RSA", "EC", "Ed25519"};
    private static final char[] NO_PASSWORD = {};

    private Tls() {
    }

    static Socket over(Socket socket, Bootstrap.Server s, int timeoutMillis) throws IOException {
        try {
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(keys(s), trust(s), null);
            SSLSocket tls = (SSLSocket) context.getSocketFactory().createSocket(socket, s.host, s.port, true);
            SSLParameters parameters = tls.getSSLParameters();
            parameters.setEndpointIdentificationAlgorithm("HTTPS");
            // These methods came with an update of Java 8.
            SSLParameters.class.getMethod("setApplicationProtocols", String[].class).invoke(parameters, (Object) new String[] {"h2"});
            tls.setSSLParameters(parameters);
            tls.setSoTimeout(timeoutMillis);
            tls.startHandshake();
            Object protocol = SSLSocket.class.getMethod("getApplicationProtocol").invoke(tls);
            if (!"h2".equals(protocol)) {
                throw new IOException("the server does not agree on HTTP/2");
            }
            return tls;
        } catch (ReflectiveOperationException e) {
            throw new IOException("TLS to the control plane needs ALPN, which Java 8 has from update 252 on", e);
        } catch (GeneralSecurityException | IllegalArgumentException e) {
            throw new IOException("TLS cannot be set up: " + e, e);
        }
    }

    private static TrustManager[] trust(Bootstrap.Server s) throws IOException, GeneralSecurityException {
        if (s.authorities.isEmpty()) {
            return null; // the authorities of the Java runtime
        }
        KeyStore store = emptyStore();
        int n = 0;
        for (Certificate c : certificates(s.authorities)) {
            store.setCertificateEntry(String.valueOf(n++), c);
        }
        if (n == 0) {
            throw new IOException("the file " + s.authorities + " has no certificate");
        }
        TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        factory.init(store);
        return factory.getTrustManagers();
    }

    private static KeyManager[] keys(Bootstrap.Server s) throws IOException, GeneralSecurityException {
        if (s.certificate.isEmpty() || s.key.isEmpty()) {
            return null;
        }
        KeyStore store = emptyStore();
        store.setKeyEntry("client", privateKey(s.key), NO_PASSWORD, certificates(s.certificate).toArray(new Certificate[0]));
        KeyManagerFactory factory = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        factory.init(store, NO_PASSWORD);
        return factory.getKeyManagers();
    }

    private static KeyStore emptyStore() throws IOException, GeneralSecurityException {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        return store;
    }

    private static Collection<? extends Certificate> certificates(String file) throws IOException, GeneralSecurityException {
        List<Certificate> all = new ArrayList<>();
        for (byte[] der : pem(file, "CERTIFICATE")) {
            all.add(CertificateFactory.getInstance("X.509").generateCertificate(new ByteArrayInputStream(der)));
        }
        return all;
    }

    private static PrivateKey privateKey(String file) throws IOException, GeneralSecurityException {
        List<byte[]> keys = pem(file, "PRIVATE KEY");
        if (keys.isEmpty()) {
            throw new IOException("the file " + file + " has no key in PKCS #8; convert it with: openssl pkcs8 -topk8 -nocrypt");
        }
        GeneralSecurityException last = null;
        for (String algorithm : KEY_ALGORITHMS) {
            try {
                return KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(keys.get(0)));
            } catch (GeneralSecurityException e) {
                last = e;
            }
        }
        throw last;
    }

    /** Returns the blocks of a PEM file that have a label. */
    private static List<byte[]> pem(String file, String label) throws IOException {
        String text = new String(Files.readAllBytes(Paths.get(file)), StandardCharsets.ISO_8859_1);
        String begin = "-----BEGIN " + label + "-----", end = "-----END " + label + "-----";
        List<byte[]> blocks = new ArrayList<>();
        for (int at = text.indexOf(begin); at >= 0; at = text.indexOf(begin, at)) {
            int to = text.indexOf(end, at);
            if (to < 0) {
                break;
            }
            blocks.add(Base64.getMimeDecoder().decode(text.substring(at + begin.length(), to)));
            at = to;
        }
        return blocks;
    }
}
