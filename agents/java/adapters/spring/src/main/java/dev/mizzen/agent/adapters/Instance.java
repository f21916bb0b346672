package dev.mizzen.agent.adapters;

import dev.mizzen.agent.bridge.Endpoint;
import java.net.URI;
import java.util.Map;
import org.springframework.cloud.client.ServiceInstance;

/** An endpoint of the mesh as Spring Cloud presents instances. */
public final class Instance implements ServiceInstance {
    private final String service;
    private final Endpoint endpoint;

    private final String host;

    private Instance(String service, Endpoint endpoint, String host) {
        this.service = service;
        this.endpoint = endpoint;
        this.host = host;
    }

    /** The instance of an endpoint. An endpoint of the application's registry is the registry's own instance. */
    public static ServiceInstance of(String service, Endpoint endpoint) {
        return endpoint instanceof Registry.Registered ? ((Registry.Registered) endpoint).instance : new Instance(service, endpoint, endpoint.host());
    }

    /** The instance that a balancer chose for a call. Only a client library that can encrypt as the mesh demands can call it then. */
    public static ServiceInstance chosen(String service, Endpoint endpoint) {
        return endpoint instanceof Registry.Registered ? of(service, endpoint) : new Instance(service, endpoint, Encrypted.host(endpoint));
    }

    @Override
    public String getInstanceId() {
        return endpoint.host() + ":" + endpoint.port();
    }

    @Override
    public String getServiceId() {
        return service;
    }

    @Override
    public String getHost() {
        return host;
    }

    @Override
    public int getPort() {
        return endpoint.port();
    }

    @Override
    public boolean isSecure() {
        return endpoint.secure();
    }

    @Override
    public URI getUri() {
        return URI.create(getScheme() + "://" + getHost() + ":" + getPort());
    }

    @Override
    public Map<String, String> getMetadata() {
        return endpoint.labels();
    }

    @Override
    public String getScheme() {
        return isSecure() ? "https" : "http";
    }

    @Override
    public String toString() {
        return service + " at " + getUri();
    }
}
