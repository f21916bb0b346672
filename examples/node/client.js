// Calls a service once a second over xds:/// and prints who answered.
//
// Three things make an ordinary gRPC client a client of the mesh: the package grpc-js-xds, which is registered, a target that begins
// with xds:///, and the credentials, which fall back to plaintext where the control plane configures none. Nothing here says where
// the control plane is: gRPC reads that from GRPC_XDS_BOOTSTRAP_CONFIG.
'use strict';

const grpc = require('@grpc/grpc-js');
const xds = require('@grpc/grpc-js-xds');
const { Greeter } = require('./greeter');

xds.register();

const credentials = new xds.XdsChannelCredentials(grpc.credentials.createInsecure());
const greeter = new Greeter(process.env.TARGET ?? 'xds:///greeter', credentials);

function call() {
  greeter.greet({}, { deadline: Date.now() + 10000 }, (error, response) => {
    if (error) {
      // What fails now may be repaired by the next change of the mesh.
      console.log(`failed: ${grpc.status[error.code]}: ${error.details}`);
    } else {
      console.log(`answered by ${response.server}, version ${response.version}`);
    }
    setTimeout(call, 1000);
  });
}

process.on('SIGTERM', () => process.exit(0));
call();
