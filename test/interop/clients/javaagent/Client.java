import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.StringJoiner;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A client of hack/mizzen-conformance that makes calls by the JDK's HttpClient, to which the Java agent is added. The status of a
 * call is written as the code of gRPC that gRPC gives to it.
 */
public final class Client {
    private static final int OK = 0, UNKNOWN = 2, DEADLINE_EXCEEDED = 4, UNIMPLEMENTED = 12, UNAVAILABLE = 14;
    private static final HttpClient HTTP = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        System.out.println(0);
        for (String line; (line = in.readLine()) != null; ) {
            URI uri = URI.create("http://" + text(line, "target").replace("xds:///", "") + text(line, "method"));
            double timeout = Double.parseDouble(number(line, "timeout")), spacing = Double.parseDouble(number(line, "spacing"));
            StringJoiner outcomes = new StringJoiner(",", "[", "]");
            for (int left = Integer.parseInt(number(line, "count")); left > 0; left--) {
                outcomes.add(call(uri, Duration.ofMillis((long) (1000 * timeout))));
                Thread.sleep((long) (1000 * spacing));
            }
            System.out.println(outcomes);
        }
        System.exit(0);
    }

    private static String call(URI uri, Duration timeout) throws InterruptedException {
        long begun = System.nanoTime();
        int code;
        String why = "", body = "";
        try {
            HttpRequest request = HttpRequest.newBuilder(uri).timeout(timeout).POST(HttpRequest.BodyPublishers.noBody()).build();
            HttpResponse<String> response = HTTP.send(request, HttpResponse.BodyHandlers.ofString());
            code = code(response.statusCode());
            if (code == OK) {
                body = response.body();
            } else {
                why = "status " + response.statusCode() + ": " + response.body();
            }
        } catch (IOException e) {
            code = e instanceof ConnectException ? UNAVAILABLE : e instanceof HttpTimeoutException ? DEADLINE_EXCEEDED : UNKNOWN;
            why = e.toString();
        }
        return "{\"code\":" + code + ",\"text\":" + quoted(why) + ",\"body\":" + quoted(body) + ",\"ms\":" + (System.nanoTime() - begun) / 1_000_000 + "}";
    }

    private static int code(int status) {
        switch (status) {
            case 200: return OK;
            case 404: return UNIMPLEMENTED;
            case 502: case 503: case 504: return UNAVAILABLE;
            default: return UNKNOWN;
        }
    }

    private static String text(String json, String name) {
        return found(json, name, "\"([^\"]*)\"");
    }

    private static String number(String json, String name) {
        return found(json, name, "([0-9.]+)");
    }

    private static String found(String json, String name, String value) {
        Matcher m = Pattern.compile("\"" + name + "\":" + value).matcher(json);
        if (!m.find()) {
            throw new IllegalArgumentException("no " + name + " in " + json);
        }
        return m.group(1);
    }

    private static String quoted(String text) {
        StringBuilder quoted = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            quoted.append(c == '"' || c == '\\' ? "\\" + c : c < ' ' ? " " : String.valueOf(c));
        }
        return quoted.append('"').toString();
    }
}
