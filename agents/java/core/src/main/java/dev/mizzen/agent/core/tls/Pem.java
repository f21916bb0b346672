package dev.mizzen.agent.core.tls;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;

/** Certificates and keys in PEM files. */
public final class Pem {
    private static final String[] KEY_ALGORITHMS = {"RSA", "EC", "Ed25519"};
    private static final char[] NO_PASSWORD = {};
    /** AlgorithmIdentifiers: rsaEncryption, whole, and the OID id-ecPublicKey, without the curve. */
    private static final byte[] RSA = {0x30, 0x0d, 0x06, 0x09, 0x2a, (byte) 0x86, 0x48, (byte) 0x86, (byte) 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00},
        EC = {0x06, 0x07, 0x2a, (byte) 0x86, 0x48, (byte) 0xce, 0x3d, 0x02, 0x01}, VERSION_0 = {0x02, 0x01, 0x00};
    private static final int SEQUENCE = 0x30, OCTETS = 0x04, PARAMETERS = 0xa0;

    private Pem() {
    }

    /** Returns what trusts the authorities of a file; those of the Java runtime if the name is empty. */
    public static X509TrustManager trust(String file) throws IOException, GeneralSecurityException {
        KeyStore store = null;
        if (!file.isEmpty()) {
            store = emptyStore();
            int n = 0;
            for (Certificate c : certificates(file)) {
                store.setCertificateEntry(String.valueOf(n++), c);
            }
        }
        TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        factory.init(store);
        for (TrustManager m : factory.getTrustManagers()) {
            if (m instanceof X509TrustManager) {
                return (X509TrustManager) m;
            }
        }
        throw new GeneralSecurityException("this Java runtime verifies no certificates");
    }

    /** Returns what presents a certificate. */
    public static KeyManager[] keys(PrivateKey key, List<X509Certificate> chain) throws IOException, GeneralSecurityException {
        KeyStore store = emptyStore();
        store.setKeyEntry("client", key, NO_PASSWORD, chain.toArray(new Certificate[0]));
        KeyManagerFactory factory = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        factory.init(store, NO_PASSWORD);
        return factory.getKeyManagers();
    }

    private static KeyStore emptyStore() throws IOException, GeneralSecurityException {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        return store;
    }

    /** Reads all certificates of a file. There is at least one. */
    public static List<X509Certificate> certificates(String file) throws IOException, GeneralSecurityException {
        String text = text(file);
        List<X509Certificate> all = new ArrayList<>();
        for (int at = 0; (at = text.indexOf("-----BEGIN CERTIFICATE-----", at)) >= 0; at++) {
            byte[] der = block(text.substring(at), "CERTIFICATE");
            all.add((X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(new ByteArrayInputStream(der == null ? new byte[0] : der)));
        }
        if (all.isEmpty()) {
            throw new IOException("the file " + file + " has no certificate");
        }
        return all;
    }

    /** Reads a key in PKCS #8, or in the older forms of RSA and EC keys. */
    public static PrivateKey privateKey(String file) throws IOException, GeneralSecurityException {
        String text = text(file);
        byte[] der = block(text, "PRIVATE KEY"), rsa = block(text, "RSA PRIVATE KEY"), ec = block(text, "EC PRIVATE KEY");
        if (der == null && rsa != null) {
            der = wrap(SEQUENCE, VERSION_0, RSA, wrap(OCTETS, rsa));
        } else if (der == null && ec != null) {
            der = wrap(SEQUENCE, VERSION_0, wrap(SEQUENCE, EC, curve(ec)), wrap(OCTETS, ec));
        }
        if (der == null) {
            throw new IOException("the file " + file + " has no key that is not encrypted; convert it with: openssl pkcs8 -topk8 -nocrypt");
        }
        GeneralSecurityException last = null;
        for (String algorithm : KEY_ALGORITHMS) {
            try {
                return KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(der));
            } catch (GeneralSecurityException e) {
                last = last == null ? e : last;
            }
        }
        throw new GeneralSecurityException("the key in " + file + " is not of RSA, EC or Ed25519, or it is damaged", last);
    }

    private static String text(String file) throws IOException {
        return new String(Files.readAllBytes(Paths.get(file)), StandardCharsets.ISO_8859_1);
    }

    /** Returns the first block with a label that is not an encrypted one; null if there is none. */
    private static byte[] block(String text, String label) throws IOException {
        String begin = "-----BEGIN " + label + "-----", end = "-----END " + label + "-----";
        int at = text.indexOf(begin), to = text.indexOf(end, Math.max(at, 0));
        if (at < 0 || to < 0) {
            return null;
        }
        String body = text.substring(at + begin.length(), to);
        if (body.indexOf(':') >= 0) {
            return null; // the headers of an encrypted key
        }
        try {
            return Base64.getMimeDecoder().decode(body);
        } catch (IllegalArgumentException e) {
            throw new IOException("a block " + label + " is damaged: " + e.getMessage(), e);
        }
    }

    /** Makes an element of DER. */
    private static byte[] wrap(int tag, byte[]... parts) {
        int length = 0;
        for (byte[] p : parts) {
            length += p.length;
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream(length + 4);
        out.write(tag);
        if (length > 0x7f) {
            out.write(length > 0xff ? 0x82 : 0x81);
            if (length > 0xff) {
                out.write(length >>> 8);
            }
        }
        out.write(length);
        for (byte[] p : parts) {
            out.write(p, 0, p.length);
        }
        return out.toByteArray();
    }

    /** Returns the curve that an ECPrivateKey names: SEQUENCE {version, OCTET STRING, [0] curve, ...}. */
    private static byte[] curve(byte[] key) throws GeneralSecurityException {
        try {
            for (int at = content(key, 0); at < key.length; at = content(key, at) + length(key, at)) {
                if ((key[at] & 0xff) == PARAMETERS) {
                    int from = content(key, at);
                    return Arrays.copyOfRange(key, from, from + length(key, at));
                }
            }
        } catch (IndexOutOfBoundsException | IllegalArgumentException e) {
            throw new GeneralSecurityException("the EC key is damaged", e);
        }
        throw new GeneralSecurityException("the EC key names no curve; convert it with: openssl pkcs8 -topk8 -nocrypt");
    }

    private static int content(byte[] der, int at) {
        return at + 2 + ((der[at + 1] & 0x80) == 0 ? 0 : der[at + 1] & 0x7f);
    }

    private static int length(byte[] der, int at) {
        int length = der[at + 1] & 0xff;
        if (length <= 0x7f) {
            return length;
        }
        int sum = 0;
        for (int i = at + 2; i < content(der, at); i++) {
            sum = sum << 8 | der[i] & 0xff;
        }
        return sum;
    }
}
