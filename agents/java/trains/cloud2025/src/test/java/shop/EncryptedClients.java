package shop;

import feign.Request;
import java.io.IOException;
import java.lang.reflect.Proxy;
import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.cert.X509Certificate;
import java.util.Collections;
import java.util.HashMap;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.function.Supplier;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocketFactory;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509TrustManager;
import org.apache.hc.client5.http.classic.methods.HttpGet;
import org.apache.hc.client5.http.impl.classic.CloseableHttpClient;
import org.apache.hc.client5.http.impl.classic.HttpClients;
import org.apache.hc.core5.http.io.entity.EntityUtils;
import org.springframework.cloud.client.loadbalancer.LoadBalancerClient;
import org.springframework.http.client.ClientHttpRequestFactory;
import org.springframework.http.client.HttpComponentsClientHttpRequestFactory;
import org.springframework.http.client.JdkClientHttpRequestFactory;
import org.springframework.http.client.ReactorClientHttpRequestFactory;
import org.springframework.http.client.SimpleClientHttpRequestFactory;
import org.springframework.http.client.reactive.ClientHttpConnector;
import org.springframework.http.client.reactive.JdkClientHttpConnector;
import org.springframework.http.client.reactive.ReactorClientHttpConnector;
import org.springframework.web.client.RestTemplate;
import org.springframework.web.reactive.function.client.WebClient;

/** The code of an application: it calls http URLs by balanced and by plain clients, and https URLs by the same clients without a balancer. */
public final class EncryptedClients implements BiFunction<String, String, Map<String, String>> {
    private final LoadBalancerClient own = (LoadBalancerClient) Proxy.newProxyInstance(getClass().getClassLoader(), new Class<?>[] {LoadBalancerClient.class}, (p, m, a) -> {
        throw new IllegalStateException("own balancer");
    });
    private final Map<String, Supplier<Object>> made = new HashMap<>();
    private final Map<String, Object> clients = new HashMap<>();

    public EncryptedClients() throws GeneralSecurityException {
        SSLSocketFactory careless = careless();
        made.put("Simple", () -> new SimpleClientHttpRequestFactory());
        made.put("Careless", () -> new SimpleClientHttpRequestFactory() {
            @Override
            protected void prepareConnection(HttpURLConnection connection, String method) throws IOException {
                super.prepareConnection(connection, method);
                if (connection instanceof HttpsURLConnection https) {
                    https.setSSLSocketFactory(careless);
                    https.setHostnameVerifier((h, s) -> true);
                }
            }
        });
        made.put("Jdk", () -> new JdkClientHttpRequestFactory());
        made.put("Reactor", () -> new ReactorClientHttpRequestFactory());
        made.put("HttpComponents", () -> new HttpComponentsClientHttpRequestFactory());
        made.put("Own", Opener::new);
        made.put("Web", () -> new ReactorClientHttpConnector());
        made.put("WebJdk", () -> new JdkClientHttpConnector());
        made.put("Feign", () -> new feign.Client.Default(null, null));
        made.put("FeignCareless", () -> new feign.Client.Default(careless, (h, s) -> true));
        made.put("FeignHc5", () -> new feign.hc5.ApacheHttp5Client());
        made.put("FeignOkHttp", () -> new feign.okhttp.OkHttpClient());
        made.put("PlainHc5", HttpClients::createDefault);
        made.put("PlainHc4", org.apache.http.impl.client.HttpClients::createDefault);
        made.put("PlainOkHttp", okhttp3.OkHttpClient::new);
        made.put("FeignJdk", () -> new feign.http2client.Http2Client());
    }

    /** A factory of the application's own. */
    private static final class Opener extends SimpleClientHttpRequestFactory {
        @Override
        public org.springframework.http.client.ClientHttpRequest createRequest(URI uri, org.springframework.http.HttpMethod method) throws IOException {
            HttpURLConnection c = (HttpURLConnection) uri.toURL().openConnection();
            c.getResponseCode();
            throw new IOException("it was called");
        }
    }

    private static SSLSocketFactory careless() throws GeneralSecurityException {
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, new TrustManager[] {new X509TrustManager() {
            @Override
            public void checkClientTrusted(X509Certificate[] chain, String type) {
            }

            @Override
            public void checkServerTrusted(X509Certificate[] chain, String type) {
            }

            @Override
            public X509Certificate[] getAcceptedIssuers() {
                return new X509Certificate[0];
            }
        }}, null);
        return context.getSocketFactory();
    }

    @Override
    public Map<String, String> apply(String name, String url) {
        try {
            return Collections.singletonMap("body", call(clients.computeIfAbsent(name, n -> made.get(n).get()), URI.create(url)));
        } catch (Throwable e) {
            StringBuilder errors = new StringBuilder();
            for (Throwable t = e; t != null; t = t.getCause()) {
                errors.append(t).append('\n');
            }
            return Collections.singletonMap("error", errors.toString());
        }
    }

    private String call(Object client, URI uri) throws IOException {
        boolean balanced = uri.getScheme().equals("http");
        if (client instanceof ClientHttpRequestFactory factory) {
            RestTemplate rest = new RestTemplate(factory);
            if (balanced) {
                rest.getInterceptors().add(Generation.interceptor(own));
            }
            return rest.getForObject(uri, String.class);
        }
        if (client instanceof ClientHttpConnector connector) {
            WebClient.Builder web = WebClient.builder().clientConnector(connector);
            return (balanced ? web.filter(Generation.filter()) : web).build().get().uri(uri).retrieve().bodyToMono(String.class).block();
        }
        if (client instanceof CloseableHttpClient apache) {
            return apache.execute(new HttpGet(uri), response -> EntityUtils.toString(response.getEntity()));
        }
        if (client instanceof org.apache.http.client.HttpClient apache) {
            return apache.execute(new org.apache.http.client.methods.HttpGet(uri)).toString();
        }
        if (client instanceof okhttp3.OkHttpClient ok) {
            return ok.newCall(new okhttp3.Request.Builder().url(uri.toString()).build()).execute().toString();
        }
        feign.Client feign = (feign.Client) client;
        Request request = Request.create(Request.HttpMethod.GET, uri.toString(), new HashMap<>(), null, StandardCharsets.UTF_8, new feign.RequestTemplate());
        try (feign.Response response = (balanced ? Generation.feign(feign) : feign).execute(request, new Request.Options())) {
            return new String(response.body().asInputStream().readAllBytes(), StandardCharsets.UTF_8);
        }
    }
}
