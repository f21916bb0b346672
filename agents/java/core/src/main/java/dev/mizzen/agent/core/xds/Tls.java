package dev.mizzen.agent.core.xds;

import dev.mizzen.agent.core.Bootstrap;
import dev.mizzen.agent.core.tls.Pem;
import java.io.IOException;
import java.net.Socket;
import java.security.GeneralSecurityException;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;

/** TLS to the control plane: its certificate must be of the bootstrap's authorities and for its name, and HTTP/2 is agreed on by ALPN. */
final class Tls {
    private Tls() {
    }

    static Socket over(Socket socket, Bootstrap.Server s, int timeoutMillis) throws IOException {
        try {
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(s.certificate.isEmpty() || s.key.isEmpty() ? null : Pem.keys(Pem.privateKey(s.key), Pem.certificates(s.certificate)),
                new TrustManager[] {Pem.trust(s.authorities)}, null);
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
}
