package dev.mizzen.agent.core;

import dev.mizzen.agent.bridge.Service;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.Set;

/** The settings: system properties mizzen.*, or environment variables MIZZEN_* in which other characters than letters and digits are underscores. */
public final class Config {
    private final Map<String, String> env;
    private final Properties system;

    /** False if the agent is switched off. */
    public final boolean agent;
    /** How long the first call of a service waits for the control plane, in nanoseconds. */
    public final long wait;
    /** The longest time between attempts to connect to the control plane, in nanoseconds. */
    public final long reconnectMax;
    /** The directory of the last-good file; empty means that there is none. */
    public final String state;
    /** The age at which the last-good file is not used any more, in nanoseconds. */
    public final long stateMaxAge;
    public final String laneKey, laneHeader;
    public final boolean laneThreads;
    /** For clients that do not use a balancer: hosts, and "on" for all names that may be Services. Empty is off. */
    private final Set<String> plain;
    /** What Host header a provider sees: its service or its address. */
    public final boolean hostIsService;
    public final boolean debug;
    /** The names of services that differ from the application's names, both in lower case. */
    public final Map<String, String> names;
    /** Null if it cannot be used; then {@link #problem} says why. */
    public final Bootstrap bootstrap;
    public final String problem;

    private Config(Map<String, String> env, Properties system) {
        this.env = env;
        this.system = system;
        agent = !get("mizzen.agent", "on").equals("off");
        wait = duration("mizzen.wait", "2s");
        reconnectMax = duration("mizzen.reconnect.max", "10s");
        state = get("mizzen.state", "");
        stateMaxAge = duration("mizzen.state.max-age", "24h");
        laneKey = get("mizzen.lane.key", "lane");
        laneHeader = get("mizzen.lane.header", "x-lane").toLowerCase(Locale.ROOT);
        laneThreads = get("mizzen.lane.threads", "off").equals("on");
        plain = new HashSet<>(Arrays.asList(get("mizzen.plain", "off").toLowerCase(Locale.ROOT).split("[\\s,]+")));
        plain.remove("off");
        hostIsService = get("mizzen.host", "address").equals("service");
        debug = get("mizzen.log", "info").equals("debug");
        names = names(get("mizzen.names", ""));
        Bootstrap read = null;
        String why = null;
        try {
            read = Bootstrap.read(env);
        } catch (IllegalArgumentException e) {
            why = e.getMessage();
        }
        bootstrap = read;
        problem = why;
    }

    /** Reads the settings. It never fails: what is wrong is a line, and the default is in effect. */
    public static Config read(Map<String, String> env, Properties system) {
        return new Config(env, system);
    }

    /** The mode of a service, by the name that the application uses. */
    public Service.Mode mode(String service) {
        String mode = get("mizzen.mode." + service, get("mizzen.mode", "mesh-first"));
        switch (mode) {
            case "mesh-first": return Service.Mode.MESH_FIRST;
            case "merge": return Service.Mode.MERGE;
            case "registry-first": return Service.Mode.REGISTRY_FIRST;
            case "off": return Service.Mode.OFF;
            default:
                Log.info("mizzen.mode \"" + mode + "\" of " + service + " is unknown; mesh-first is in effect. Set mesh-first, merge, registry-first or off");
                return Service.Mode.MESH_FIRST;
        }
    }

    /** Whether clients that do not use a balancer follow the mesh. */
    public boolean plain() {
        return !plain.isEmpty();
    }

    /** Whether a host may be a service: a listed one, a name without a dot, or NAME.NAMESPACE.svc. Addresses and localhost are not. */
    boolean plain(String host) {
        if (plain.isEmpty()) {
            return false;
        }
        String h = host.toLowerCase(Locale.ROOT);
        int last = h.isEmpty() ? 0 : h.charAt(h.length() - 1);
        if (h.isEmpty() || last == ']' || last >= '0' && last <= '9' && h.matches("[0-9.]+") || h.equals("localhost") || h.endsWith(".localhost")) {
            return false;
        }
        String[] labels = h.split("\\.", 4);
        return plain.contains(h) || plain.contains("on") && (labels.length == 1 || labels.length > 2 && labels[2].equals("svc") || names.containsKey(h));
    }

    /** Returns a setting: the system property, else the environment variable, else the default. */
    public String get(String key, String fallback) {
        String value = system.getProperty(key);
        if (value == null) {
            StringBuilder name = new StringBuilder(key.toUpperCase(Locale.ROOT));
            for (int i = 0; i < name.length(); i++) {
                if (!Character.isLetterOrDigit(name.charAt(i))) {
                    name.setCharAt(i, '_');
                }
            }
            value = env.get(name.toString());
        }
        return value == null || value.trim().isEmpty() ? fallback : value.trim();
    }

    private long duration(String key, String fallback) {
        String value = get(key, fallback);
        try {
            return nanos(value);
        } catch (IllegalArgumentException | ArithmeticException e) {
            Log.info(key + " \"" + value + "\" is not a duration; " + fallback + " is in effect. Set a number and ms, s, m or h");
            return nanos(fallback);
        }
    }

    private static long nanos(String value) {
        int digits = 0;
        while (digits < value.length() && Character.isDigit(value.charAt(digits))) {
            digits++;
        }
        long unit;
        switch (value.substring(digits)) {
            case "ms": unit = 1_000_000L; break;
            case "s": unit = 1_000_000_000L; break;
            case "m": unit = 60_000_000_000L; break;
            case "h": unit = 3_600_000_000_000L; break;
            default: throw new IllegalArgumentException("no unit");
        }
        return Math.multiplyExact(Long.parseLong(value.substring(0, digits)), unit);
    }

    private static Map<String, String> names(String table) {
        Map<String, String> names = new HashMap<>();
        for (String entry : table.split(",")) {
            int colon = entry.indexOf(':');
            if (colon > 0) {
                names.put(entry.substring(0, colon).trim().toLowerCase(Locale.ROOT), entry.substring(colon + 1).trim().toLowerCase(Locale.ROOT));
            } else if (!entry.trim().isEmpty()) {
                Log.info("mizzen.names: \"" + entry.trim() + "\" is ignored. Write NAME:SERVICE");
            }
        }
        return names;
    }
}
