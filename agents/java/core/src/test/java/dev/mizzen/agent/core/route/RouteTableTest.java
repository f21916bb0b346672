package dev.mizzen.agent.core.route;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Message;
import dev.mizzen.agent.core.RandomMessages;
import dev.mizzen.agent.core.wire.Reader;
import dev.mizzen.agent.core.wire.Refused;
import io.envoyproxy.envoy.config.core.v3.HeaderValueOption;
import io.envoyproxy.envoy.config.route.v3.HeaderMatcher;
import io.envoyproxy.envoy.config.route.v3.QueryParameterMatcher;
import io.envoyproxy.envoy.config.route.v3.RedirectAction;
import io.envoyproxy.envoy.config.route.v3.Route;
import io.envoyproxy.envoy.config.route.v3.RouteAction;
import io.envoyproxy.envoy.config.route.v3.RouteConfiguration;
import io.envoyproxy.envoy.config.route.v3.RouteMatch;
import io.envoyproxy.envoy.config.route.v3.VirtualHost;
import io.envoyproxy.envoy.config.route.v3.WeightedCluster;
import io.envoyproxy.envoy.type.matcher.v3.StringMatcher;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** The decoder of routes against the classes that protoc makes of Envoy's API. */
class RouteTableTest {
    @Test
    void decodesWhatTheApiEncodes() {
        for (int seed = 0; seed < 1500; seed++) {
            RouteConfiguration want = new RandomMessages(seed).make(RouteConfiguration.getDefaultInstance());
            RouteTable got = RouteTable.decode(new Reader(want.toByteArray()));
            assertEquals(ExpectedRoutes.of(want), ExpectedRoutes.of(got), "seed " + seed);
        }
    }

    /** Whatever the bytes are, the decoder returns or refuses; it ends soon and throws nothing else. */
    @Test
    void survivesMutations() {
        Random random = new Random(1);
        int refused = 0, accepted = 0;
        for (int seed = 0; seed < 60; seed++) {
            byte[] good = new RandomMessages(seed).make(RouteConfiguration.getDefaultInstance()).toByteArray();
            for (int i = 0; i < 300; i++) {
                byte[] bad = Arrays.copyOf(good, i % 3 == 0 ? random.nextInt(good.length) : good.length);
                for (int n = 1 + random.nextInt(4); n > 0 && bad.length > 0; n--) {
                    bad[random.nextInt(bad.length)] = (byte) random.nextInt(256);
                }
                try {
                    RouteTable.decode(new Reader(bad));
                    accepted++;
                } catch (Refused e) {
                    refused++;
                }
            }
        }
        assertEquals(60 * 300, refused + accepted);
    }

    /** A field that is neither decoded nor known to be harmless is refused: it could change where a call goes. */
    @Test
    void refusesFieldsThatItDoesNotKnow() {
        check(RouteMatch.getDefaultInstance(), "prefix path safe_regex path_separated_prefix case_sensitive headers query_parameters runtime_fraction");
        check(HeaderMatcher.getDefaultInstance(), "name string_match range_match present_match invert_match treat_missing_header_as_empty exact_match "
            + "prefix_match suffix_match contains_match safe_regex_match");
        check(QueryParameterMatcher.getDefaultInstance(), "name string_match present_match");
        check(StringMatcher.getDefaultInstance(), "exact prefix suffix contains safe_regex ignore_case");
        check(Route.getDefaultInstance(), "name match route redirect direct_response request_headers_to_add request_headers_to_remove response_headers_to_add "
            + "response_headers_to_remove typed_per_filter_config metadata decorator tracing per_request_buffer_limit_bytes stat_prefix request_body_buffer_limit");
        check(RouteAction.getDefaultInstance(), "cluster weighted_clusters timeout retry_policy prefix_rewrite regex_rewrite host_rewrite_literal hash_policy "
            + "request_mirror_policies max_stream_duration priority rate_limits include_vh_rate_limits cors cluster_not_found_response_code max_grpc_timeout "
            + "idle_timeout upgrade_configs hedge_policy grpc_timeout_offset max_internal_redirects internal_redirect_policy append_x_forwarded_host "
            + "early_data_policy flush_timeout");
        check(WeightedCluster.getDefaultInstance(), "clusters runtime_key_prefix total_weight");
        check(WeightedCluster.ClusterWeight.getDefaultInstance(), "name weight request_headers_to_add request_headers_to_remove response_headers_to_add "
            + "response_headers_to_remove host_rewrite_literal typed_per_filter_config");
        check(RedirectAction.getDefaultInstance(), "host_redirect path_redirect prefix_rewrite regex_rewrite https_redirect scheme_redirect port_redirect "
            + "response_code strip_query");
        assertRefused(VirtualHost.newBuilder().setMatcher(com.github.xds.type.matcher.v3.Matcher.getDefaultInstance()).build());
    }

