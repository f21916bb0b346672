package dev.mizzen.agent.adapters;

import dev.mizzen.agent.bridge.Tls;
import io.netty.handler.ssl.ClientAuth;
import io.netty.handler.ssl.JdkSslContext;
import java.util.List;
import javax.net.ssl.SNIServerName;
import javax.net.ssl.SSLParameters;
import reactor.netty.http.client.HttpClient;

/** Clients of Reactor Netty with the mesh's TLS. Their pool tells them from others by their TLS. */
final class ReactorTls {
    private ReactorTls() {
    }

    @SuppressWarnings("deprecation") // the constructor that leaves ALPN out
    static Object with(Object client, Tls tls) {
        JdkSslContext context = new JdkSslContext(tls.context(), true, ClientAuth.NONE);
        List<SNIServerName> names = tls.names();
        return ((HttpClient) client).secure(spec -> spec.sslContext(context).handlerConfigurator(handler -> {
            if (!names.isEmpty()) {
                SSLParameters parameters = handler.engine().getSSLParameters();
                parameters.setServerNames(names);
                handler.engine().setSSLParameters(parameters);
            }
        }));
    }
}
