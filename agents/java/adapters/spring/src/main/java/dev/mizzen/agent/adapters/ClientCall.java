package dev.mizzen.agent.adapters;

import dev.mizzen.agent.bridge.Answer;
import dev.mizzen.agent.bridge.Plan;
import dev.mizzen.agent.bridge.Service;
import java.io.ByteArrayInputStream;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import org.springframework.http.HttpHeaders;
import org.springframework.http.client.ClientHttpResponse;

/** A call whose response is a ClientHttpResponse. */
abstract class ClientCall extends Blocking<ClientHttpResponse> {
    ClientCall(String name, Service service, Plan plan) {
        super(name, service, plan);
    }

    @Override
    int status(ClientHttpResponse response) {
        return Http.status(ClientHttpResponse.class, response);
    }

    @Override
    void discard(ClientHttpResponse response) {
        response.close();
    }

    @Override
    ClientHttpResponse answer(Answer answer) {
        HttpHeaders headers = new HttpHeaders();
        answer.headers().forEach(headers::set);
        headers.set("Content-Length", String.valueOf(answer.body().length));
        ByteArrayInputStream stream = new ByteArrayInputStream(answer.body());
        return proxy((proxy, method, args) -> {
            switch (method.getName()) {
                case "getStatusCode": return Http.status(method.getReturnType(), answer.status());
                case "getRawStatusCode": return answer.status();
                case "getStatusText": return "";
                case "getHeaders": return headers;
                case "getBody": return stream;
                default: return null;
            }
        });
    }

    @Override
    ClientHttpResponse edited(ClientHttpResponse response) {
        if (plan.responseHeaders().isEmpty()) {
            return response;
        }
        HttpHeaders headers = Http.edited(response.getHeaders(), plan.responseHeaders(), null);
        return proxy((proxy, method, args) -> {
            if (method.getName().equals("getHeaders")) {
                return headers;
            }
            try {
                return method.invoke(response, args);
            } catch (InvocationTargetException e) {
                throw e.getCause();
            }
        });
    }

    private static ClientHttpResponse proxy(InvocationHandler handler) {
        return (ClientHttpResponse) Proxy.newProxyInstance(ClientCall.class.getClassLoader(), new Class<?>[] {ClientHttpResponse.class}, handler);
    }
}
