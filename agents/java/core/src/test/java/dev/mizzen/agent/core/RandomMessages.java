package dev.mizzen.agent.core;

import com.google.protobuf.Any;
import com.google.protobuf.BoolValue;
import com.google.protobuf.ByteString;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.EnumValueDescriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Descriptors.OneofDescriptor;
import com.google.protobuf.Message;
import io.envoyproxy.envoy.extensions.filters.http.fault.v3.HTTPFault;
import io.envoyproxy.envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Makes random messages of Envoy's API with the fields of the contract: the same ones for the same seed. */
public final class RandomMessages {
    /** The fields to set in each message; "a!" is always set. A message that is not here has all its fields. */
    private static final Map<String, List<String>> FIELDS = new HashMap<>();

    static {
        String route = "envoy.config.route.v3.";
        put(route + "RouteConfiguration", "name! virtual_hosts! request_headers_to_add request_headers_to_remove response_headers_to_add response_headers_to_remove most_specific_header_mutations_wins");
        put(route + "VirtualHost", "name! domains! routes! request_headers_to_add request_headers_to_remove response_headers_to_add response_headers_to_remove retry_policy");
        put(route + "Route", "name match! route redirect direct_response request_headers_to_add request_headers_to_remove response_headers_to_add response_headers_to_remove typed_per_filter_config");
        put(route + "RouteMatch", "prefix path safe_regex path_separated_prefix case_sensitive headers query_parameters runtime_fraction");
        put(route + "HeaderMatcher", "name! string_match range_match present_match invert_match treat_missing_header_as_empty exact_match prefix_match suffix_match contains_match safe_regex_match");
        put(route + "QueryParameterMatcher", "name! string_match present_match");
        put(route + "RouteAction", "cluster weighted_clusters timeout retry_policy prefix_rewrite regex_rewrite host_rewrite_literal hash_policy request_mirror_policies max_stream_duration");
        put(route + "RouteAction.MaxStreamDuration", "max_stream_duration");
        put(route + "RouteAction.HashPolicy", "header cookie query_parameter connection_properties terminal");
        put(route + "RouteAction.HashPolicy.Header", "header_name! regex_rewrite");
        put(route + "RouteAction.HashPolicy.Cookie", "name! ttl path");
        put(route + "RouteAction.HashPolicy.QueryParameter", "name!");
        put(route + "RouteAction.RequestMirrorPolicy", "cluster! runtime_fraction");
        put(route + "WeightedCluster", "clusters!");
        put(route + "WeightedCluster.ClusterWeight", "name! weight! request_headers_to_add request_headers_to_remove response_headers_to_add response_headers_to_remove host_rewrite_literal typed_per_filter_config");
        put(route + "RetryPolicy", "retry_on num_retries per_try_timeout retriable_status_codes retry_back_off retry_host_predicate host_selection_retry_max_attempts");
        put(route + "RetryPolicy.RetryHostPredicate", "name!");
        put(route + "RedirectAction", "host_redirect path_redirect prefix_rewrite regex_rewrite https_redirect scheme_redirect port_redirect response_code strip_query");
        put(route + "DirectResponseAction", "status! body");
        put("envoy.config.core.v3.DataSource", "inline_string! ");
        put("envoy.config.core.v3.HeaderValueOption", "header! append_action append keep_empty_value");
        put("envoy.config.core.v3.HeaderValue", "key! value");
        put("envoy.config.core.v3.RuntimeFractionalPercent", "default_value! runtime_key");
        put("envoy.type.matcher.v3.StringMatcher", "exact prefix suffix contains safe_regex ignore_case");
        put("envoy.type.matcher.v3.RegexMatcher", "regex! google_re2");
        put("envoy.type.matcher.v3.RegexMatchAndSubstitute", "pattern! substitution");
        put("envoy.type.v3.FractionalPercent", "numerator denominator");
        put("envoy.extensions.filters.http.fault.v3.HTTPFault", "delay abort headers");
        put("envoy.extensions.filters.http.fault.v3.FaultAbort", "http_status grpc_status percentage");
        put("envoy.extensions.filters.common.fault.v3.FaultDelay", "fixed_delay percentage");
        String cluster = "envoy.config.cluster.v3.";
        put(cluster + "Cluster", "name! type! eds_cluster_config! load_assignment! connect_timeout lb_policy outlier_detection circuit_breakers common_lb_config round_robin_lb_config least_request_lb_config ring_hash_lb_config metadata transport_socket");
        put(cluster + "Cluster.EdsClusterConfig", "eds_config! service_name");
        put("envoy.config.core.v3.ConfigSource", "ads self");
        put("envoy.config.core.v3.AggregatedConfigSource", "");
        put("envoy.config.core.v3.SelfConfigSource", "");
        put(cluster + "Cluster.CommonLbConfig", "healthy_panic_threshold");
        put(cluster + "Cluster.RoundRobinLbConfig", "slow_start_config");
        put(cluster + "Cluster.LeastRequestLbConfig", "choice_count slow_start_config");
        put(cluster + "Cluster.RingHashLbConfig", "minimum_ring_size maximum_ring_size hash_function");
        put(cluster + "Cluster.SlowStartConfig", "slow_start_window! aggression min_weight_percent");
        put("envoy.config.core.v3.RuntimeDouble", "default_value!");
        put(cluster + "CircuitBreakers", "thresholds");
        put(cluster + "CircuitBreakers.Thresholds", "priority max_requests max_retries max_connections retry_budget");
        put(cluster + "OutlierDetection", "consecutive_5xx interval base_ejection_time max_ejection_percent enforcing_consecutive_5xx consecutive_gateway_failure "
            + "enforcing_consecutive_gateway_failure split_external_local_origin_errors consecutive_local_origin_failure enforcing_consecutive_local_origin_failure "
            + "max_ejection_time always_eject_one_host enforcing_success_rate");
        put("envoy.config.core.v3.TransportSocket", "name! typed_config!");
        String tls = "envoy.extensions.transport_sockets.tls.v3.";
        put(tls + "UpstreamTlsContext", "common_tls_context! sni");
        put(tls + "CommonTlsContext", "tls_certificate_provider_instance validation_context");
        put(tls + "CertificateValidationContext", "ca_certificate_provider_instance! match_subject_alt_names! system_root_certs");
        put(tls + "CertificateProviderPluginInstance", "instance_name! certificate_name");
        put("envoy.config.core.v3.Metadata", "filter_metadata");
        String endpoint = "envoy.config.endpoint.v3.";
        put(endpoint + "ClusterLoadAssignment", "cluster_name! endpoints policy");
        put(endpoint + "ClusterLoadAssignment.Policy", "drop_overloads overprovisioning_factor");
        put(endpoint + "LocalityLbEndpoints", "locality lb_endpoints load_balancing_weight priority");
        put(endpoint + "LbEndpoint", "endpoint! health_status load_balancing_weight metadata");
        put(endpoint + "Endpoint", "address!");
        put("envoy.config.core.v3.Address", "socket_address!");
        put("envoy.config.core.v3.SocketAddress", "address! port_value!");
        put("envoy.config.core.v3.Locality", "region zone sub_zone");
    }

