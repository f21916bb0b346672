package dev.mizzen.agent.starter;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.mizzen.agent.bridge.Mesh;
import dev.mizzen.agent.core.Config;
import dev.mizzen.agent.core.Core;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Properties;
import org.junit.jupiter.api.Test;

/** Lanes of inbound requests of both servlet APIs, which an application may have at the same time. */
final class LaneTest {
    private final Mesh mesh = Core.start(Config.read(Collections.emptyMap(), new Properties()));
    private final List<String> lanes = new ArrayList<>();

    private <T> T request(Class<T> type) {
        return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, (proxy, method, args) ->
                method.getName().equals("getHeader") && args[0].equals("x-lane") ? "gray" : null));
    }

    @Test
    void javax() throws Exception {
        new JavaxLaneConfiguration.LaneFilter(mesh).doFilter(request(javax.servlet.http.HttpServletRequest.class), null, (request, response) -> lanes.add(mesh.lane()));
        assertEquals(Collections.singletonList("gray"), lanes);
        assertNull(mesh.lane());
    }

    @Test
    void jakarta() throws Exception {
        new JakartaLaneConfiguration.LaneFilter(mesh).doFilter(request(jakarta.servlet.http.HttpServletRequest.class), null, (request, response) -> lanes.add(mesh.lane()));
        assertEquals(Collections.singletonList("gray"), lanes);
        assertNull(mesh.lane());
    }
}