    private static void check(Message prototype, String known) {
        List<String> names = Arrays.asList(known.split(" "));
        Descriptor type = prototype.getDescriptorForType();
        for (String name : names) {
            if (type.findFieldByName(name) == null && !name.equals("request_body_buffer_limit") && !name.equals("flush_timeout")) {
                throw new AssertionError(type.getFullName() + " has no field " + name);
            }
        }
        for (FieldDescriptor f : type.getFields()) {
            if (!names.contains(f.getName())) {
                Message.Builder b = prototype.newBuilderForType();
                Object value = f.isMapField() ? null : value(b, f);
                if (value != null && f.isRepeated()) {
                    b.addRepeatedField(f, value);
                } else if (value != null) {
                    b.setField(f, value);
                }
                assertRefused(b.build());
            }
        }
        // A field that a later version of the API adds.
        Message later = prototype.newBuilderForType().setUnknownFields(com.google.protobuf.UnknownFieldSet.newBuilder()
            .addField(999, com.google.protobuf.UnknownFieldSet.Field.newBuilder().addVarint(1).build()).build()).build();
        assertRefused(later);
    }

    private static Object value(Message.Builder b, FieldDescriptor f) {
        switch (f.getJavaType()) {
            case STRING: return "x";
            case BOOLEAN: return true;
            case INT: return 1;
            case LONG: return 1L;
            case ENUM: return f.getEnumType().getValues().get(f.getEnumType().getValues().size() - 1);
            case MESSAGE: return b.newBuilderForField(f).build();
            default: throw new AssertionError(f.getFullName());
        }
    }

    /** Puts the message where it belongs in a route and decodes that. */
    private static void assertRefused(Message m) {
        Refused e = assertThrows(Refused.class, () -> decode(m), () -> m.getDescriptorForType().getFullName() + " with " + m);
        String text = e.getMessage();
        if (!text.contains("field") && !text.contains("support")) {
            throw new AssertionError("refused for another reason: " + text + ": " + m);
        }
    }

    private static void decode(Message m) {
        Reader r = new Reader(m.toByteArray());
        switch (m.getDescriptorForType().getName()) {
            case "RouteMatch": dev.mizzen.agent.core.route.Route.decode(new Reader(Route.newBuilder().setMatch((RouteMatch) m).build().toByteArray())); break;
            case "RouteAction": dev.mizzen.agent.core.route.Route.decode(new Reader(Route.newBuilder().setRoute((RouteAction) m).build().toByteArray())); break;
            case "WeightedCluster":
                decode(RouteAction.newBuilder().setWeightedClusters((WeightedCluster) m).build());
                break;
            case "Route": dev.mizzen.agent.core.route.Route.decode(r); break;
            case "HeaderMatcher": HeaderMatch.decode(r); break;
            case "QueryParameterMatcher": QueryMatch.decode(r); break;
            case "StringMatcher": StringMatch.decode(r); break;
            case "ClusterWeight": Target.decode(r); break;
            case "RedirectAction": Redirect.decode(r); break;
            case "VirtualHost": dev.mizzen.agent.core.route.VirtualHost.decode(r); break;
            default: throw new AssertionError(m.getDescriptorForType().getName());
        }
    }

    /** The older way to say that a header is replaced. */
    @Test
    void readsAppendFalseAsOverwrite() {
        HeaderValueOption o = HeaderValueOption.newBuilder().setAppend(com.google.protobuf.BoolValue.of(false))
            .setHeader(io.envoyproxy.envoy.config.core.v3.HeaderValue.newBuilder().setKey("A").setValue("b")).build();
        assertEquals(Edits.OVERWRITE_OR_ADD, Edits.Value.decode(new Reader(o.toByteArray())).action);
    }
}
