package dev.mizzen.agent.core;

import dev.mizzen.agent.bridge.HeaderEdits;
import dev.mizzen.agent.bridge.Mesh;
import dev.mizzen.agent.bridge.Request;
import dev.mizzen.agent.core.route.Lanes;

/** What a mesh knows of lanes, with a control plane and without. */
abstract class LanedMesh implements Mesh {
    final Config config;
    final Lanes lanes;

    /** @param own the lane of this process; null or empty if it has none */
    LanedMesh(Config config, String own) {
        this.config = config;
        this.lanes = new Lanes(config.laneKey, config.laneHeader, own);
    }

    @Override
    public String lane(String lane) {
        return lanes.set(lane);
    }

    @Override
    public String lane() {
        return lanes.get();
    }

    @Override
    public String laneOf(Request inbound) {
        return lanes.carried(inbound);
    }

    @Override
    public HeaderEdits laneHeaders(Request request) {
        return lanes.headers(request);
    }
}
