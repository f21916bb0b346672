package dev.mizzen.agent.core.tls;

import dev.mizzen.agent.bridge.Tls;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.security.GeneralSecurityException;
import java.util.Collections;
import java.util.List;
import javax.net.ssl.HostnameVerifier;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SNIServerName;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.SSLSocketFactory;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509TrustManager;

/** One demand with the certificates of one moment. Its sessions are its own, so none is resumed that other certificates have verified. */
final class MeshTls implements Tls {
    final CertificateProvider.Loaded identity, roots;
    private final Peer peer;
    private final SSLContext context;
    private final SSLSocketFactory sockets;
    private final List<SNIServerName> names;

    MeshTls(CertificateProvider.Loaded identity, CertificateProvider.Loaded roots, Peer peer, String sni) throws GeneralSecurityException {
        this.identity = identity;
        this.roots = roots;
        this.peer = peer;
        names = sni.isEmpty() ? Collections.<SNIServerName>emptyList() : Collections.<SNIServerName>singletonList(new SNIHostName(sni));
        context = SSLContext.getInstance("TLS");
        context.init(identity == null ? null : identity.keys, new TrustManager[] {peer}, null);
        sockets = names.isEmpty() ? context.getSocketFactory() : new Named(context.getSocketFactory(), names);
    }

    @Override
    public SSLContext context() {
        return context;
    }

    @Override
    public SSLSocketFactory sockets() {
        return sockets;
    }

    @Override
    public X509TrustManager trust() {
        return peer;
    }

    @Override
    public HostnameVerifier verifier() {
        return peer;
    }

    @Override
    public List<SNIServerName> names() {
        return names;
    }

    /** Makes sockets that send a server name. */
    private static final class Named extends SSLSocketFactory {
        private final SSLSocketFactory plain;
        private final List<SNIServerName> names;

        Named(SSLSocketFactory plain, List<SNIServerName> names) {
            this.plain = plain;
            this.names = names;
        }

        private Socket named(Socket s) {
            SSLParameters p = ((SSLSocket) s).getSSLParameters();
            p.setServerNames(names);
            ((SSLSocket) s).setSSLParameters(p);
            return s;
        }

        @Override
        public Socket createSocket() throws IOException {
            return named(plain.createSocket());
        }

        @Override
        public Socket createSocket(Socket s, String host, int port, boolean close) throws IOException {
            return named(plain.createSocket(s, host, port, close));
        }

        @Override
        public Socket createSocket(String host, int port) throws IOException {
            return named(plain.createSocket(host, port));
        }

        @Override
        public Socket createSocket(String host, int port, InetAddress local, int localPort) throws IOException {
            return named(plain.createSocket(host, port, local, localPort));
        }

        @Override
        public Socket createSocket(InetAddress host, int port) throws IOException {
            return named(plain.createSocket(host, port));
        }

        @Override
        public Socket createSocket(InetAddress host, int port, InetAddress local, int localPort) throws IOException {
            return named(plain.createSocket(host, port, local, localPort));
        }

        @Override
        public String[] getDefaultCipherSuites() {
            return plain.getDefaultCipherSuites();
        }

        @Override
        public String[] getSupportedCipherSuites() {
            return plain.getSupportedCipherSuites();
        }
    }
}
