package dev.mizzen.agent.hook;

import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A method of a library, and the adapter that is asked there. */
final class Hook {
    private static final String CLOUD = "org/springframework/cloud/client/", FEIGN = "org/springframework/cloud/openfeign/", GATEWAY = "org/springframework/cloud/gateway/filter/",
            MVC = "org/springframework/cloud/gateway/server/mvc/", NETFLIX = "org/springframework/cloud/netflix/";
    private static final String INTERCEPT = "(Lorg/springframework/http/HttpRequest;[BLorg/springframework/http/client/ClientHttpRequestExecution;)Lorg/springframework/http/client/ClientHttpResponse;";
    private static final String EXCHANGE = "(Lorg/springframework/web/reactive/function/client/ClientRequest;Lorg/springframework/web/reactive/function/client/ExchangeFunction;)Lreactor/core/publisher/Mono;";
    private static final String EXECUTE = "(Lfeign/Request;Lfeign/Request$Options;)Lfeign/Response;";
    private static final String FORWARD = "(Lorg/springframework/web/server/ServerWebExchange;Lorg/springframework/cloud/gateway/filter/GatewayFilterChain;)Lreactor/core/publisher/Mono;";
    private static final String GET_INSTANCE = "(Ljava/lang/String;Ljava/lang/Class;)Ljava/lang/Object;";
    private static final String COMPOSITE = CLOUD + "discovery/composite/CompositeDiscoveryClient", REACTIVE = CLOUD + "discovery/composite/reactive/ReactiveCompositeDiscoveryClient";

    private static final String FACTORY = "org/springframework/http/client/", CONNECTOR = FACTORY + "reactive/";
    private static final String CREATE_REQUEST = "(Ljava/net/URI;Lorg/springframework/http/HttpMethod;)Lorg/springframework/http/client/ClientHttpRequest;";
    private static final String CONNECT = "(Lorg/springframework/http/HttpMethod;Ljava/net/URI;Ljava/util/function/Function;)Lreactor/core/publisher/Mono;";
    private static final String SERVLET = "org/springframework/web/servlet/DispatcherServlet";

