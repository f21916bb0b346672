package dev.mizzen.agent.core.balance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.protobuf.Duration;
import com.google.protobuf.UInt32Value;
import dev.mizzen.agent.core.RandomMessages;
import dev.mizzen.agent.core.wire.Reader;
import dev.mizzen.agent.core.wire.Refused;
import io.envoyproxy.envoy.config.cluster.v3.CircuitBreakers;
import io.envoyproxy.envoy.config.cluster.v3.Cluster.SlowStartConfig;
import io.envoyproxy.envoy.config.core.v3.RoutingPriority;
import io.envoyproxy.envoy.config.endpoint.v3.ClusterLoadAssignment;
import io.envoyproxy.envoy.config.endpoint.v3.LbEndpoint;
import io.envoyproxy.envoy.config.endpoint.v3.LocalityLbEndpoints;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** The decoders of clusters and endpoints against the classes that protoc makes of Envoy's API. */
class DecodeTest {
    @Test
    void decodesClusters() {
        for (int seed = 0; seed < 1500; seed++) {
            io.envoyproxy.envoy.config.cluster.v3.Cluster want = new RandomMessages(seed).make(io.envoyproxy.envoy.config.cluster.v3.Cluster.getDefaultInstance());
            assertEquals(show(want), show(ClusterConfig.decode(new Reader(want.toByteArray()))), "seed " + seed);
        }
    }

    @Test
    void decodesAssignments() {
        for (int seed = 0; seed < 1500; seed++) {
            ClusterLoadAssignment want = new RandomMessages(seed).make(ClusterLoadAssignment.getDefaultInstance());
            assertEquals(show(want), show(Assignment.decode(new Reader(want.toByteArray()))), "seed " + seed);
        }
    }

    @Test
    void survivesMutations() {
        Random random = new Random(2);
        int decoded = 0, refused = 0;
        for (int seed = 0; seed < 60; seed++) {
            byte[][] good = {new RandomMessages(seed).make(io.envoyproxy.envoy.config.cluster.v3.Cluster.getDefaultInstance()).toByteArray(),
                new RandomMessages(seed).make(ClusterLoadAssignment.getDefaultInstance()).toByteArray()};
            for (int i = 0; i < 400; i++) {
                byte[] bad = Arrays.copyOf(good[i % 2], i % 3 == 0 ? random.nextInt(good[i % 2].length) : good[i % 2].length);
                for (int n = 1 + random.nextInt(4); n > 0 && bad.length > 0; n--) {
                    bad[random.nextInt(bad.length)] = (byte) random.nextInt(256);
                }
                try {
                    if (i % 2 == 0) {
                        ClusterConfig.decode(new Reader(bad));
                    } else {
                        Assignment.decode(new Reader(bad));
                    }
                    decoded++;
                } catch (Refused e) {
                    refused++;
                }
            }
        }
        assertEquals(60 * 400, decoded + refused);
    }

    @Test
    void refusesTypesOfClustersThatItDoesNotKnow() {
        byte[] aggregate = io.envoyproxy.envoy.config.cluster.v3.Cluster.newBuilder().setName("a")
            .setClusterType(io.envoyproxy.envoy.config.cluster.v3.Cluster.CustomClusterType.newBuilder().setName("envoy.clusters.aggregate")).build().toByteArray();
        assertThrows(Refused.class, () -> ClusterConfig.decode(new Reader(aggregate)));
        byte[] subsets = io.envoyproxy.envoy.config.cluster.v3.Cluster.newBuilder().setName("a").setTypeValue(3)
            .setLbSubsetConfig(io.envoyproxy.envoy.config.cluster.v3.Cluster.LbSubsetConfig.getDefaultInstance()).build().toByteArray();
        assertThrows(Refused.class, () -> ClusterConfig.decode(new Reader(subsets)));
        byte[] quic = io.envoyproxy.envoy.config.cluster.v3.Cluster.newBuilder().setName("a").setTypeValue(3)
            .setTransportSocket(io.envoyproxy.envoy.config.core.v3.TransportSocket.newBuilder().setName("envoy.transport_sockets.quic")).build().toByteArray();
        assertThrows(Refused.class, () -> ClusterConfig.decode(new Reader(quic)), "calls would be in plain text");
    }

