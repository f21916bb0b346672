package dev.mizzen.agent.core;

import dev.mizzen.agent.core.tls.CertificateProvider;
import dev.mizzen.agent.core.wire.Buffer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Where the control plane is, and who this process is: the bootstrap in gRPC's format, as `controlplane bootstrap` prints it. */
public final class Bootstrap {
    /** The environment variables of the gRPC libraries: a file, or the text itself. */
    static final String FILE = "GRPC_XDS_BOOTSTRAP", TEXT = "GRPC_XDS_BOOTSTRAP_CONFIG";

    private static final long REFRESH = 600_000_000_000L;

    /** One address of the control plane. */
    public static final class Server {
        public final String host;
        public final int port;
        public final boolean tls;
        /** Files; empty if they are not configured. */
        public final String authorities, certificate, key, token;

        Server(String host, int port, boolean tls, Object files, String token) {
            this.host = host;
            this.port = port;
            this.tls = tls;
            this.authorities = Json.string(files, "ca_certificate_file");
            this.certificate = Json.string(files, "certificate_file");
            this.key = Json.string(files, "private_key_file");
            this.token = tls ? token : ""; // a token is not sent in plain text
        }

        public String address() {
            return (host.indexOf(':') < 0 ? host : "[" + host + "]") + ":" + port;
        }
    }

    public final List<Server> servers;
    public final String id, cluster;
    final String namespace;
    private final Object node;
    /** The certificate providers that can be used. */
    public final List<CertificateProvider> providers;
    private boolean isRpc;

    private Bootstrap(Object document) {
        servers = servers(document);
        node = Json.get(document, "node");
        id = Json.string(node, "id");
        cluster = Json.string(node, "cluster");
        namespace = Json.string(Json.get(node, "metadata"), "NAMESPACE");
        providers = providers(Json.get(document, "certificate_providers"));
    }

    /** Reads the bootstrap. Throws IllegalArgumentException, whose message says what is wrong. */
    static Bootstrap read(Map<String, String> env) {
        String file = env.get(FILE), text = env.get(TEXT), from = FILE + "=" + file;
        if (file != null && !file.isEmpty()) {
            try {
                text = new String(Files.readAllBytes(Paths.get(file)), StandardCharsets.UTF_8);
            } catch (IOException | RuntimeException e) {
                throw new IllegalArgumentException(from + " cannot be read: " + Log.why(e));
            }
        } else if (text != null && !text.isEmpty()) {
            from = TEXT;
        } else {
            throw new IllegalArgumentException("neither " + FILE + " nor " + TEXT + " is set");
        }
        try {
            return new Bootstrap(Json.parse(text));
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(from + ": " + e.getMessage());
        }
    }

    private static List<Server> servers(Object document) {
        List<Server> servers = new ArrayList<>();
        String unsupported = "";
        for (Object s : Json.list(document, "xds_servers")) {
            String uri = Json.string(s, "server_uri"), target = target(uri);
            int colon = target.lastIndexOf(':');
            int port = colon < 0 ? -1 : port(target.substring(colon + 1));
            Object credentials = credentials(s);
            if (port < 0 || credentials == null) {
                unsupported = port < 0 ? "server_uri \"" + uri + "\" is not HOST:PORT" : "no channel_creds of \"" + uri + "\" are of type insecure or tls";
                continue;
            }
            String host = target.substring(0, colon);
            if (host.startsWith("[") && host.endsWith("]")) {
                host = host.substring(1, host.length() - 1);
            }
            servers.add(new Server(host, port, "tls".equals(Json.string(credentials, "type")), Json.get(credentials, "config"), token(s)));
        }
        if (servers.isEmpty()) {
            throw new IllegalArgumentException(unsupported.isEmpty() ? "xds_servers is empty" : unsupported);
        }
        return servers;
    }

    /** Removes the scheme of a gRPC target: dns:///HOST:PORT, dns://AUTHORITY/HOST:PORT, dns:HOST:PORT, and likewise ipv4 and ipv6. */
    private static String target(String uri) {
        for (String scheme : new String[] {"dns:", "ipv4:", "ipv6:"}) {
            if (uri.startsWith(scheme)) {
                String rest = uri.substring(scheme.length());
                return rest.startsWith("//") ? rest.substring(rest.indexOf('/', 2) + 1) : rest;
            }
        }
        return uri;
    }

    private static int port(String s) {
        try {
            int port = Integer.parseInt(s);
            return port > 0 && port < 65536 ? port : -1;
        } catch (NumberFormatException e) {
            return -1;
        }
    }

    /** Returns the first credentials of a known type, as gRPC does. */
    private static Object credentials(Object server) {
        for (Object c : Json.list(server, "channel_creds")) {
            String type = Json.string(c, "type");
            if (type.equals("insecure") || type.equals("tls")) {
                return c;
            }
        }
        return null;
    }

    private static String token(Object server) {
        for (Object c : Json.list(server, "call_creds")) {
            if (Json.string(c, "type").equals("jwt_token_file")) {
                return Json.string(Json.get(c, "config"), "jwt_token_file");
            }
        }
        return "";
    }

