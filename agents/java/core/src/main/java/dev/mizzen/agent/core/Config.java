package dev.mizzen.agent.core;

import dev.mizzen.agent.bridge.Service;
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
    /** The modes of single services: by name, or by environment variable. */
    private final Map<String, String> modes = new HashMap<>();

    /** False if the agent is switched off. */
    public final boolean agent;
    /** The mode of services without one of their own. */
    public final String mode;
    /** How long the first call of a service waits for the control plane, in nanoseconds. */
    public final long wait;
    /** The longest time between attempts to connect to the control plane, in nanoseconds. */
    public final long reconnectMax;
    /** The directory of the last-good file; empty means that there is none. */
    public final String state;
    /** The age at which the last-good file is not used any more, in nanoseconds. */
    public final long stateMaxAge;
    /** The lane of this process; empty if it has none. */
    public final String lane;
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
        agent = !word(Setting.AGENT).equals("off");
        mode = word(Setting.MODE);
        wait = duration(Setting.WAIT);
        reconnectMax = duration(Setting.RECONNECT_MAX);
        state = text(Setting.STATE);
        stateMaxAge = duration(Setting.STATE_MAX_AGE);
        laneKey = text(Setting.LANE_KEY);
        laneHeader = text(Setting.LANE_HEADER).toLowerCase(Locale.ROOT);
        laneThreads = word(Setting.LANE_THREADS).equals("on");
        plain = hosts(text(Setting.PLAIN));
        hostIsService = word(Setting.HOST).equals("service");
        debug = word(Setting.LOG).equals("debug");
        names = names(text(Setting.NAMES));
        check();
        Bootstrap read = null;
        String why = null;
        try {
            read = Bootstrap.read(env);
        } catch (IllegalArgumentException e) {
            why = e.getMessage();
        }
        bootstrap = read;
        problem = why;
        String lane = text(Setting.LANE);
        this.lane = lane.isEmpty() && read != null ? read.label("lane") : lane;
    }

    /** Reads the settings. It never fails: what is wrong is a line, and the default is in effect. */
    public static Config read(Map<String, String> env, Properties system) {
        return new Config(env, system);
    }

    /** Checks the names of settings, and reads the modes of single services. */
    private void check() {
        for (String name : system.stringPropertyNames()) {
            if (name.startsWith("mizzen.")) {
                Setting.check(name, false);
                modeOf(name, "mizzen.mode.", system.getProperty(name));
            }
        }
        for (Map.Entry<String, String> e : env.entrySet()) {
            if (e.getKey().startsWith("MIZZEN_")) {
                Setting.check(e.getKey(), true);
                modeOf(e.getKey(), "MIZZEN_MODE_", e.getValue());
            }
        }
    }

    /** Notes the mode of one service: by its name in lower case, or by its environment variable. */
    private void modeOf(String name, String prefix, String value) {
        if (!name.startsWith(prefix) || value.trim().isEmpty()) {
            return;
        }
        String word = Setting.MODE_OF.word(value.trim());
        if (word == null) {
            Setting.MODE_OF.unknown(name, value.trim(), mode);
        } else {
            modes.put(prefix.equals("MIZZEN_MODE_") ? name : name.substring(prefix.length()).toLowerCase(Locale.ROOT), word);
        }
    }

    /** The mode of a service, by the name that the application uses. */
    public Service.Mode mode(String service) {
        String own = modes.get(service.toLowerCase(Locale.ROOT));
        if (own == null) {
            own = modes.get(Setting.variable("mizzen.mode." + service));
        }
        return Service.Mode.valueOf((own == null ? mode : own).toUpperCase(Locale.ROOT).replace('-', '_'));
    }

    /** Whether the mesh answers for no service at all. */
    public boolean isOff() {
        for (String of : modes.values()) {
            if (!of.equals("off")) {
                return false;
            }
        }
        return mode.equals("off");
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

    /** Returns the text of a setting: the system property, else the environment variable, else the default. */
    private String text(Setting s) {
        String value = system.getProperty(s.name);
        if (value == null) {
            value = env.get(Setting.variable(s.name));
        }
        return value == null || value.trim().isEmpty() ? s.fallback : value.trim();
    }

    private String word(Setting s) {
        String value = text(s), word = s.word(value);
        if (word == null) {
            s.unknown(s.name, value, s.fallback);
            return s.fallback;
        }
        return word;
    }

    private long duration(Setting s) {
        String value = text(s);
        try {
            return nanos(value);
        } catch (IllegalArgumentException | ArithmeticException e) {
            Log.info(s.name + " \"" + value + "\" is not a duration; " + s.fallback + " is in effect. Set " + s.values);
            return nanos(s.fallback);
        }
    }

    /** The hosts of a list; without off. */
    private static Set<String> hosts(String list) {
        Set<String> hosts = new HashSet<>();
        for (String host : list.toLowerCase(Locale.ROOT).replace(' ', ',').split(",")) {
            String word = Setting.PLAIN.word(host);
            hosts.add(word == null ? host : word);
        }
        hosts.remove("");
        hosts.remove("off");
        return hosts;
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
