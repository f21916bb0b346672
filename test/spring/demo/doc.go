// Command demo shows Spring Cloud and Go applications in one mesh, on one machine: a Nacos server, the stock Spring
// applications sc-a and sc-b with the agent, the Go applications go-sc-a in two versions and go-sc-b, and a control
// plane. Calls go in every direction while the mesh is changed by editing YAML in a folder and while the control plane
// is killed. It checks every result: it fails if a call fails or a change is not followed.
//
// test/spring/setup.sh builds the applications. `make demo-spring` runs both.
//
// Reading order: main.go (the setup), steps.go (the story), mesh.go (the objects), applications.go and goapp.go (what
// runs), streams.go (the calls), screen.go (what is printed).
package main
