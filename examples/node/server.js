// Answers with its own name and version.
//
// Two things make an ordinary gRPC server a server of the mesh: XdsServer, and the credentials, which fall back to plaintext where the
// control plane configures no TLS. Clients find it by its Service and EndpointSlices. It ends as a pod should: it stops taking
// connections and lets the calls under way finish.
'use strict';

const os = require('node:os');
const grpc = require('@grpc/grpc-js');
const xds = require('@grpc/grpc-js-xds');
const { HealthImplementation } = require('grpc-health-check');
const { Greeter } = require('./greeter');

xds.register();

const name = process.env.NAME ?? os.hostname();
const version = process.env.VERSION ?? 'v1';
const port = process.env.PORT ?? '50051';

const server = new xds.XdsServer();
server.addService(Greeter.service, {
  greet: (call, callback) => callback(null, { server: name, version }),
});
new HealthImplementation({ '': 'SERVING' }).addToServer(server); // for the readiness probe

const credentials = new xds.XdsServerCredentials(grpc.ServerCredentials.createInsecure());
server.bindAsync(`[::]:${port}`, credentials, (error) => {
  if (error) {
    console.error(`server: ${error.message}`);
    process.exit(1);
  }
  console.log(`${name}, version ${version}, listens on port ${port}`);
});
process.on('SIGTERM', () => server.tryShutdown(() => process.exit(0)));