    private static List<CertificateProvider> providers(Object document) {
        List<CertificateProvider> usable = new ArrayList<>();
        if (document instanceof Map) {
            for (Map.Entry<?, ?> e : ((Map<?, ?>) document).entrySet()) {
                String name = (String) e.getKey(), plugin = Json.string(e.getValue(), "plugin_name");
                Object config = Json.get(e.getValue(), "config");
                String certificate = Json.string(config, "certificate_file"), key = Json.string(config, "private_key_file"), authorities = Json.string(config, "ca_certificate_file");
                String wrong = !plugin.equals("file_watcher") ? "its plugin is \"" + plugin + "\", not \"file_watcher\""
                    : certificate.isEmpty() != key.isEmpty() ? "it has only one of certificate_file and private_key_file"
                    : certificate.isEmpty() && authorities.isEmpty() ? "it has no files" : null;
                if (wrong == null) {
                    usable.add(new CertificateProvider(name, certificate, key, authorities, interval(Json.string(config, "refresh_interval"))));
                } else {
                    Log.info("the certificate provider \"" + name + "\" of the bootstrap is not used: " + wrong + ". Calls that need it fail");
                }
            }
        }
        return usable;
    }

    /** Reads a google.protobuf.Duration in JSON, in nanoseconds. Ten minutes if it is not set, as in gRPC. */
    private static long interval(String seconds) {
        try {
            long nanos = (long) (Double.parseDouble(seconds.substring(0, Math.max(0, seconds.indexOf('s')))) * 1e9);
            return nanos > 0 ? nanos : REFRESH;
        } catch (NumberFormatException e) {
            return REFRESH;
        }
    }

    /** Leaves the certificate providers out, in a process whose calls cannot be encrypted. Reports whether there are any. */
    public boolean dropProviders() {
        boolean any = !providers.isEmpty();
        providers.clear();
        return any;
    }

    /** Declares a client of an RPC framework: the control plane sends it what it sends to gRPC clients, and not what HTTP clients can do. */
    public void callsRpc() {
        isRpc = true;
    }

    /** Returns a label of this pod, or an empty string. */
    String label(String key) {
        return Json.string(Json.get(Json.get(node, "metadata"), "LABELS"), key);
    }

    /**
     * Encodes the node for the first request of a stream. It declares the certificate providers that can be used: the control plane lets calls fail that
     * must be encrypted with others.
     */
    public byte[] node(String version) {
        Buffer out = new Buffer(256).string(1, id).string(2, cluster);
        Buffer metadata = new Buffer(128);
        Object declared = Json.get(node, "metadata");
        if (declared instanceof Map) {
            for (Map.Entry<?, ?> e : ((Map<?, ?>) declared).entrySet()) {
                if (!e.getKey().equals("PROTOCOLS") && !e.getKey().equals("CERTIFICATE_PROVIDERS")) {
                    entry(metadata, (String) e.getKey(), e.getValue());
                }
            }
        }
        if (!isRpc) {
            List<Object> protocols = new ArrayList<>();
            protocols.add("http/1.1");
            entry(metadata, "PROTOCOLS", protocols);
        }
        if (!providers.isEmpty()) {
            List<Object> names = new ArrayList<>();
            for (CertificateProvider p : providers) {
                names.add(p.name);
            }
            entry(metadata, "CERTIFICATE_PROVIDERS", names);
        }
        out.message(3, metadata);
        Object locality = Json.get(node, "locality");
        out.message(4, new Buffer(64).string(1, Json.string(locality, "region")).string(2, Json.string(locality, "zone")).string(3, Json.string(locality, "sub_zone")));
        return out.string(6, isRpc ? "mizzen-java-rpc" : "mizzen-java-agent").string(7, version).toBytes();
    }

    /** Writes an entry of a google.protobuf.Struct. */
    private static void entry(Buffer struct, String key, Object value) {
        struct.message(1, new Buffer(64).string(1, key).message(2, value(value)));
    }

    /** Encodes a google.protobuf.Value. A present value is written even if it is a default, for it is in a oneof. */
    private static Buffer value(Object v) {
        Buffer out = new Buffer(32);
        if (v instanceof String) {
            return out.bytes(3, ((String) v).getBytes(StandardCharsets.UTF_8));
        }
        if (v instanceof Boolean) {
            return out.varint(4 << 3).varint((Boolean) v ? 1 : 0);
        }
        if (v instanceof Double) {
            long bits = Double.doubleToLongBits((Double) v);
            return out.varint(2 << 3 | 1).int32(Integer.reverseBytes((int) bits)).int32(Integer.reverseBytes((int) (bits >>> 32)));
        }
        if (v instanceof Map) {
            Buffer struct = new Buffer(64);
            for (Map.Entry<?, ?> e : ((Map<?, ?>) v).entrySet()) {
                entry(struct, (String) e.getKey(), e.getValue());
            }
            return out.message(5, struct);
        }
        if (v instanceof List) {
            Buffer list = new Buffer(64);
            for (Object x : (List<?>) v) {
                list.message(1, value(x));
            }
            return out.message(6, list);
        }
        return out.varint(1 << 3).varint(0);
    }
}
