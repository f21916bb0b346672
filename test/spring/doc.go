// Package spring has stock Spring Cloud applications follow the mesh with the agent of agents/java. Applications of four
// release trains are built in apps, without any dependency on the mesh. Each runs in a JVM with -javaagent, calls plain
// HTTP servers (package provider) as a test asks it to, and finds the control plane by the output of
// `controlplane bootstrap`.
//
// An application has an endpoint for tests, POST /calls: it names a client library, a URL and headers, and how many calls
// are made. It returns what became of each call. A gateway is called itself, by its route for the service.
//
// Every scenario is played with every client of every application, each with a Service of its own, so that they run side
// by side. The tests have the build tag spring and need the parts that setup.sh prepares: `make interop-java` runs them.
// The results are written to docs/INTEROP.md with -update, and compared with it otherwise.
//
// TestHostileStream, TestHostileStart and TestHostileLoad give applications bad input, or bad weather.
//
// Reading order: scenario_test.go, scenarios_test.go, matrix_test.go, application_test.go, mesh_test.go, then the others.
package spring
