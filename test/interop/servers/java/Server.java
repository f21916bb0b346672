import com.google.gson.Gson;
import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.Grpc;
import io.grpc.HandlerRegistry;
import io.grpc.InsecureServerCredentials;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.ServerMethodDefinition;
import io.grpc.protobuf.services.HealthStatusManager;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.ServerCalls;
import io.grpc.stub.StreamObserver;
import io.grpc.xds.XdsServerBuilder;
import io.grpc.xds.XdsServerCredentials;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.cert.CertificateParsingException;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSession;

/** The xDS server of gRPC for Java; the documentation of package interop says what its address, its answers and its lines are. */
public final class Server {
  record Answer(String backend, String version, String language, String peer, String method, String header) {}

  /** How long a stream may go on after the server was told to end, in seconds. */
  private static final int GRACE = 5;

  /** The time between two messages of a stream, in milliseconds. */
  private static final int BEAT = 100;

  private static final Context.Key<String> PEER = Context.key("peer");
  private static final Context.Key<String> HEADER = Context.key("header");
  private static final Metadata.Key<String> ECHO = Metadata.Key.of("x-echo", Metadata.ASCII_STRING_MARSHALLER);
  private static final ScheduledExecutorService TICKS = Executors.newSingleThreadScheduledExecutor();

  /** Passes the bytes of messages through. */
  private static final MethodDescriptor.Marshaller<byte[]> RAW = new MethodDescriptor.Marshaller<>() {
    @Override
    public InputStream stream(byte[] value) {
      return new ByteArrayInputStream(value);
    }

    @Override
    public byte[] parse(InputStream stream) {
      try {
        return stream.readAllBytes();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  };

  /** Answers every method. */
  private static final class Everything extends HandlerRegistry {
    @Override
    public ServerMethodDefinition<?, ?> lookupMethod(String name, String authority) {
      boolean watch = name.endsWith("/Watch");
      MethodDescriptor<byte[], byte[]> method = MethodDescriptor.<byte[], byte[]>newBuilder(RAW, RAW)
          .setType(watch ? MethodDescriptor.MethodType.SERVER_STREAMING : MethodDescriptor.MethodType.UNARY).setFullMethodName(name).build();
      return ServerMethodDefinition.create(method, watch
          ? ServerCalls.asyncServerStreamingCall((byte[] request, StreamObserver<byte[]> client) -> watch(name, (ServerCallStreamObserver<byte[]>) client))
          : ServerCalls.asyncUnaryCall((byte[] request, StreamObserver<byte[]> client) -> {
            client.onNext(answer(name));
            client.onCompleted();
          }));
    }
  }

  /** Passes on who calls, and the header that is answered. */
  private static final class Caller implements ServerInterceptor {
    @Override
    public <Q, A> ServerCall.Listener<Q> interceptCall(ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
      String header = headers.get(ECHO);
      Context context = Context.current().withValues(PEER, peer(call.getAttributes().get(Grpc.TRANSPORT_ATTR_SSL_SESSION)),
          HEADER, header == null ? "" : header);
      return Contexts.interceptCall(context, call, headers, next);
    }
  }

  /** The first name of a URI in the certificate of the caller, or nothing. */
  private static String peer(SSLSession session) {
    try {
      if (session != null && session.getPeerCertificates()[0] instanceof X509Certificate certificate
          && certificate.getSubjectAlternativeNames() != null) {
        int uri = 6;
        for (List<?> name : certificate.getSubjectAlternativeNames()) {
          if (name.get(0).equals(uri)) {
            return (String) name.get(1);
          }
        }
      }
    } catch (SSLPeerUnverifiedException | CertificateParsingException e) {
      System.err.println("no name of the caller: " + e);
    }
    return "";
  }

  private static byte[] answer(String method) {
    Answer answer = new Answer(setting("NAME"), setting("VERSION"), "java", PEER.get(), "/" + method, HEADER.get());
    return new Gson().toJson(answer).getBytes(StandardCharsets.UTF_8);
  }

  /** Answers until the client ends the call. */
  private static void watch(String method, ServerCallStreamObserver<byte[]> client) {
    byte[] answer = answer(method);
    var beats = TICKS.scheduleAtFixedRate(() -> client.onNext(answer), 0, BEAT, TimeUnit.MILLISECONDS);
    client.setOnCancelHandler(() -> beats.cancel(false));
  }

  private static String setting(String name) {
    return System.getenv().getOrDefault(name, "");
  }

  private static synchronized void report(String line) {
    System.out.println(line);
    System.out.flush();
  }

  public static void main(String[] args) throws IOException, InterruptedException {
    // Where the control plane asks for no encryption, calls are served in plain text. This server listens on all addresses, always.
    int port = Integer.parseInt(args[0].substring(args[0].lastIndexOf(':') + 1));
    io.grpc.Server server = XdsServerBuilder.forPort(port, XdsServerCredentials.create(InsecureServerCredentials.create()))
        .xdsServingStatusListener(new XdsServerBuilder.XdsServingStatusListener() {
          @Override
          public void onServing() {
            report("serving");
          }

          @Override
          public void onNotServing(Throwable why) {
            report("not serving: " + why);
          }
        })
        .addService(new HealthStatusManager().getHealthService())
        .fallbackHandlerRegistry(new Everything())
        .intercept(new Caller())
        .build();
    Runtime.getRuntime().addShutdownHook(new Thread(() -> {
      server.shutdown();
      try {
        if (!server.awaitTermination(GRACE, TimeUnit.SECONDS)) {
          server.shutdownNow();
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      // The JVM ends with the number of the signal otherwise.
      Runtime.getRuntime().halt(0);
    }));
    report("started");
    server.start(); // which returns with the first listener
    server.awaitTermination();
  }
}
