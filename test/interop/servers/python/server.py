"""The xDS server of gRPC for Python; the documentation of package interop says what its address, its answers and its lines are."""

import json
import os
import signal
import sys
import threading
from concurrent import futures

import grpc

GRACE = 5  # how long a stream may go on after the server was told to end, in seconds
BEAT = 0.1  # the time between two messages of a stream, in seconds
HEALTHY = b"\x08\x01"  # SERVING, as the package grpcio-health-checking writes it; it would add nothing but its classes


def answer(method, context):
    metadata = dict(context.invocation_metadata())
    identity = context.auth_context().get("peer_spiffe_id", [b""])
    return json.dumps({
        "backend": os.environ.get("NAME", ""),
        "version": os.environ.get("VERSION", ""),
        "language": "python",
        "peer": identity[0].decode(),
        "method": method,
        "header": metadata.get("x-echo", ""),
    }).encode()


class Everything(grpc.GenericRpcHandler):
    """Answers every method."""

    def service(self, details):
        method = details.method
        if method == "/grpc.health.v1.Health/Check":
            return grpc.unary_unary_rpc_method_handler(lambda _, context: HEALTHY)
        if method.endswith("/Watch"):
            return grpc.unary_stream_rpc_method_handler(lambda _, context: watch(method, context))
        return grpc.unary_unary_rpc_method_handler(lambda _, context: answer(method, context))


def watch(method, context):
    """Answers until the client ends the call."""
    ended = threading.Event()
    context.add_callback(ended.set)
    message = answer(method, context)
    while True:
        yield message
        if ended.wait(BEAT):
            return


def main():
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=50), handlers=[Everything()], xds=True)
    # Where the control plane asks for no encryption, calls are served in plain text.
    server.add_secure_port(sys.argv[1], grpc.xds_server_credentials(grpc.insecure_server_credentials()))
    signal.signal(signal.SIGTERM, lambda *_: server.stop(grace=GRACE))
    server.start()  # the library does not tell when it serves
    print("started", flush=True)
    server.wait_for_termination()


main()
