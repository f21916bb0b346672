package dev.mizzen.agent.core.tls;

import java.net.Socket;
import java.security.cert.CertificateException;
import java.security.cert.CertificateParsingException;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import javax.net.ssl.HostnameVerifier;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSession;
import javax.net.ssl.X509ExtendedTrustManager;
import javax.net.ssl.X509TrustManager;

/** Verifies servers: a certificate of the authorities, with one of the names. Whatever a library asks for, the name of the host is not compared. */
final class Peer extends X509ExtendedTrustManager implements HostnameVerifier {
    /** Types of names in X.509. */
    static final int EMAIL = 1, DNS = 2, URI = 6, IP = 7;

    private final X509TrustManager roots;
    private final List<UpstreamTls.Name> names;

    Peer(X509TrustManager roots, List<UpstreamTls.Name> names) {
        this.roots = roots;
        this.names = names;
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String type) throws CertificateException {
        roots.checkServerTrusted(chain, type);
        check(chain[0]);
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String type, Socket socket) throws CertificateException {
        checkServerTrusted(chain, type);
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String type, SSLEngine engine) throws CertificateException {
        checkServerTrusted(chain, type);
    }

    /** Accepts a certificate with one of the names. */
    private void check(X509Certificate certificate) throws CertificateException {
        List<Object> presented = new ArrayList<>();
        Collection<List<?>> all = certificate.getSubjectAlternativeNames();
        if (all != null) {
            for (List<?> san : all) {
                int type = (Integer) san.get(0);
                if (type == EMAIL || type == DNS || type == URI || type == IP) {
                    String value = (String) san.get(1);
                    for (UpstreamTls.Name n : names) {
                        if ((n.type == 0 || n.type == type) && (n.match.matches(value) || type == DNS && isWildcardOf(value, n))) {
                            return;
                        }
                    }
                    presented.add(value);
                }
            }
        }
        throw new CertificateParsingException("the server's certificate is for " + presented + ", and the mesh expects another name. "
            + "Another server has this address, or subjectAltNames or service accounts are wrong");
    }

    /** A name of DNS in a certificate does not depend on its case, and may begin with a wildcard for one label. */
    private static boolean isWildcardOf(String value, UpstreamTls.Name n) {
        String exact = n.match.exact();
        if (exact == null) {
            return false;
        }
        String v = value.toLowerCase(Locale.ROOT), e = exact.toLowerCase(Locale.ROOT);
        int dot = e.indexOf('.');
        return v.equals(e) || v.startsWith("*.") && dot > 0 && v.indexOf('.', 2) > 0 && v.substring(1).equals(e.substring(dot));
    }

    @Override
    public boolean verify(String host, SSLSession session) {
        try {
            check((X509Certificate) session.getPeerCertificates()[0]);
            return true;
        } catch (CertificateException | SSLPeerUnverifiedException e) {
            return false;
        }
    }

    @Override
    public X509Certificate[] getAcceptedIssuers() {
        return roots.getAcceptedIssuers();
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String type) throws CertificateException {
        throw new CertificateException("this is not a server");
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String type, Socket socket) throws CertificateException {
        checkClientTrusted(chain, type);
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String type, SSLEngine engine) throws CertificateException {
        checkClientTrusted(chain, type);
    }
}