    private static String show(io.envoyproxy.envoy.config.cluster.v3.Cluster c) {
        StringBuilder s = new StringBuilder(c.getName()).append(' ').append(c.getEdsClusterConfig().getServiceName().isEmpty() ? c.getName() : c.getEdsClusterConfig().getServiceName())
            .append(' ').append(nanos(c.getConnectTimeout())).append(' ').append(c.getLbPolicyValue());
        boolean least = c.hasLeastRequestLbConfig();
        s.append(" choices ").append(least && c.getLeastRequestLbConfig().hasChoiceCount() ? Math.max(2, Math.min(16, c.getLeastRequestLbConfig().getChoiceCount().getValue())) : 2);
        s.append(" ring ").append(c.getRingHashLbConfig().hasMinimumRingSize() ? c.getRingHashLbConfig().getMinimumRingSize().getValue() : 1024)
            .append('-').append(c.getRingHashLbConfig().hasMaximumRingSize() ? c.getRingHashLbConfig().getMaximumRingSize().getValue() : 8 << 20);
        long requests = -1, retries = -1, concurrency = 3;
        double budget = -1;
        for (CircuitBreakers.Thresholds t : c.getCircuitBreakers().getThresholdsList()) {
            if (t.getPriority() == RoutingPriority.DEFAULT) {
                requests = number(t.hasMaxRequests(), t.getMaxRequests(), -1);
                retries = number(t.hasMaxRetries(), t.getMaxRetries(), -1);
                budget = t.hasRetryBudget() ? t.getRetryBudget().hasBudgetPercent() ? t.getRetryBudget().getBudgetPercent().getValue() : 20 : -1;
                concurrency = number(t.getRetryBudget().hasMinRetryConcurrency(), t.getRetryBudget().getMinRetryConcurrency(), 3);
            }
        }
        s.append(" limits ").append(requests).append(' ').append(retries).append(' ').append(budget).append(' ').append(concurrency);
        s.append(" panic ").append(c.getCommonLbConfig().hasHealthyPanicThreshold() ? c.getCommonLbConfig().getHealthyPanicThreshold().getValue() : 50);
        boolean has = least ? c.getLeastRequestLbConfig().hasSlowStartConfig() : c.getRoundRobinLbConfig().hasSlowStartConfig();
        SlowStartConfig slow = least ? c.getLeastRequestLbConfig().getSlowStartConfig() : c.getRoundRobinLbConfig().getSlowStartConfig();
        double aggression = has && slow.hasAggression() && slow.getAggression().getDefaultValue() > 0 ? slow.getAggression().getDefaultValue() : 1;
        s.append(" slow ").append(has ? nanos(slow.getSlowStartWindow()) : 0).append(' ').append(aggression).append(' ')
            .append(has && slow.hasMinWeightPercent() ? slow.getMinWeightPercent().getValue() : 10);
        s.append(" secure ").append(c.hasTransportSocket());
        boolean meta = c.getMetadata().containsFilterMetadata("mizzen.dev");
        s.append(' ').append(meta ? c.getMetadata().getFilterMetadataOrThrow("mizzen.dev").getFieldsOrThrow("protocol").getStringValue() : "")
            .append(meta ? labels(c.getMetadata().getFilterMetadataOrThrow("mizzen.dev")) : "{}");
        if (c.hasOutlierDetection()) {
            io.envoyproxy.envoy.config.cluster.v3.OutlierDetection o = c.getOutlierDetection();
            long base = o.hasBaseEjectionTime() ? nanos(o.getBaseEjectionTime()) : 30_000_000_000L;
            s.append(" outliers ").append(number(o.hasConsecutive5Xx(), o.getConsecutive5Xx(), 5)).append(' ').append(number(o.hasConsecutiveGatewayFailure(), o.getConsecutiveGatewayFailure(), 5))
                .append(' ').append(number(o.hasConsecutiveLocalOriginFailure(), o.getConsecutiveLocalOriginFailure(), 5))
                .append(' ').append(number(o.hasEnforcingConsecutive5Xx(), o.getEnforcingConsecutive5Xx(), 100))
                .append(' ').append(number(o.hasEnforcingConsecutiveGatewayFailure(), o.getEnforcingConsecutiveGatewayFailure(), 0))
                .append(' ').append(number(o.hasEnforcingConsecutiveLocalOriginFailure(), o.getEnforcingConsecutiveLocalOriginFailure(), 100))
                .append(' ').append(o.hasInterval() ? Math.max(1, nanos(o.getInterval())) : 10_000_000_000L).append(' ').append(base)
                .append(' ').append(Math.max(base, o.hasMaxEjectionTime() ? nanos(o.getMaxEjectionTime()) : 300_000_000_000L))
                .append(' ').append(number(o.hasMaxEjectionPercent(), o.getMaxEjectionPercent(), 10)).append(' ').append(o.getSplitExternalLocalOriginErrors())
                .append(' ').append(o.getAlwaysEjectOneHost().getValue());
        }
        return s.toString();
    }