    /** All hooks. The number of a hook is its index. */
    static final List<Hook> TABLE = Collections.unmodifiableList(Arrays.asList(
            before(CLOUD + "loadbalancer/LoadBalancerInterceptor", "intercept", INTERCEPT, "RestCalls"),
            before(CLOUD + "loadbalancer/RetryLoadBalancerInterceptor", "intercept", INTERCEPT, "RestCalls"),
            after("org/springframework/http/client/SimpleClientHttpRequestFactory", "prepareConnection", "(Ljava/net/HttpURLConnection;Ljava/lang/String;)V", "Connections"),
            after("feign/Client$Default", "getConnection", "(Ljava/net/URL;)Ljava/net/HttpURLConnection;", "Connections"),
            before(CLOUD + "loadbalancer/reactive/ReactorLoadBalancerExchangeFilterFunction", "filter", EXCHANGE, "WebCalls"),
            before(CLOUD + "loadbalancer/reactive/RetryableLoadBalancerExchangeFilterFunction", "filter", EXCHANGE, "WebCalls"),
            before(CLOUD + "loadbalancer/reactive/LoadBalancerExchangeFilterFunction", "filter", EXCHANGE, "WebCalls"),
            before(FEIGN + "loadbalancer/FeignBlockingLoadBalancerClient", "execute", EXECUTE, "FeignCalls"),
            before(FEIGN + "loadbalancer/RetryableFeignBlockingLoadBalancerClient", "execute", EXECUTE, "FeignCalls"),
            before(FEIGN + "ribbon/LoadBalancerFeignClient", "execute", EXECUTE, "FeignCalls"),
            before(GATEWAY + "ReactiveLoadBalancerClientFilter", "filter", FORWARD, "GatewayCalls"),
            before(GATEWAY + "LoadBalancerClientFilter", "filter", FORWARD, "GatewayCalls"),
            after(MVC + "filter/LoadBalancerFilterFunctions", "lb", "(Ljava/lang/String;Ljava/util/function/BiFunction;)Lorg/springframework/web/servlet/function/HandlerFilterFunction;", "MvcGatewayCalls"),
            before(MVC + "handler/ProxyExchangeHandlerFunction", "handle", "(Lorg/springframework/web/servlet/function/ServerRequest;)Lorg/springframework/web/servlet/function/ServerResponse;", "MvcGatewayCalls"),
            before(NETFLIX + "zuul/filters/route/support/AbstractRibbonCommand", "run", "()Lorg/springframework/http/client/ClientHttpResponse;", "ZuulCalls"),
            before(NETFLIX + "ribbon/support/AbstractLoadBalancingClient", "getRequestSpecificRetryHandler",
                    "(L" + NETFLIX + "ribbon/support/ContextAwareRequest;Lcom/netflix/client/config/IClientConfig;)Lcom/netflix/client/RequestSpecificRetryHandler;", "ZuulCalls"),
            after("org/springframework/cloud/context/named/NamedContextFactory", "getInstance", GET_INSTANCE, "Balancers"),
            after(COMPOSITE, "<init>", "(Ljava/util/List;)V", "Discovery"),
            after(COMPOSITE, "getInstances", "(Ljava/lang/String;)Ljava/util/List;", "Discovery"),
            after(COMPOSITE, "getServices", "()Ljava/util/List;", "Discovery"),
            after(REACTIVE, "<init>", "(Ljava/util/List;)V", "ReactiveDiscovery"),
            after(REACTIVE, "getInstances", "(Ljava/lang/String;)Lreactor/core/publisher/Flux;", "ReactiveDiscovery"),
            after(REACTIVE, "getServices", "()Lreactor/core/publisher/Flux;", "ReactiveDiscovery"),
            before(SERVLET, "doService", serve("javax"), "ServletLane"),
            end(SERVLET, "doService", serve("javax"), "ServletLane"),
            before(SERVLET, "doService", serve("jakarta"), "ServletLane"),
            end(SERVLET, "doService", serve("jakarta"), "ServletLane"),
            after("org/springframework/web/server/adapter/HttpWebHandlerAdapter", "handle",
                    "(Lorg/springframework/http/server/reactive/ServerHttpRequest;Lorg/springframework/http/server/reactive/ServerHttpResponse;)Lreactor/core/publisher/Mono;", "ReactiveLane"),
            // What has the TLS of calls. Those that cannot be given another one have a row, too, so that the error names them.
            before(FACTORY + "SimpleClientHttpRequestFactory", "createRequest", CREATE_REQUEST, "EncryptedRequests"),
            before(FACTORY + "JdkClientHttpRequestFactory", "createRequest", CREATE_REQUEST, "EncryptedRequests"),
            before(FACTORY + "ReactorClientHttpRequestFactory", "createRequest", CREATE_REQUEST, "EncryptedRequests"),
            before(FACTORY + "ReactorNettyClientRequestFactory", "createRequest", CREATE_REQUEST, "EncryptedRequests"),
            before(FACTORY + "HttpComponentsClientHttpRequestFactory", "createRequest", CREATE_REQUEST, "EncryptedRequests"),
            before(FACTORY + "OkHttp3ClientHttpRequestFactory", "createRequest", CREATE_REQUEST, "EncryptedRequests"),
            before(FACTORY + "JettyClientHttpRequestFactory", "createRequest", CREATE_REQUEST, "EncryptedRequests"),
            before(CONNECTOR + "ReactorClientHttpConnector", "connect", CONNECT, "EncryptedExchanges"),
            before(CONNECTOR + "JdkClientHttpConnector", "connect", CONNECT, "EncryptedExchanges"),
            before(CONNECTOR + "HttpComponentsClientHttpConnector", "connect", CONNECT, "EncryptedExchanges"),
            before(CONNECTOR + "JettyClientHttpConnector", "connect", CONNECT, "EncryptedExchanges"),
            before("feign/Client$Default", "execute", EXECUTE, "EncryptedFeign"),
            before("feign/hc5/ApacheHttp5Client", "execute", EXECUTE, "EncryptedFeign"),
            before("feign/http2client/Http2Client", "execute", EXECUTE, "EncryptedFeign"),
            before("feign/okhttp/OkHttpClient", "execute", EXECUTE, "EncryptedFeign"),
            before("feign/httpclient/ApacheHttpClient", "execute", EXECUTE, "EncryptedFeign"),
            before(GATEWAY + "NettyRoutingFilter", "filter", FORWARD, "EncryptedGateway"),
            // Clients without a balancer, if mizzen.plain is set.
            request("Simple"), request("HttpComponents"), request("OkHttp3"), request("Jdk"), request("Jetty"), request("Reactor"), request("ReactorNetty"),
            plain("org/springframework/web/reactive/function/client/ExchangeFunctions$DefaultExchangeFunction", "exchange",
                    "(Lorg/springframework/web/reactive/function/client/ClientRequest;)Lreactor/core/publisher/Mono;", "WebCalls"),
            plain("feign/Client$Default", "execute", EXECUTE, "FeignCalls"),
            plain("feign/okhttp/OkHttpClient", "execute", EXECUTE, "FeignCalls"),
            plain("feign/httpclient/ApacheHttpClient", "execute", EXECUTE, "FeignCalls"),
            plain("feign/hc5/ApacheHttp5Client", "execute", EXECUTE, "FeignCalls"),
            plain("feign/http2client/Http2Client", "execute", EXECUTE, "FeignCalls"),
            plain("jdk/internal/net/http/HttpClientImpl", "sendAsync", "(Ljava/net/http/HttpRequest;Ljava/net/http/HttpResponse$BodyHandler;"
                    + "Ljava/net/http/HttpResponse$PushPromiseHandler;Ljava/util/concurrent/Executor;)Ljava/util/concurrent/CompletableFuture;", "JdkCalls"),
            new Hook("okhttp3/OkHttpClient", "interceptors", "()Ljava/util/List;", "OkHttpCalls", false, false, true),
            plain("org/apache/http/impl/client/InternalHttpClient", "doExecute", "(Lorg/apache/http/HttpHost;Lorg/apache/http/HttpRequest;"
                    + "Lorg/apache/http/protocol/HttpContext;)Lorg/apache/http/client/methods/CloseableHttpResponse;", "Apache4Calls"),
            plain("org/apache/hc/client5/http/impl/classic/InternalHttpClient", "doExecute", "(Lorg/apache/hc/core5/http/HttpHost;Lorg/apache/hc/core5/http/ClassicHttpRequest;"
                    + "Lorg/apache/hc/core5/http/protocol/HttpContext;)Lorg/apache/hc/client5/http/impl/classic/CloseableHttpResponse;", "Apache5Calls")));

