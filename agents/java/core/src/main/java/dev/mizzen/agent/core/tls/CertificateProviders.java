package dev.mizzen.agent.core.tls;

import dev.mizzen.agent.bridge.Tls;
import java.io.IOException;
import java.security.GeneralSecurityException;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import javax.net.ssl.SSLException;
import javax.net.ssl.X509TrustManager;

/** The certificate providers of the bootstrap, and TLS that is made of their files. */
public final class CertificateProviders {
    private final Map<String, CertificateProvider> byName = new HashMap<>();
    private final Map<UpstreamTls, MeshTls> made = new ConcurrentHashMap<>();
    private X509TrustManager system;

    public CertificateProviders(Iterable<CertificateProvider> providers) {
        for (CertificateProvider p : providers) {
            byName.put(p.name, p);
        }
    }

    /** Returns the same TLS for equal demands, until files change. */
    Tls tls(UpstreamTls demand) throws SSLException {
        CertificateProvider.Loaded identity = demand.identity.isEmpty() ? null : provider(demand.identity).now();
        CertificateProvider.Loaded roots = demand.roots.isEmpty() ? null : provider(demand.roots).now();
        MeshTls tls = made.get(demand);
        if (tls != null && tls.identity == identity && tls.roots == roots) {
            return tls;
        }
        if (identity != null && identity.keys == null) {
            throw new SSLException("the certificate provider \"" + demand.identity + "\" has no certificate, and the server must be presented one; the call fails");
        }
        if (roots != null && roots.roots == null) {
            throw new SSLException("the certificate provider \"" + demand.roots + "\" has no authorities to verify the server by; the call fails");
        }
        try {
            synchronized (this) {
                tls = made.get(demand);
                if (tls == null || tls.identity != identity || tls.roots != roots) {
                    tls = new MeshTls(identity, roots, new Peer(roots == null ? system() : roots.roots, demand.names), demand.sni);
                    made.put(demand, tls);
                }
                return tls;
            }
        } catch (IOException | GeneralSecurityException | IllegalArgumentException e) {
            throw new SSLException("TLS cannot be set up: " + e, e);
        }
    }

    private CertificateProvider provider(String name) throws SSLException {
        CertificateProvider p = byName.get(name);
        if (p == null) {
            throw new SSLException("the bootstrap has no certificate provider \"" + name + "\" that can be used; the call fails, because it must be encrypted");
        }
        return p;
    }

    private X509TrustManager system() throws IOException, GeneralSecurityException {
        if (system == null) {
            system = Pem.trust("");
        }
        return system;
    }
}