    private static final String[] REGEXES = {"/a/.*", "[a-z]+", "v(\\d+)", "(?:x|y)z?", "[^/]+/b{1,3}", "\\w+\\.\\w+$", "(?i)gray", "a|b|c"};
    private static final String[] WORDS = {"a", "/a/b", "v1", "x-lane", "gray", "5xx,reset", "outbound|80|v1|go-sc-a.shop.svc.cluster.local", "Ünï ", "0", "*.shop", "%REQ(x)%", ""};

    private final Random random;

    public RandomMessages(long seed) {
        random = new Random(seed);
    }

    private static void put(String message, String fields) {
        FIELDS.put(message, Arrays.asList(fields.trim().split(" ")));
    }

    /** Fills in a message of a type. */
    @SuppressWarnings("unchecked")
    public <M extends Message> M make(M prototype) {
        return (M) fill(prototype.newBuilderForType()).build();
    }

    private Message.Builder fill(Message.Builder b) {
        Descriptor type = b.getDescriptorForType();
        List<String> names = FIELDS.get(type.getFullName());
        List<FieldDescriptor> chosen = new ArrayList<>();
        List<OneofDescriptor> oneofs = new ArrayList<>();
        for (FieldDescriptor f : type.getFields()) {
            boolean must = names != null && names.contains(f.getName() + "!");
            boolean may = names == null || must || names.contains(f.getName());
            OneofDescriptor oneof = f.getRealContainingOneof();
            if (may && oneof != null && !oneofs.contains(oneof)) {
                oneofs.add(oneof);
            } else if (may && oneof == null && (must || random.nextInt(3) > 0)) {
                chosen.add(f);
            }
        }
        for (OneofDescriptor oneof : oneofs) {
            List<FieldDescriptor> of = new ArrayList<>();
            for (FieldDescriptor f : oneof.getFields()) {
                if (names == null || names.contains(f.getName()) || names.contains(f.getName() + "!")) {
                    of.add(f);
                }
            }
            chosen.add(of.get(random.nextInt(of.size())));
        }
        for (FieldDescriptor f : chosen) {
            if (f.isMapField()) {
                entry(b, f);
            } else if (f.isRepeated()) {
                for (int n = 1 + random.nextInt(3); n > 0; n--) {
                    b.addRepeatedField(f, value(b, f));
                }
            } else {
                b.setField(f, value(b, f));
            }
        }
        return b;
    }

