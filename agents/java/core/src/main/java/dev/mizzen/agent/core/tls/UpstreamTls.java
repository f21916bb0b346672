package dev.mizzen.agent.core.tls;

import dev.mizzen.agent.bridge.Tls;
import dev.mizzen.agent.core.route.StringMatch;
import dev.mizzen.agent.core.wire.Reader;
import dev.mizzen.agent.core.wire.Refused;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import javax.net.ssl.SSLException;

/** An envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext. What it demands and this client cannot do is refused. */
public final class UpstreamTls {
    /** The type that a cluster names. */
    public static final String TYPE = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext";
    private static final int ANY = 0, SAN_DNS = 2, SAN_URI = 3;

    /** What the certificate of a server must have one of. */
    static final class Name {
        /** As X.509 numbers the types of names; ANY if the type does not matter. */
        final int type;
        final StringMatch match;

        Name(int type, StringMatch match) {
            this.type = type;
            this.match = match;
        }
    }

    /** Two of the same bytes are the same demand. */
    private final byte[] raw;
    /** Names of certificate providers; empty if the client presents no certificate, or if it trusts the authorities of the Java runtime. */
    String identity = "", roots = "";
    private boolean systemRoots;
    String sni = "";
    final List<Name> names = new ArrayList<>();
    private volatile CertificateProviders providers;

    private UpstreamTls(byte[] raw) {
        this.raw = raw;
    }

    public static UpstreamTls decode(byte[] raw) {
        UpstreamTls t = new UpstreamTls(raw);
        Reader r = new Reader(raw);
        for (int f; (f = r.next()) != 0; ) {
            switch (f) {
                case 1: t.common(r.message()); break;
                case 2: t.sni = r.string(); break;
                case 4: // sessions are kept as Java does
                case 5: r.skip(); break;
                default: throw unsupported("an UpstreamTlsContext", f);
            }
        }
        if (t.names.isEmpty()) {
            throw new Refused("TLS without match_subject_alt_names would accept every certificate of the authority");
        }
        if (t.roots.isEmpty() && !t.systemRoots) {
            throw new Refused("TLS without authorities would accept every certificate");
        }
        return t;
    }

    private static Refused unsupported(String message, int field) {
        return new Refused(message + " has the field " + field + ", which this client does not support");
    }

    private void common(Reader r) {
        boolean alpn = false, http1 = false;
        for (int f; (f = r.next()) != 0; ) {
            switch (f) {
                case 3: validation(r.message()); break;
                case 4: {
                    alpn = true;
                    http1 |= r.string().equals("http/1.1");
                    break;
                }
                case 8: {
                    Reader combined = r.message();
                    for (int g; (g = combined.next()) != 0; ) {
                        if (g != 1) {
                            throw unsupported("a CombinedCertificateValidationContext", g);
                        }
                        validation(combined.message());
                    }
                    break;
                }
                case 14: identity = instance(r.message()); break;
                default: throw unsupported("a CommonTlsContext", f);
            }
        }
        if (alpn && !http1) {
            throw new Refused("alpn_protocols does not have http/1.1, which this client speaks");
        }
    }

    private void validation(Reader r) {
        for (int f; (f = r.next()) != 0; ) {
            switch (f) {
                case 9: names.add(new Name(ANY, StringMatch.decode(r.message()))); break;
                case 13: roots = instance(r.message()); break;
                case 15: names.add(typed(r.message())); break;
                case 17: {
                    r.skip();
                    systemRoots = true;
                    break;
                }
                default: throw unsupported("a CertificateValidationContext", f);
            }
        }
    }

    private static Name typed(Reader r) {
        int type = 0;
        StringMatch match = null;
        for (int f; (f = r.next()) != 0; ) {
            switch (f) {
                case 1: type = r.uint32(); break;
                case 2: match = StringMatch.decode(r.message()); break;
                default: throw unsupported("a SubjectAltNameMatcher", f);
            }
        }
        if (match == null || type != SAN_DNS && type != SAN_URI) {
            throw new Refused("match_typed_subject_alt_names is for names of type " + type + "; this client compares those of DNS and URIs");
        }
        return new Name(type == SAN_DNS ? Peer.DNS : Peer.URI, match);
    }

    private static String instance(Reader r) {
        String name = "";
        for (int f; (f = r.next()) != 0; ) {
            if (f == 1) {
                name = r.string();
            } else {
                r.skip(); // the file watcher has only one certificate, whatever its name
            }
        }
        if (name.isEmpty()) {
            throw new Refused("a certificate provider has no name");
        }
        return name;
    }

    /** Says where the certificates are. */
    public void use(CertificateProviders p) {
        providers = p;
    }

    /** Returns TLS with the certificates of now. */
    public Tls now() throws SSLException {
        CertificateProviders p = providers;
        if (p == null) {
            throw new SSLException("there are no certificate providers; the call fails, because it must be encrypted");
        }
        return p.tls(this);
    }

    @Override
    public boolean equals(Object o) {
        return o instanceof UpstreamTls && Arrays.equals(raw, ((UpstreamTls) o).raw);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(raw);
    }
}
