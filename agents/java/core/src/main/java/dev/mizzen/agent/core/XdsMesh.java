package dev.mizzen.agent.core;

import dev.mizzen.agent.bridge.Service;
import dev.mizzen.agent.core.tls.CertificateProviders;
import dev.mizzen.agent.core.xds.Client;
import dev.mizzen.agent.core.xds.LastGood;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;

/** The services that the application calls, followed by one ADS stream. */
final class XdsMesh extends LanedMesh implements Client.Owner {
    private final Client client;
    final CertificateProviders providers;
    private final String version;
    private final ConcurrentHashMap<String, XdsService> services = new ConcurrentHashMap<>();
    /** The same services by the name that the application used, for names without a port. */
    private final ConcurrentHashMap<String, XdsService> byUsedName = new ConcurrentHashMap<>();
    // Guarded by the client.
    private final List<XdsService> pending = new ArrayList<>();
    /** Futures of callers to complete once the client is unlocked, and with what. */
    private final ArrayDeque<CompletableFuture<Service.Presence>> settled = new ArrayDeque<>();
    private final ArrayDeque<Service.Presence> settledAs = new ArrayDeque<>();

    XdsMesh(Config config, String version) {
        super(config, config.lane);
        this.version = version;
        LastGood lastGood = config.state.isEmpty() ? null : LastGood.open(config.state, application(config.bootstrap), config.stateMaxAge);
        this.client = new Client(config.bootstrap, version, config.wait, config.reconnectMax, lastGood, this);
        this.providers = new CertificateProviders(config.bootstrap.providers);
    }

    /** Names the application: the cluster of its node, and its main class or jar, for several may share a directory. */
    private static String application(Bootstrap b) {
        String main = System.getProperty("sun.java.command", "");
        int space = main.indexOf(' ');
        main = space < 0 ? main : main.substring(0, space);
        return (b.cluster.isEmpty() ? b.id : b.cluster) + "-" + main.substring(Math.max(main.lastIndexOf('/'), main.lastIndexOf('\\')) + 1);
    }

    void start() {
        client.start();
    }

    @Override
    public Service service(String name, int port) {
        if (port == 0) {
            XdsService s = byUsedName.get(name);
            if (s != null) {
                return s;
            }
        }
        String used = name.toLowerCase(Locale.ROOT);
        String listener = config.names.get(used);
        if (listener == null) {
            listener = used;
        }
        if (port > 0 && listener.indexOf(':') < 0) {
            listener = listener + ':' + port;
        }
        XdsService s = services.get(listener);
        if (s == null) {
            s = follow(used, listener);
        }
        if (port == 0) {
            byUsedName.put(name, s);
        }
        return s;
    }

    private XdsService follow(String used, String listener) {
        synchronized (client) {
            XdsService s = services.get(listener);
            if (s == null) {
                Service.Mode mode = config.mode(used);
                s = new XdsService(this, client, listener, mode, System.nanoTime() + config.wait);
                if (mode == Service.Mode.OFF) {
                    s.giveUp();
                } else {
                    s.follow();
                    pending.add(s);
                }
                services.put(listener, s);
            }
            return s;
        }
    }

    /** Completes the futures of callers, later and without a lock: what depends on them runs then. */
    void complete(List<CompletableFuture<Service.Presence>> futures, Service.Presence presence) {
        client.notifyAll();
        for (CompletableFuture<Service.Presence> f : futures) {
            settled.add(f);
            settledAs.add(presence);
        }
    }

    @Override
    public void unlocked() {
        while (true) {
            CompletableFuture<Service.Presence> f;
            Service.Presence presence;
            synchronized (client) {
                if (settled.isEmpty()) {
                    return;
                }
                f = settled.poll();
                presence = settledAs.poll();
            }
            f.complete(presence);
        }
    }

    @Override
    public long tick(long now) {
        long next = now + 3_600_000_000_000L;
        for (int i = pending.size() - 1; i >= 0; i--) {
            long due = pending.get(i).tick(now);
            if (due == Long.MAX_VALUE) {
                pending.remove(i);
            } else {
                next = Math.min(next, due);
            }
        }
        return settled.isEmpty() ? next : now; // futures are completed first
    }

    @Override
    public void away(boolean away) {
        if (away) {
            for (XdsService s : pending) {
                s.giveUp();
            }
            pending.clear();
        }
    }

    @Override
    public boolean plain(String host) {
        return config.plain(host);
    }

    @Override
    public Collection<String> services() {
        Set<String> known = new TreeSet<>();
        for (XdsService s : services.values()) {
            if (s.presence() == Service.Presence.KNOWN) {
                int colon = s.name.indexOf(':');
                known.add(shortened(colon < 0 ? s.name : s.name.substring(0, colon)));
            }
        }
        return known;
    }

    /** The shortest name of a Service: NAME in the namespace of this process, else NAME.NAMESPACE. */
    private String shortened(String host) {
        int svc = host.indexOf(".svc");
        String name = svc > 0 && (svc + 4 == host.length() || host.charAt(svc + 4) == '.') ? host.substring(0, svc) : host, own = '.' + config.bootstrap.namespace;
        return own.length() > 1 && name.endsWith(own) && name.indexOf('.') == name.length() - own.length() ? name.substring(0, name.length() - own.length()) : name;
    }

    @Override
    public String state() {
        return State.of(config, version, client, services.values());
    }

    @Override
    public void close() {
        client.close();
    }
}
