"""Answers with its own name and version.

Two things make an ordinary gRPC server a server of the mesh: xds=True, and the credentials, which fall back to plaintext where the
control plane configures no TLS. Clients find it by its Service and EndpointSlices. It ends as a pod should: it stops taking
connections and lets the calls under way finish.
"""

import os
import signal
import socket
from concurrent import futures

import grpc
from grpc_health.v1 import health, health_pb2_grpc

import greeter_pb2
import greeter_pb2_grpc


class Greeter(greeter_pb2_grpc.GreeterServicer):
    """The service."""

    def __init__(self, name, version):
        self.answer = greeter_pb2.GreetResponse(server=name, version=version)

    def Greet(self, request, context):
        return self.answer


def main():
    name = os.environ.get("NAME", socket.gethostname())
    version = os.environ.get("VERSION", "v1")
    port = os.environ.get("PORT", "50051")
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=10), xds=True)
    greeter_pb2_grpc.add_GreeterServicer_to_server(Greeter(name, version), server)
    health_pb2_grpc.add_HealthServicer_to_server(health.HealthServicer(), server)  # for the readiness probe
    server.add_secure_port(f"[::]:{port}", grpc.xds_server_credentials(grpc.insecure_server_credentials()))
    server.start()
    signal.signal(signal.SIGTERM, lambda *_: server.stop(grace=20))
    print(f"{name}, version {version}, listens on port {port}", flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main()
