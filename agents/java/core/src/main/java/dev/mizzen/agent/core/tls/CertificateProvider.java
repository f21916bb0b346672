package dev.mizzen.agent.core.tls;

import dev.mizzen.agent.core.Log;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.nio.file.attribute.BasicFileAttributes;
import java.security.GeneralSecurityException;
import java.security.InvalidKeyException;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.SignatureException;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLException;
import javax.net.ssl.X509TrustManager;

/** A certificate provider of the bootstrap, with the plugin file_watcher. It looks at its files when a call needs them, at most once in its interval. */
public final class CertificateProvider {
    /** How soon files that could not be used are read again: they may have been read in the middle of a change. */
    private static final long AGAIN = TimeUnit.SECONDS.toNanos(1);

    /** What the files had at one moment. */
    static final class Loaded {
        /** Null if the provider has no certificate of its own. */
        final KeyManager[] keys;
        /** Null if the provider has no authorities. */
        final X509TrustManager roots;

        Loaded(KeyManager[] keys, X509TrustManager roots) {
            this.keys = keys;
            this.roots = roots;
        }
    }

    public final String name;
    private final String certificate, key, authorities;
    private final long interval;
    private volatile Loaded loaded;
    private volatile long next;
    private String seen = "", problem;

    /** @param interval in nanoseconds */
    public CertificateProvider(String name, String certificate, String key, String authorities, long interval) {
        this.name = name;
        this.certificate = certificate;
        this.key = key;
        this.authorities = authorities;
        this.interval = interval;
        this.next = System.nanoTime();
    }

    /** Returns what is in effect: the same object until the files change. */
    Loaded now() throws SSLException {
        if (System.nanoTime() - next >= 0) {
            look();
        }
        Loaded l = loaded;
        if (l == null) {
            throw new SSLException("the certificate provider \"" + name + "\" cannot be used: " + problem() + "; the call fails, because it must be encrypted");
        }
        return l;
    }

    private synchronized String problem() {
        return problem;
    }

    private synchronized void look() {
        if (System.nanoTime() - next < 0) {
            return;
        }
        String now = stamp(certificate) + stamp(key) + stamp(authorities), wrong = null;
        if (!now.equals(seen)) {
            try {
                loaded = load();
                seen = now;
            } catch (IOException | GeneralSecurityException | RuntimeException e) {
                wrong = e.getMessage() == null || e instanceof FileSystemException ? e.toString() : e.getMessage();
            }
            if (wrong == null ? problem != null : !wrong.equals(problem)) {
                Log.info("certificate provider \"" + name + "\": " + (wrong == null ? "the files can be used now" : wrong
                    + (loaded == null ? "; calls that must be encrypted fail" : "; the certificates before it stay in effect") + ". Correct the files; they are read again each second"));
            }
            problem = wrong;
        }
        next = System.nanoTime() + (wrong == null ? interval : Math.min(interval, AGAIN));
    }

    private static String stamp(String file) {
        if (file.isEmpty()) {
            return "-";
        }
        try {
            Path path = Paths.get(file);
            BasicFileAttributes a = Files.readAttributes(path, BasicFileAttributes.class);
            return path.toRealPath() + " " + a.lastModifiedTime().to(TimeUnit.NANOSECONDS) + " " + a.size() + "\n";
        } catch (IOException | RuntimeException e) {
            return "?";
        }
    }

    private Loaded load() throws IOException, GeneralSecurityException {
        KeyManager[] keys = null;
        if (!certificate.isEmpty()) {
            List<X509Certificate> chain = Pem.certificates(certificate);
            PrivateKey privateKey = Pem.privateKey(key);
            if (!fits(privateKey, chain.get(0))) {
                throw new GeneralSecurityException("the key in " + key + " is not of the certificate in " + certificate);
            }
            keys = Pem.keys(privateKey, chain);
        }
        return new Loaded(keys, authorities.isEmpty() ? null : Pem.trust(authorities));
    }

    private static boolean fits(PrivateKey key, X509Certificate certificate) throws GeneralSecurityException {
        String algorithm = key.getAlgorithm().equals("RSA") ? "SHA256withRSA" : key.getAlgorithm().equals("EC") ? "SHA256withECDSA" : "Ed25519";
        try {
            Signature s = Signature.getInstance(algorithm);
            s.initSign(key);
            s.update((byte) 1);
            byte[] signed = s.sign();
            s.initVerify(certificate.getPublicKey());
            s.update((byte) 1);
            return s.verify(signed);
        } catch (InvalidKeyException | SignatureException e) {
            return false;
        }
    }
}