    private static String show(ClusterConfig c) {
        StringBuilder s = new StringBuilder(c.name).append(' ').append(c.assignment()).append(' ').append(c.connectTimeout).append(' ').append(c.policy)
            .append(" choices ").append(c.choices).append(" ring ").append(c.minRing).append('-').append(c.maxRing)
            .append(" limits ").append(c.maxRequests).append(' ').append(c.maxRetries).append(' ').append(c.retryBudget).append(' ').append(c.minRetryConcurrency)
            .append(" panic ").append(c.panic).append(" slow ").append(c.slowStart).append(' ').append(c.aggression).append(' ').append(c.minWeightPercent)
            .append(" secure ").append(c.tls != null).append(' ').append(c.protocol).append(new TreeMap<>(c.labels));
        OutlierDetection o = c.outliers;
        if (o != null) {
            s.append(" outliers ").append(o.consecutive5xx).append(' ').append(o.consecutiveGateway).append(' ').append(o.consecutiveLocal).append(' ').append(o.enforce5xx)
                .append(' ').append(o.enforceGateway).append(' ').append(o.enforceLocal).append(' ').append(o.interval).append(' ').append(o.baseEjection)
                .append(' ').append(o.maxEjection).append(' ').append(o.maxEjectionPercent).append(' ').append(o.splitLocal).append(' ').append(o.alwaysEjectOne);
        }
        return s.toString();
    }

    private static String show(ClusterLoadAssignment a) {
        StringBuilder s = new StringBuilder(a.getClusterName());
        double kept = 1;
        int[] factors = {10_000, 100, 1};
        for (ClusterLoadAssignment.Policy.DropOverload d : a.getPolicy().getDropOverloadsList()) {
            kept *= 1 - Math.min(1_000_000, d.getDropPercentage().getNumerator() * factors[d.getDropPercentage().getDenominatorValue()]) / 1e6;
        }
        s.append(' ').append(Math.round(1e6 * (1 - kept))).append(' ')
            .append(a.getPolicy().hasOverprovisioningFactor() ? Math.max(100, a.getPolicy().getOverprovisioningFactor().getValue()) : 140);
        for (LocalityLbEndpoints l : a.getEndpointsList()) {
            String region = l.getLocality().getRegion(), zone = l.getLocality().getZone(), sub = l.getLocality().getSubZone();
            s.append("\n ").append(region).append(zone.isEmpty() ? "" : "/" + zone).append(sub.isEmpty() ? "" : "/" + sub).append(' ')
                .append(l.getLoadBalancingWeight().getValue()).append(' ').append(l.getPriority());
            for (LbEndpoint e : l.getLbEndpointsList()) {
                boolean meta = e.getMetadata().containsFilterMetadata("mizzen.dev");
                s.append("\n  ").append(e.getEndpoint().getAddress().getSocketAddress().getAddress()).append(':').append(e.getEndpoint().getAddress().getSocketAddress().getPortValue())
                    .append(' ').append(e.getHealthStatusValue()).append(' ').append(e.hasLoadBalancingWeight() ? e.getLoadBalancingWeight().getValue() : 1)
                    .append(meta ? labels(e.getMetadata().getFilterMetadataOrThrow("mizzen.dev")) : "{}");
            }
        }
        return s.toString();
    }

    private static String show(Assignment a) {
        StringBuilder s = new StringBuilder(a.name).append(' ').append(a.drop).append(' ').append(a.overprovisioning);
        for (Assignment.Locality l : a.localities) {
            s.append("\n ").append(l.name).append(' ').append(l.weight).append(' ').append(l.priority);
            for (Assignment.Member m : l.members) {
                s.append("\n  ").append(m.host).append(':').append(m.port).append(' ').append(m.health).append(' ').append(m.weight).append(new TreeMap<>(m.labels));
            }
        }
        return s.toString();
    }

    private static Map<String, String> labels(com.google.protobuf.Struct mizzen) {
        Map<String, String> labels = new TreeMap<>();
        mizzen.getFieldsOrThrow("labels").getStructValue().getFieldsMap().forEach((k, v) -> labels.put(k, v.getStringValue()));
        return labels;
    }

    private static long number(boolean has, UInt32Value value, long otherwise) {
        return has ? value.getValue() : otherwise;
    }

    private static long nanos(Duration d) {
        return d.getSeconds() * 1_000_000_000L + d.getNanos();
    }
}
