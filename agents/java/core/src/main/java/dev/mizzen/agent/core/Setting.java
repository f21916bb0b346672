package dev.mizzen.agent.core;

import java.util.Locale;

/** A setting. The table is the only place that names all of them: they are read by it, checked by it at start, and the help is made of it. */
public final class Setting {
    private static final String DURATION = "a number and ms, s, m or h", MODES = "mesh-first, merge, registry-first, off";
    /** The end of the name of a setting that each service has. */
    static final String EACH = ".NAME";

    static final Setting AGENT = new Setting("mizzen.agent", "on", "on, off", "off: the agent does nothing"),
        MODE = new Setting("mizzen.mode", "mesh-first", MODES, "who answers for services: the mesh, the registry, or both"),
        MODE_OF = new Setting("mizzen.mode" + EACH, "", MODES, "the same for one service, by the name that the application uses"),
        NAMES = new Setting("mizzen.names", "", "NAME:SERVICE,...", "names in the application, and in the mesh"),
        WAIT = new Setting("mizzen.wait", "2s", DURATION, "how long the first call of a service waits for the control plane"),
        RECONNECT_MAX = new Setting("mizzen.reconnect.max", "10s", DURATION, "the longest pause between attempts to connect to the control plane"),
        STATE = new Setting("mizzen.state", "", "DIRECTORY", "where the last-good file is kept; there is no file without it"),
        STATE_MAX_AGE = new Setting("mizzen.state.max-age", "24h", DURATION, "the age at which the last-good file is not used any more"),
        PLAIN = new Setting("mizzen.plain", "off", "off, on, HOST,...", "which hosts follow the mesh in clients without a balancer; on: all that may be Services"),
        LANE = new Setting("mizzen.lane", "", "LANE", "the lane of this process, if it is not the label lane of its pod"),
        LANE_KEY = new Setting("mizzen.lane.key", "lane", "KEY", "the member of baggage that has the lane"),
        LANE_HEADER = new Setting("mizzen.lane.header", "x-lane", "HEADER", "the header that has the lane"),
        LANE_THREADS = new Setting("mizzen.lane.threads", "off", "on, off", "on: tasks in thread pools run in the lane of the request that made them"),
        HOST = new Setting("mizzen.host", "address", "address, service", "what providers see in the header Host"),
        LOG = new Setting("mizzen.log", "info", "info, debug", "debug: more lines");

    static final Setting[] TABLE = {AGENT, MODE, MODE_OF, NAMES, WAIT, RECONNECT_MAX, STATE, STATE_MAX_AGE, PLAIN, LANE, LANE_KEY, LANE_HEADER, LANE_THREADS, HOST, LOG};

    /** The name of the system property; its default; its values, of which those in lower case are words; what it is for. */
    final String name, fallback, values, meaning;

    private Setting(String name, String fallback, String values, String meaning) {
        this.name = name;
        this.fallback = fallback;
        this.values = values;
        this.meaning = meaning;
    }

    /** What {@code java -jar mizzen-agent.jar} prints of the settings. */
    public static String help() {
        StringBuilder b = new StringBuilder();
        for (Setting s : TABLE) {
            b.append("  ").append(s.name).append('=').append(s.values).append(s.fallback.isEmpty() ? "" : " (default " + s.fallback + ")").append("\n      ").append(s.meaning).append('\n');
        }
        return b.toString();
    }

    /** The environment variable of a setting. */
    static String variable(String name) {
        StringBuilder b = new StringBuilder(name.toUpperCase(Locale.ROOT));
        for (int i = 0; i < b.length(); i++) {
            char c = b.charAt(i);
            if (!(c >= 'A' && c <= 'Z' || c >= '0' && c <= '9')) {
                b.setCharAt(i, '_');
            }
        }
        return b.toString();
    }

    /** Returns the word that a value stands for, whatever its case: true and false stand for on and off. Null if the setting has no such word. */
    String word(String value) {
        String word = value.toLowerCase(Locale.ROOT);
        word = word.equals("true") ? "on" : word.equals("false") ? "off" : word;
        return word.indexOf(',') < 0 && (", " + values + ", ").contains(", " + word + ", ") ? word : null;
    }

    /** Reports a value that the setting does not have. */
    void unknown(String key, String value, String inEffect) {
        int last = values.lastIndexOf(", ");
        Log.info(key + " \"" + value + "\" is unknown; " + inEffect + " is in effect. Set " + values.substring(0, last) + " or " + values.substring(last + 2));
    }

    /**
     * Says so if there is no setting with a name.
     *
     * @param variable whether it is the name of an environment variable
     */
    static void check(String name, boolean variable) {
        for (Setting s : TABLE) {
            String known = variable ? variable(s.name) : s.name;
            int each = s.name.length() - EACH.length();
            if (name.equals(known) || s.name.endsWith(EACH) && name.length() > each + 1 && name.startsWith(known.substring(0, each + 1))) {
                return;
            }
        }
        if (!variable || !isOfKubernetes(name)) {
            Log.info(name + " is not a setting; it has no effect" + near(name, variable));
        }
    }

    /** Variables of the injected bootstrap, and those that Kubernetes has for a Service whose name begins with mizzen. */
    private static boolean isOfKubernetes(String name) {
        int port = name.indexOf("_PORT");
        return name.equals("MIZZEN_POD") || name.equals("MIZZEN_NAMESPACE") || name.endsWith("_SERVICE_HOST") || name.contains("_SERVICE_PORT")
            || port > 0 && (name.endsWith("_PORT") || name.startsWith("_", port + 5) && name.length() > port + 6 && Character.isDigit(name.charAt(port + 6)));
    }

    private static String near(String name, boolean variable) {
        String best = null;
        int distance = 4;
        for (Setting s : TABLE) {
            String known = variable ? variable(s.name) : s.name;
            int d = distance(name, known);
            if (d < distance) {
                distance = d;
                best = known;
            }
        }
        return best == null ? ". 'java -jar mizzen-agent.jar' lists the settings" : ". Did you mean " + best + "?";
    }

    /** How many letters have to be changed, added or removed. */
    private static int distance(String a, String b) {
        int[] row = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            row[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int changed = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(changed, Math.min(row[j], row[j - 1]) + 1);
            }
        }
        return row[b.length()];
    }
}