    /** Sets an entry of one of the two maps of the contract: a fault, or metadata of Mizzen. */
    private void entry(Message.Builder b, FieldDescriptor f) {
        Message.Builder entry = b.newBuilderForField(f);
        Descriptor e = entry.getDescriptorForType();
        boolean isFilter = f.getName().equals("typed_per_filter_config");
        entry.setField(e.findFieldByNumber(1), isFilter ? "envoy.filters.http.fault" : "mizzen.dev");
        Message value = isFilter ? Any.pack(make(HTTPFault.getDefaultInstance())) : metadata();
        try { // the value of a map's entry is of the generated or of the dynamic class
            entry.setField(e.findFieldByNumber(2), value);
        } catch (IllegalArgumentException x) {
            throw new AssertionError(x);
        }
        b.addRepeatedField(f, entry.build());
    }

    private Message metadata() {
        com.google.protobuf.Struct.Builder labels = com.google.protobuf.Struct.newBuilder();
        for (int n = random.nextInt(3); n >= 0; n--) {
            labels.putFields("label" + n, com.google.protobuf.Value.newBuilder().setStringValue(word()).build());
        }
        return com.google.protobuf.Struct.newBuilder()
            .putFields("labels", com.google.protobuf.Value.newBuilder().setStructValue(labels).build())
            .putFields("protocol", com.google.protobuf.Value.newBuilder().setStringValue(word()).build())
            .putFields("other", com.google.protobuf.Value.newBuilder().setNumberValue(7).build()).build();
    }

    private Object value(Message.Builder b, FieldDescriptor f) {
        switch (f.getJavaType()) {
            case STRING: return string(f);
            case BOOLEAN: return random.nextBoolean();
            case INT: return number(f);
            case LONG: return (long) random.nextInt(1000);
            case DOUBLE: return random.nextInt(1000) / 10.0;
            case ENUM: {
                List<EnumValueDescriptor> values = f.getEnumType().getValues();
                boolean policy = f.getName().equals("lb_policy");
                return policy ? values.get(random.nextInt(4)) : f.getName().equals("type") ? f.getEnumType().findValueByName("EDS") : values.get(random.nextInt(values.size()));
            }
            case BYTE_STRING: return ByteString.copyFromUtf8(word());
            default: return message(b.newBuilderForField(f));
        }
    }

    private Message message(Message.Builder b) {
        String type = b.getDescriptorForType().getFullName();
        if (type.equals("google.protobuf.UInt32Value")) {
            return com.google.protobuf.UInt32Value.of(1 + random.nextInt(100));
        }
        if (type.equals("google.protobuf.Any")) { // of a transport socket: other ones are in maps
            return Any.pack(make(UpstreamTlsContext.getDefaultInstance()));
        }
        if (type.equals("google.protobuf.BoolValue")) {
            return BoolValue.of(random.nextBoolean());
        }
        if (type.equals("google.protobuf.Duration")) {
            return com.google.protobuf.Duration.newBuilder().setSeconds(random.nextInt(100)).setNanos(random.nextInt(1_000_000_000)).build();
        }
        if (type.equals("envoy.type.matcher.v3.RegexMatchAndSubstitute")) {
            return fill(b).setField(b.getDescriptorForType().findFieldByName("substitution"), "x\\0").build();
        }
        return fill(b).build();
    }

    private String string(FieldDescriptor f) {
        if (f.getContainingType().getName().equals("RetryHostPredicate")) {
            return "envoy.retry_host_predicates." + (random.nextBoolean() ? "previous_hosts" : "omit_canary_hosts");
        }
        switch (f.getName()) {
            case "regex": return REGEXES[random.nextInt(REGEXES.length)];
            case "name":
            case "key":
            case "cluster":
            case "header_name":
            case "cluster_name":
            case "instance_name":
            case "address": return "name-" + random.nextInt(50);
            default: return word();
        }
    }

    private int number(FieldDescriptor f) {
        switch (f.getName()) {
            case "status":
            case "http_status": return 200 + random.nextInt(400);
            case "grpc_status": return random.nextInt(17);
            case "priority": return random.nextInt(3);
            case "port_value": return 1 + random.nextInt(65535);
            case "numerator": return random.nextInt(150);
            default: return random.nextInt(70000);
        }
    }

    private String word() {
        return WORDS[random.nextInt(WORDS.length)];
    }

}