    /** What the application's operator should know when calls of a library are followed first. */
    private static final Map<String, String> SAID = said();

    private static Map<String, String> said() {
        String bypassed = ": for services of the mesh, the application's own balancer, hints, zones, sticky sessions, health checks and load-balancer retries are not used";
        Map<String, String> said = new HashMap<>();
        said.put("RestCalls", "RestTemplate and RestClient" + bypassed);
        said.put("WebCalls", "WebClient" + bypassed);
        said.put("FeignCalls", "OpenFeign" + bypassed);
        said.put("GatewayCalls", "Spring Cloud Gateway" + bypassed);
        said.put("ZuulCalls", "Zuul" + bypassed);
        said.put("MvcGatewayCalls", "Spring Cloud Gateway for WebMVC" + bypassed);
        String without = " without a balancer follow the mesh, but not mirrors";
        said.put("JdkCalls", "calls of java.net.http.HttpClient" + without);
        said.put("OkHttpCalls", "calls of OkHttp" + without + "; a timeout limits the connection and each read");
        said.put("Apache4Calls", "calls of Apache HttpClient 4" + without + "; a timeout limits the connection and each read");
        said.put("Apache5Calls", "calls of Apache HttpClient 5" + without + "; a timeout limits the connection and each read");
        return said;
    }

    /** What to say when an adapter is used first. */
    static Optional<String> said(String adapter) {
        return Optional.ofNullable(SAID.get(adapter.substring(adapter.lastIndexOf('.') + 1)));
    }

    final String type, method, descriptor, adapter;
    /** True if the adapter is asked before the method's own code, false if it is asked with its result. */
    final boolean before;
    /** True if the adapter is asked at the end of the method also if it throws. */
    final boolean always;
    /** True if it is for clients without a balancer. */
    final boolean plain;

    private Hook(String type, String method, String descriptor, String adapter, boolean before, boolean always, boolean plain) {
        this.type = type;
        this.method = method;
        this.descriptor = descriptor;
        this.adapter = "dev.mizzen.agent.adapters." + adapter;
        this.before = before;
        this.always = always;
        this.plain = plain;
    }

    private static String serve(String api) {
        return "(L" + api + "/servlet/http/HttpServletRequest;L" + api + "/servlet/http/HttpServletResponse;)V";
    }

    private static Hook before(String type, String method, String descriptor, String adapter) {
        return new Hook(type, method, descriptor, adapter, true, false, false);
    }

    private static Hook after(String type, String method, String descriptor, String adapter) {
        return new Hook(type, method, descriptor, adapter, false, false, false);
    }

    private static Hook plain(String type, String method, String descriptor, String adapter) {
        return new Hook(type, method, descriptor, adapter, true, false, true);
    }

    /** A factory of the requests of RestTemplate and RestClient. */
    private static Hook request(String library) {
        return plain(FACTORY + library + (library.equals("ReactorNetty") ? "Client" : "ClientHttp") + "RequestFactory", "createRequest", CREATE_REQUEST, "RestCalls");
    }

    private static Hook end(String type, String method, String descriptor, String adapter) {
        return new Hook(type, method, descriptor, adapter, false, true, false);
    }
}
