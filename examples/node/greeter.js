// The service, as greeter.proto describes it.
'use strict';

const path = require('node:path');
const grpc = require('@grpc/grpc-js');
const protoLoader = require('@grpc/proto-loader');

module.exports = grpc.loadPackageDefinition(protoLoader.loadSync(path.join(__dirname, 'greeter.proto'))).greeter.v1;
