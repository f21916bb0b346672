package demo;

import java.util.LinkedHashMap;
import java.util.Map;

/** Calls that a test asks for. */
public class Call {
    public String client;
    public String method = "GET";
    public String url;
    public Map<String, String> headers = new LinkedHashMap<>();
    /** The body of the request; null if it has none. */
    public String body;
    public int count = 1;
    /** How many calls run at a time. A single one runs on the thread of the test's request. */
    public int parallel = 1;
}
