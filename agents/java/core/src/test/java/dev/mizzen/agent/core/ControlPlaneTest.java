package dev.mizzen.agent.core;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.mizzen.agent.bridge.Mesh;
import dev.mizzen.agent.bridge.Service;
import java.nio.file.Path;
import java.util.Collections;
import java.util.HashSet;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The core follows a real control plane. */
class ControlPlaneTest {
    @TempDir
    Path temp;
    private Path folder;

    @org.junit.jupiter.api.BeforeEach
    void folder() throws Exception {
        folder = java.nio.file.Files.createDirectory(temp.resolve("mesh"));
        Fixture.write(folder, "a.yaml", Fixture.service("go-sc-a"));
    }

    @Test
    void balancesOverAllEndpoints() throws Exception {
        try (ControlPlane cp = ControlPlane.serve(folder); Mesh mesh = Fixture.mesh(cp.xds)) {
            Service s = mesh.service("GO-SC-A", 80);
            assertEquals(Service.Presence.KNOWN, s.await());
            Set<String> seen = new TreeSet<>();
            for (int i = 0; i < 10; i++) {
                seen.add(Fixture.pick(s, Fixture.get("/")));
            }
            assertEquals("[127.0.0.1:20001, 127.0.0.1:20002]", seen.toString());
            assertEquals(new HashSet<>(Collections.singleton("go-sc-a:80")), new HashSet<>(mesh.services()));
        }
    }

    @Test
    void tellsUnknownFromKnown() throws Exception {
        try (ControlPlane cp = ControlPlane.serve(folder); Mesh mesh = Fixture.mesh(cp.xds)) {
            assertEquals(Service.Presence.UNKNOWN, mesh.service("Nothing_Here", 80).await());
            assertEquals(Service.Presence.KNOWN, mesh.service("go-sc-a", 80).await());
        }
    }

    @Test
    void followsChangesOfRoutes() throws Exception {
        try (ControlPlane cp = ControlPlane.serve(folder); Mesh mesh = Fixture.mesh(cp.xds)) {
            Service s = mesh.service("go-sc-a", 80);
            assertEquals(Service.Presence.KNOWN, s.await());
            for (int v = 1; v <= 2; v++) {
                String wanted = "127.0.0.1:2000" + v;
                Fixture.write(folder, "vs.yaml", Fixture.rule("go-sc-a", Fixture.to("go-sc-a", "v" + v)));
                Fixture.until("all calls go to " + wanted, () -> {
                    for (int i = 0; i < 4; i++) {
                        String got = Fixture.pick(s, Fixture.get("/"));
                        assertEquals("127.0.0.1:2000", got.substring(0, 14), "a call must not fail while routes change");
                        if (!got.equals(wanted)) {
                            return false;
                        }
                    }
                    return true;
                });
            }
        }
    }

    @Test
    void matchesHeaders() throws Exception {
        Fixture.write(folder, "vs.yaml", Fixture.rule("go-sc-a",
            "  - match: [{headers: {x-lane: {exact: gray}}}]\n    route: [{destination: {host: go-sc-a, subset: v2}}]\n" + Fixture.to("go-sc-a", "v1")));
        try (ControlPlane cp = ControlPlane.serve(folder); Mesh mesh = Fixture.mesh(cp.xds)) {
            Service s = mesh.service("go-sc-a", 80);
            assertEquals(Service.Presence.KNOWN, s.await());
            assertEquals("127.0.0.1:20001", Fixture.pick(s, Fixture.get("/")));
            assertEquals("127.0.0.1:20002", Fixture.pick(s, Fixture.get("/", "x-lane", "gray")));
        }
    }
}
