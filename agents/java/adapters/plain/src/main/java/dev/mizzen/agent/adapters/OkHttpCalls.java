package dev.mizzen.agent.adapters;

import dev.mizzen.agent.bridge.Adapter;
import dev.mizzen.agent.bridge.Answer;
import dev.mizzen.agent.bridge.Endpoint;
import dev.mizzen.agent.bridge.Mesh;
import dev.mizzen.agent.bridge.Plan;
import dev.mizzen.agent.bridge.Service;
import java.io.IOException;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import okhttp3.Headers;
import okhttp3.Interceptor;
import okhttp3.Protocol;
import okhttp3.Request;
import okhttp3.Response;
import okhttp3.ResponseBody;

/** OkHttp: an interceptor after those of the application. */
public final class OkHttpCalls implements Adapter, Interceptor {
    private final Mesh mesh;

    public OkHttpCalls(Mesh mesh) {
        this.mesh = mesh;
    }

    /** The interceptors of a client. One that was made from another client has ours already. */
    @Override
    @SuppressWarnings("unchecked")
    public Object after(Object result, Object self, Object a, Object b) {
        List<Interceptor> own = (List<Interceptor>) result;
        if (own.contains(this)) {
            return own;
        }
        List<Interceptor> all = new ArrayList<>(own);
        all.add(this);
        return all;
    }

    @Override
    public Response intercept(Chain chain) throws IOException {
        Request request = chain.request();
        URI uri = request.url().uri();
        Service service = RawCall.service(mesh, uri);
        return service == null ? chain.proceed(request) : new OkHttpCall(service, uri, chain).run();
    }

    private static final class OkHttpCall extends RawCall<Response> {
        private final Chain chain;

        OkHttpCall(Service service, URI uri, Chain chain) {
            super(service, chain.request().method(), uri, chain.request()::headers);
            this.chain = chain;
        }

        @Override
        Response send(Endpoint endpoint, Plan plan, int connectMillis, int readMillis) throws IOException {
            Headers headers = headers(edited(new HeaderMap(chain.request().headers().toMultimap()), plan));
            Chain limited = chain.withConnectTimeout(Connections.shorter(Connections.shorter(chain.connectTimeoutMillis(), connectMillis), readMillis), TimeUnit.MILLISECONDS)
                    .withReadTimeout(Connections.shorter(chain.readTimeoutMillis(), readMillis), TimeUnit.MILLISECONDS);
            return limited.proceed(chain.request().newBuilder().url(Call.at(uri, endpoint, plan).toString()).headers(headers).build());
        }

        private static Headers headers(HeaderMap from) {
            Headers.Builder headers = new Headers.Builder();
            from.forEach((name, values) -> values.forEach(v -> headers.add(name, v)));
            return headers.build();
        }

        @Override
        int status(Response response) {
            return response.code();
        }

        @Override
        void discard(Response response) {
            response.close();
        }

        @Override
        Response answer(Answer answer) {
            Response.Builder response = new Response.Builder().request(chain.request()).protocol(Protocol.HTTP_1_1).code(answer.status()).message("");
            answer.headers().forEach(response::header);
            return response.body(ResponseBody.create(null, answer.body())).build();
        }

        @Override
        Response edited(Response response) {
            return plan.responseHeaders().isEmpty() ? response
                    : response.newBuilder().headers(headers(new HeaderMap(response.headers().toMultimap()).edit(plan.responseHeaders()))).build();
        }
    }
}
