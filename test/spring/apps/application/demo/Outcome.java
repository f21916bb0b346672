package demo;

import java.util.Map;
import java.util.TreeMap;

/** What the application sees of one call. */
public class Outcome {
    /** The status of the response; 0 if there is none. */
    public int status;
    public Map<String, String> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
    public String body;
    /** The exception, if there is no response. */
    public String error;
    public double millis;
}
