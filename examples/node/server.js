// Answers with its own name and version.
//
// Nothing in it knows of a mesh: clients find a server by its Service and EndpointSlices. It ends as a pod should: it stops taking
// connections and lets the calls under way finish.
'use strict';

const os = require('node:os');
const grpc = require('@grpc/grpc-js');
const { HealthImplementation } = require('grpc-health-check');
const { Greeter } = require('./greeter');

const name = process.env.NAME ?? os.hostname();
const version = process.env.VERSION ?? 'v1';
const port = process.env.PORT ?? '50051';

const server = new grpc.Server();
server.addService(Greeter.service, {
  greet: (call, callback) => callback(null, { server: name, version }),
});
new HealthImplementation({ '': 'SERVING' }).addToServer(server); // for the readiness probe

server.bindAsync(`[::]:${port}`, grpc.ServerCredentials.createInsecure(), (error) => {
  if (error) {
    console.error(`server: ${error.message}`);
    process.exit(1);
  }
  console.log(`${name}, version ${version}, listens on port ${port}`);
});
process.on('SIGTERM', () => server.tryShutdown(() => process.exit(0)));
